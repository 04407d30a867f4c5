/** Impressions and clicks, joined where they lie and behind a re-key, with null keys and exact bounds. */

import { count, defineApp, jsonLines, minutes, seconds, source, sum, t, table } from 'millrace'

const columns = {
  id: t.int32(),
  user: t.string(),
  ad: t.string().nullable(),
  cost: t.int64(),
  at: t.timestamp({ format: 'unix_ms' }),
}
const options = {
  format: jsonLines({ columns }),
  at: 'at',
  key: 'user',
  ties: ['id'],
  disorder: seconds(8),
  lateness: seconds(20),
} as const

const shown = source('shown', options).dedupe(['user', 'id'])
const clicked = source('clicked', { ...options, disorder: seconds(3) }).dedupe(['user', 'id'])

const seen = clicked.join(shown, {
  on: 'user',
  lo: seconds(-2),
  hi: seconds(10),
  take: (click, show) => ({
    user: click.user,
    click: click.id,
    show: show.id,
    ad: show.ad,
    cost: show.cost,
  }),
})

/** Another key, which is null in some rows, and bounds on one side of zero only. */
const answered = shown.join(clicked, {
  on: ['ad', 'user'],
  lo: seconds(-30),
  hi: seconds(-1),
  at: 'answered_at',
  take: (show, click) => ({ ad: show.ad, show: show.id, click: click.id, user: click.user }),
})

export const app = defineApp({
  name: 'pairs',
  pipelines: [
    seen.into(table('seen', { key: ['user', 'click', 'show'] })),
    answered.into(table('answered', { key: ['user', 'show', 'click'] })),
    answered.into(table('answered_log')),
    seen
      .tumble({ by: 'ad', size: minutes(1) })
      .aggregate(r => ({ clicks: count(), cost: sum(r.cost) }))
      .into(table('ad_minutes', { key: ['ad', 'window_start'] })),
  ],
})
