/**
 * Orders with the tier that their customer had: a dimension partitioned alike and one read whole,
 * with deletes and late changes, and two aggregates behind it whose rows are taken back.
 */

import {
  avg,
  count,
  countDistinct,
  defineApp,
  first,
  jsonLines,
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

const orders = source('orders', {
  format: jsonLines({
    columns: {
      id: t.int64(),
      customer: t.string(),
      country: t.string().nullable(),
      amount: t.decimal(12, 2),
      at: t.timestamp({ format: 'unix_ms' }),
    },
  }),
  at: 'at',
  key: 'customer',
  ties: ['id'],
  disorder: seconds(15),
  lateness: seconds(60),
})

const customers = source('customers', {
  format: jsonLines({
    columns: {
      name: t.string(),
      tier: t.enum('basic', 'silver', 'gold'),
      gone: t.bool(),
      from: t.timestamp({ format: 'unix_ms' }),
    },
  }),
  at: 'from',
  key: 'name',
  ties: ['tier', 'gone'],
  disorder: seconds(40),
  lateness: seconds(120),
})

const rates = source('rates', {
  format: jsonLines({
    columns: {
      country: t.string(),
      rate: t.decimal(9, 4),
      version: t.int32(),
      since: t.timestamp({ format: 'unix_ms' }),
    },
  }),
  at: 'since',
  key: 'country',
  ties: ['version'],
  partitions: 2,
  disorder: seconds(40),
  lateness: seconds(60),
})

const tiered = orders.dedupe(['customer', 'id']).lookup(customers, {
  key: { customer: 'name' },
  take: { tier: 'tier' },
  otherwise: { tier: 'basic' },
  deleted: r => r.gone,
  waitMax: seconds(20),
})

const priced = tiered
  .lookup(rates, { key: 'country', take: { rate: 'rate' }, otherwise: { rate: null } })
  .with(r => ({ local: r.amount.mul(r.rate) }))

/** By tier, which a late change moves orders between. */
const byTier = priced.tumble({ by: 'tier', size: minutes(1) }).aggregate(r => ({
  orders: count(),
  priced: count(r.rate),
  customers: countDistinct(r.customer),
  revenue: sum(r.local),
  mean: avg(r.amount),
  least: min(r.amount),
  most: max(r.local),
  first_id: first(r.id),
  last_rate: last(r.rate),
  large: count().where(r.amount.gt('50.00')),
}))

/** Runs of orders in one tier: sessions of rows that are taken back. */
const active = priced
  .tumble({ by: ['customer', 'tier'], size: seconds(10) })
  .aggregate(r => ({ orders: count(), revenue: sum(r.local) }))
  .session({ by: ['customer', 'tier'], gap: seconds(25) })
  .aggregate(r => ({
    windows: count(),
    orders: sum(r.orders),
    best: max(r.revenue),
    first_orders: first(r.orders),
    last_revenue: last(r.revenue),
  }))

export const app = defineApp({
  name: 'tiers',
  pipelines: [
    priced.into(table('priced', { key: ['id', 'customer'] })),
    byTier.into(table('by_tier', { key: ['tier', 'window_start'] })),
    active.into(table('active', { key: ['customer', 'tier', 'session_start'] })),
    active
      .tumble({ by: 'orders', size: minutes(30), bounds: ['from', 'to'] })
      .aggregate(r => ({ runs: count(), tiers: countDistinct(r.tier), last_tier: last(r.tier) }))
      .into(table('run_sizes', { key: ['orders', 'from'] }), { emit: 'settled' }),
  ],
})
