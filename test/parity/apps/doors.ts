/** Two sources of one shape in one stream: sessions of both, and both beside each other. */

import {
  count,
  defineApp,
  first,
  fn,
  jsonLines,
  last,
  lit,
  seconds,
  source,
  t,
  table,
} from 'millrace'

const columns = {
  id: t.uuid(),
  badge: t.int64().nullable(),
  door: t.string(),
  at: t.timestamp({ format: 'unix_ms' }),
}
const format = jsonLines({ columns })

const north = source('north', {
  format,
  at: 'at',
  key: 'badge',
  ties: ['id'],
  disorder: seconds(5),
  lateness: seconds(40),
})
const south = source('south', {
  format,
  at: 'at',
  key: 'badge',
  ties: ['id'],
  disorder: seconds(25),
  lateness: seconds(10),
})

const both = north
  .dedupe(['badge', 'id'])
  .with(() => ({ side: lit('north') }))
  .union(south.dedupe(['badge', 'id']).with(() => ({ side: lit('south') })))

const stays = both.session({ by: 'badge', gap: seconds(30) }).aggregate(r => ({
  passes: count(),
  first_side: first(r.side),
  last_door: last(r.door),
}))

export const app = defineApp({
  name: 'doors',
  pipelines: [
    both.into(table('passes', { key: ['id', 'at'] })),
    stays.into(
      table('stays', {
        key: ['badge', 'session_start'],
        partitionBy: { column: 'session_end', unit: 'day' },
      }),
    ),
    both
      .select(r => ({ door: r.door, id: r.id, late: fn.if(r.side.eq('north'), lit(1), 0) }))
      .tumble({ by: 'door', size: seconds(20) })
      .aggregate(r => ({ passes: count(), last_side: last(r.late), last_id: last(r.id) }))
      .into(table('door_counts', { key: ['door', 'window_start'] })),
  ],
})
