/** Clicks of a shop, cut into sessions at pauses of half an hour within the sessions it gave. */

import {
  count,
  countDistinct,
  days,
  defineApp,
  first,
  last,
  minutes,
  source,
  t,
  table,
  tsv,
} from 'millrace'

const clicks = source('clicks', {
  format: tsv({
    columns: {
      SessionId: t.int64(),
      ItemId: t.int64(),
      Time: t.timestamp({ format: 'unix_s' }),
    },
  }).map(r => ({ session: r.SessionId, item: r.ItemId, at: r.Time })),
  at: 'at',
  key: 'session',
  ties: ['item'],
  // The file is in order of sessions, of a week in all.
  disorder: days(7),
  lateness: 0,
})

const visits = clicks.session({ by: 'session', gap: minutes(30) }).aggregate(r => ({
  clicks: count(),
  items: countDistinct(r.item),
  entry: first(r.item),
  exit: last(r.item),
}))

export const app = defineApp({
  name: 'yoochoose',
  pipelines: [
    visits.into(table('visits', { key: ['session', 'session_start'] })),
    visits
      .all({ by: 'session' })
      .aggregate(() => ({ visits: count() }))
      .into(table('given', { key: ['session'] }), { emit: 'settled' }),
  ],
})
