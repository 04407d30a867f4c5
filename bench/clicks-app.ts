/**
 * The plan of the engine's benches, written as a user writes one: clicks of a shop, each once, and
 * the visits they make up. Both go to tables: every accepted click with all its columns, and every
 * session once nothing can change it any more.
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
  sum,
  t,
  table,
} from 'millrace'

const clicks = source('clicks', {
  format: jsonLines({
    columns: {
      event_id: t.uuid(),
      event_type: t.enum(
        'page_view',
        'product_view',
        'add_to_cart',
        'search',
        'purchase',
        'remove_from_cart',
        'checkout',
        'login',
      ),
      user_id: t.string({ lengthMin: 1, lengthMax: 64 }),
      session_id: t.string({ lengthMin: 1, lengthMax: 64 }),
      ts: t.timestamp(),
      channel: t.enum('web', 'ios', 'android', 'email'),
      country: t.string({ pattern: /^[A-Z]{2}$/ }),
      page: t.string({ lengthMin: 1, lengthMax: 256 }).from('properties.page'),
      referrer: t.string({ lengthMin: 1, lengthMax: 256 }).nullable().from('properties.referrer'),
      product_id: t
        .string({ lengthMin: 1, lengthMax: 64 })
        .nullable()
        .from('properties.product_id'),
      quantity: t.int32({ min: 1, max: 1000 }).nullable().from('properties.quantity'),
      price: t.decimal(15, 2, { min: 0, max: 1e7 }).nullable().from('properties.price'),
      currency: t.enum('EUR', 'USD', 'PLN', 'GBP').nullable().from('properties.currency'),
      amount: t.decimal(15, 2, { min: 0, max: 1e9 }).nullable().from('properties.amount'),
      device: t.enum('mobile', 'desktop', 'tablet').from('properties.device'),
      duration_ms: t.int32({ min: 0, max: 86_400_000 }).from('properties.duration_ms'),
      campaign: t.string({ lengthMin: 1, lengthMax: 64 }).nullable().from('properties.campaign'),
      city: t.string({ lengthMin: 1, lengthMax: 64 }).nullable().from('properties.city'),
      v: t.int32({ min: 1, max: 99 }),
    },
  }),
  at: 'ts',
  key: 'user_id',
  disorder: seconds(30),
  lateness: minutes(1),
})

/** Rows of one user are in one partition, so the user is part of what tells clicks apart. */
const unique = clicks.dedupe(['event_id', 'user_id'])

export const app = defineApp({
  name: 'clicks',
  pipelines: [
    unique.into(table('clicks')),
    unique
      .session({ by: 'user_id', gap: minutes(30) })
      .aggregate(r => ({
        clicks: count(),
        purchases: count().where(r.event_type.eq('purchase')),
        amount: sum(r.amount),
        first_page: first(r.page),
        last_page: last(r.page),
        country: last(r.country),
      }))
      .into(table('sessions', { key: ['user_id', 'session_start'] }), { emit: 'settled' }),
  ],
})
