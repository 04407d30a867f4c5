/** Levels around 1970: overlapping windows with an offset, before the epoch too, of every aggregate. */

import {
  avg,
  count,
  countDistinct,
  csv,
  defineApp,
  first,
  last,
  max,
  min,
  minutes,
  seconds,
  source,
  sum,
  t,
  table,
} from 'millrace'

const levels = source('levels', {
  format: csv({
    columns: {
      id: t.int32(),
      gauge: t.string(),
      level: t.decimal(9, 3).nullable(),
      speed: t.float64().nullable(),
      quality: t.enum('good', 'poor').nullable(),
      big: t.int64(),
      at: t.timestamp({ format: 'unix_ms' }),
    },
  }),
  at: 'at',
  key: 'gauge',
  ties: ['id'],
  disorder: seconds(30),
  lateness: minutes(2),
  partitions: 3,
})

const good = levels.filter(r => r.quality.ne('poor'), { rule: 'poor' })

export const app = defineApp({
  name: 'tides',
  pipelines: [
    levels
      .hop({ by: 'gauge', size: seconds(90), advance: seconds(25), offset: seconds(7) })
      .aggregate(r => ({
        rows: count(),
        levels: count(r.level),
        highest: max(r.level),
        lowest: min(r.level),
        mean: avg(r.level, { scale: 5 }),
        total: sum(r.level),
        speed: sum(r.speed),
        speed_mean: avg(r.speed),
        fastest: max(r.speed),
        big: sum(r.big),
        qualities: countDistinct(r.quality),
        first_level: first(r.level),
        last_quality: last(r.quality),
        poor: count().where(r.quality.eq('poor')),
      }))
      .into(table('hops', { key: ['gauge', 'window_start'] })),
    good
      .tumble({ by: ['gauge', 'quality'], size: minutes(1), offset: seconds(-20) })
      .aggregate(r => ({ rows: count(), lowest: min(r.big), last_id: last(r.id) }))
      .into(table('minutes_of', { key: ['gauge', 'quality', 'window_start'] })),
    levels
      .hop({ by: 'quality', size: minutes(5), advance: minutes(5) })
      .aggregate(r => ({ rows: count(), speed: sum(r.speed), gauges: countDistinct(r.gauge) }))
      .into(table('qualities', { key: ['quality', 'window_start'] })),
    levels
      .all({ by: 'gauge' })
      .aggregate(r => ({ rows: count(), total: sum(r.level), last_id: last(r.id) }))
      .into(table('gauges', { key: ['gauge'] })),
  ],
})
