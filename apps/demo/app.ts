/**
 * Clicks of a small shop, made up: what `npm start` shows until the first application ships.
 *
 * Everything a user's own file has: a source, plans over it, tables, and, for the show, `demo`.
 */

import {
  count,
  defineApp,
  first,
  jsonLines,
  last,
  minutes,
  seconds,
  source,
  t,
  table,
} from 'millrace'

const PAGES = [
  '/',
  '/search',
  '/product/1',
  '/product/2',
  '/product/3',
  '/cart',
  '/checkout',
] as const

const clicks = source('clicks', {
  format: jsonLines({
    columns: {
      click_id: t.uuid(),
      user_id: t.string(),
      page: t.string(),
      at: t.timestamp(),
    },
  }),
  at: 'at',
  key: 'user_id',
  disorder: seconds(5),
  lateness: minutes(1),
})

const unique = clicks.dedupe(['click_id', 'user_id'])

/** Visits of a user: runs of clicks less than a minute apart. */
const visits = table('visits', { key: ['user_id', 'session_start'] })

/** Views of each page by ten seconds. */
const pageViews = table('page_views', { key: ['page', 'window_start'] })

export const app = defineApp({
  name: 'demo',
  pipelines: [
    unique
      .session({ by: 'user_id', gap: minutes(1) })
      .aggregate(r => ({
        clicks: count(),
        checkouts: count().where(r.page.eq('/checkout')),
        first_page: first(r.page),
        last_page: last(r.page),
      }))
      .into(visits),
    unique
      .tumble({ by: 'page', size: seconds(10) })
      .aggregate(() => ({ views: count() }))
      .into(pageViews),
  ],
})

/** A handful of users who click; now and then a click comes twice, late, or broken. */
export const demo = {
  topic: 'clicks',
  rate: 20,
  record(random: { next(): number; int(bound: number): number }, nowUs: number) {
    const hex = (digits: number) =>
      Array.from({ length: digits }, () => random.int(16).toString(16)).join('')
    const lateUs = random.next() < 0.05 ? random.int(30_000_000) : random.int(2_000_000)
    return {
      click_id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
      user_id: `user-${random.int(12)}`,
      page: random.next() < 0.01 ? null : PAGES[random.int(PAGES.length)],
      at: new Date((nowUs - lateUs) / 1000).toISOString(),
    }
  },
}
