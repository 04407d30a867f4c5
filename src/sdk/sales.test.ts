import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Application,
  analyse,
  canonicalJson,
  checkApplication,
  explain,
  planHash,
} from '#plan'
import {
  avg,
  count,
  csv,
  days,
  defineApp,
  first,
  fn,
  hours,
  jsonLines,
  lit,
  minutes,
  source,
  sum,
  t,
  table,
} from './index.ts'

const sales = source('sales', {
  format: csv({
    columns: {
      InvoiceNo: t.string(),
      Quantity: t.int32(),
      InvoiceDate: t.timestamp({ format: 'yyyy-MM-dd HH:mm:ss' }),
      UnitPrice: t.decimal(12, 3),
      CustomerID: t.string().nullable(),
      Country: t.string(),
    },
  }).map((r, id) => ({
    line_id: id.fromLine(),
    invoice: r.InvoiceNo,
    country: r.Country,
    customer: r.CustomerID,
    cancelled: r.InvoiceNo.startsWith('C'),
    amount: r.UnitPrice.mul(r.Quantity),
    at: r.InvoiceDate,
  })),
  at: 'at',
  key: 'invoice',
  ties: ['line_id'],
  disorder: minutes(0),
  lateness: hours(48),
})

const customers = source('customers', {
  format: jsonLines({
    columns: {
      id: t.string(),
      tier: t.enum('basic', 'gold'),
      gone: t.bool().nullable(),
      since: t.timestamp().from('valid.from'),
    },
  }),
  at: 'since',
  key: 'id',
})

const byDay = table('revenue_by_day', {
  columns: {
    country: t.string(),
    day: t.timestamp(),
    day_end: t.timestamp(),
    lines: t.int64(),
    revenue: t.decimal(38, 3).nullable(),
    mean: t.decimal(22, 3).nullable(),
    gold: t.int64(),
    first_invoice: t.string().nullable(),
  },
  key: ['country', 'day'],
})

function sample(): Application {
  return defineApp({
    name: 'sales',
    pipelines: [
      sales
        .filter(r => r.cancelled.not(), { rule: 'cancelled' })
        .lookup(customers, {
          key: { customer: 'id' },
          take: { tier: 'tier' },
          otherwise: { tier: 'basic' },
          deleted: c => c.gone,
        })
        .tumble({ by: 'country', size: days(1), bounds: ['day', 'day_end'] })
        .aggregate(r => ({
          lines: count(),
          revenue: sum(r.amount),
          mean: avg(r.amount),
          gold: count().where(r.tier.eq('gold')),
          first_invoice: first(r.invoice),
        }))
        .into(byDay, { emit: 'closed' }),
      sales
        .with(r => ({ label: fn.if(r.amount.gt(0), lit('sale'), 'return') }))
        .into(table('lines')),
    ],
  })
}

test('a plan is explained from its tables back to its sources', () => {
  const app = sample()
  assert.equal(
    explain(app),
    `application "sales" version 1, plan ${planHash(app)}
source "sales": csv records, 4 partitions by invoice
  line_id uuid, invoice string, country string, customer string?, cancelled bool, amount decimal(22, 3), at timestamp
  time at, line_id; disorder 0 s, lateness 2 d
source "customers": json records, 4 partitions by id
  id string, tier enum('basic', 'gold'), gone bool?, since timestamp
  time since; disorder 5 s, lateness 1 h
table "revenue_by_day": one row by country, day
  country string, day timestamp, day_end timestamp, lines int64, revenue decimal(38, 3)?, mean decimal(22, 3)?, gold int64, first_invoice string?
table "lines": append-only
  line_id uuid, invoice string, country string, customer string?, cancelled bool, amount decimal(22, 3), at timestamp, label string
pipeline into "revenue_by_day", emits closed
  aggregate by country in windows of 1 d: lines = count(), revenue = sum(amount), mean = avg(amount), gold = count() where eq(tier, 'gold'), first_invoice = first(invoice)   [4 partitions by country; settles at F ≥ day_end]
    rekey by country into 4 partitions   [4 partitions by country]
      lookup customer = id: tier = tier else "basic", deleted where gone   [4 partitions by invoice; settles at F > at of both sides]
        dimension
          source "customers"   [4 partitions by id]
        filter "cancelled": not(cancelled)   [4 partitions by invoice]
          source "sales"   [4 partitions by invoice]
pipeline into "lines", emits settled
  project line_id, invoice, country, customer, cancelled, amount, at, label = if(gt(amount, 0), 'sale', 'return')   [4 partitions by invoice]
    source "sales"   [4 partitions by invoice]
stage 0: 4 tasks; reads sales, all of customers; gives table lines (settled), _repartition.sales.0 by country
stage 1: 4 tasks; reads _repartition.sales.0; gives table revenue_by_day (closed)
`,
  )
})

test('the same file gives the same hash, and another plan another', () => {
  const hash = planHash(sample())
  assert.equal(hash, planHash(sample()))
  assert.match(hash, /^[0-9a-f]{64}$/)
  const app = sample()
  assert.notEqual(hash, planHash({ ...app, version: '2' }))
  const [first, ...rest] = app.sources
  assert.ok(first !== undefined)
  assert.notEqual(hash, planHash({ ...app, sources: [{ ...first, latenessUs: 1 }, ...rest] }))
})

test('the hash of this plan does not change without a change of the canonical form', () => {
  assert.equal(
    planHash(sample()),
    '3bacde2fad300a2f754055d7f00723c77d0d99c58731515243f69d226139f7d9',
  )
})

test('an application survives canonical JSON', () => {
  const app = sample()
  const { functions, ...data } = app
  const again = checkApplication({ ...JSON.parse(canonicalJson(data)), functions })
  assert.equal(planHash(again), planHash(app))
  assert.deepEqual(again, app)
})

test('operators that two pipelines share run once, and stages begin behind rekeys', () => {
  const [before, behind, ...none] = analyse(sample())
  assert.deepEqual(none, [])
  assert.deepEqual(
    before?.operators.map(({ id, plan, inputs, retracting, retracts, emit }) => [
      id,
      plan.op,
      inputs,
      retracting,
      retracts,
      emit,
    ]),
    [
      [0, 'source', [], false, false, 'closed'],
      [1, 'filter', [0], false, false, 'closed'],
      [2, 'source', [], false, false, 'closed'],
      [3, 'lookup', [1, 2], false, true, 'closed'],
      [4, 'project', [0], false, false, 'settled'],
    ],
  )
  assert.deepEqual(
    before?.inputs.map(({ operator, topic, kind, broadcast, partitions }) => [
      operator,
      topic,
      kind,
      broadcast,
      partitions,
    ]),
    [
      [0, 'sales', 'source', false, 4],
      [2, 'customers', 'source', true, 4],
    ],
  )
  assert.deepEqual(before?.repartitions, [
    { operator: 3, topic: '_repartition.sales.0', by: ['country'], partitions: 4 },
  ])
  assert.deepEqual(before?.tables, [{ operator: 4, table: 'lines', emit: 'settled' }])
  assert.deepEqual(
    behind?.operators.map(({ plan, inputs, retracting, emit }) => [
      plan.op,
      inputs,
      retracting,
      emit,
    ]),
    [
      ['rekey', [], true, 'closed'],
      ['aggregate', [0], true, 'closed'],
    ],
  )
  assert.deepEqual(
    behind?.inputs.map(({ topic, kind }) => [topic, kind]),
    [['_repartition.sales.0', 'change']],
  )
  assert.deepEqual(behind?.tables, [{ operator: 1, table: 'revenue_by_day', emit: 'closed' }])
})
