/**
 * The application of the fault and parity tests: duplicates, disorder, late and broken records
 * through dedupe, sessions, windows behind a re-key, and a chain of two aggregates.
 */

import {
  count,
  countDistinct,
  defineApp,
  first,
  jsonLines,
  last,
  max,
  minutes,
  seconds,
  source,
  sum,
  t,
  table,
} from 'millrace'

const events = source('events', {
  format: jsonLines({
    columns: {
      event_id: t.uuid(),
      user_id: t.string(),
      page: t.string(),
      amount: t.decimal(12, 2).nullable(),
      at: t.timestamp(),
    },
  }),
  at: 'at',
  key: 'user_id',
  ties: ['event_id'],
  disorder: seconds(20),
  lateness: minutes(2),
})

const unique = events.dedupe(['event_id', 'user_id'])

const visits = unique.session({ by: 'user_id', gap: minutes(1) }).aggregate(r => ({
  events: count(),
  spent: sum(r.amount),
  dearest: max(r.amount),
  first_page: first(r.page),
  last_page: last(r.page),
  pages: countDistinct(r.page),
}))

export const app = defineApp({
  name: 'shop',
  pipelines: [
    unique.into(table('accepted', { key: ['event_id', 'at'] })),
    visits.into(table('visits', { key: ['user_id', 'session_start'] })),
    unique
      .hop({ by: 'page', size: minutes(5), advance: minutes(1) })
      .aggregate(r => ({ views: count(), spent: sum(r.amount), last_amount: last(r.amount) }))
      .into(table('page_views', { key: ['page', 'window_start'] })),
    visits
      .tumble({ by: 'last_page', size: minutes(10) })
      .aggregate(r => ({ visits: count(), events: sum(r.events), spent: sum(r.spent) }))
      .into(table('exits', { key: ['last_page', 'window_start'] }), { emit: 'settled' }),
  ],
})
