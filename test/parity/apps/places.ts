/**
 * Rows moved to another key, many of equal time. Without tie columns their place in the log decides,
 * across partitions too; then the answer belongs to one arrival.
 */

import { count, defineApp, first, last, logLines, seconds, source, t, table } from 'millrace'

const visits = source('visits', {
  format: logLines('%{time} %{guest} [%{place}] "%{note}"', {
    time: t.timestamp({ format: 'unix_s' }),
    guest: t.string(),
    place: t.string().nullable(),
    note: t.string(),
  }),
  at: 'time',
  key: 'guest',
  disorder: seconds(20),
  lateness: seconds(60),
})

const stays = visits.session({ by: ['place', 'guest'], gap: seconds(15) }).aggregate(r => ({
  notes: count(),
  first_note: first(r.note),
  last_note: last(r.note),
}))

export const app = defineApp({
  name: 'places',
  pipelines: [
    visits.into(table('visits_log')),
    visits
      .hop({ by: 'place', size: seconds(60), advance: seconds(20) })
      .aggregate(r => ({
        visits: count(),
        first_guest: first(r.guest),
        last_guest: last(r.guest),
        last_note: last(r.note),
      }))
      .into(table('place_windows', { key: ['place', 'window_start'] })),
    stays.into(table('stays', { key: ['place', 'guest', 'session_start'] })),
    stays
      .tumble({ by: 'notes', size: seconds(120) })
      .aggregate(r => ({ stays: count(), first_guest: first(r.guest), last_place: last(r.place) }))
      .into(table('by_notes', { key: ['notes', 'window_start'] })),
  ],
})
