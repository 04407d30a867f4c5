import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  count,
  countDistinct,
  csv,
  defineApp,
  jsonLines,
  minutes,
  type RowOf,
  seconds,
  source,
  sum,
  t,
  table,
} from './index.ts'

const columns = {
  id: t.uuid(),
  user: t.string(),
  amount: t.decimal(15, 2),
  score: t.float64(),
  tier: t.enum('basic', 'gold'),
  note: t.string().nullable(),
  at: t.timestamp(),
}
const orders = source('orders', { format: jsonLines({ columns }), at: 'at', key: 'user' })
const users = source('users', {
  format: jsonLines({ columns: { user: t.string(), rank: t.int32(), since: t.timestamp() } }),
  at: 'since',
  key: 'user',
})

const column = { code: 'plan.unknown_column' }
const type = { code: 'plan.type' }
const plan = { code: 'plan.invalid' }

test('a column that is not there does not compile', () => {
  // @ts-expect-error no such column
  assert.throws(() => orders.filter(r => r.usr.eq('x')), column)
  // @ts-expect-error no such column
  assert.throws(() => orders.dedupe('usr'), column)
  assert.throws(
    // @ts-expect-error no such column
    () => orders.session({ by: 'usr', gap: 1 }).aggregate(() => ({ n: count() })),
    column,
  )
  // @ts-expect-error no such column in the dimension
  assert.throws(() => orders.lookup(users, { key: 'user', take: { rank: 'rnk' } }), column)
  const format = csv({ columns: { a: t.string(), at: t.timestamp() } })
  // @ts-expect-error no such column
  assert.throws(() => source('s', { format, at: 'time' }), column)
  // @ts-expect-error no such column
  assert.throws(() => source('s', { format, at: 'at', key: ['b'] }), column)
  assert.throws(
    () =>
      defineApp({
        name: 'x',
        // @ts-expect-error no such column
        pipelines: [orders.into(table('x', { columns: { id: t.uuid() }, key: ['di'] }))],
      }),
    column,
  )
})

test('a wrong type does not compile', () => {
  // @ts-expect-error text is not compared with a number
  assert.throws(() => orders.filter(r => r.user.eq(1)), type)
  // @ts-expect-error decimals meet no floats
  assert.throws(() => orders.with(r => ({ x: r.amount.add(r.score) })), type)
  // @ts-expect-error no value of the enum
  assert.throws(() => orders.filter(r => r.tier.eq('silver')), type)
  // @ts-expect-error a condition is bool
  assert.throws(() => orders.filter(r => r.user), type)
  assert.throws(
    // @ts-expect-error text has no sum
    () => orders.session({ by: 'user', gap: 1 }).aggregate(r => ({ x: sum(r.user) })),
    type,
  )
  // @ts-expect-error event time is no text
  assert.throws(() => source('s', { format: csv({ columns: { a: t.string() } }), at: 'a' }), type)
  const maybe = t.timestamp().nullable()
  // @ts-expect-error event time is never null
  assert.throws(() => source('s', { format: csv({ columns: { at: maybe } }), at: 'at' }), type)
  // @ts-expect-error numbers have no case
  assert.throws(() => orders.with(r => ({ x: r.amount.lower() })), type)
  assert.throws(
    () =>
      orders.lookup(users, {
        key: 'user',
        take: { rank: 'rank' },
        // @ts-expect-error the default is no rank
        otherwise: { rank: 'x' },
      }),
    type,
  )
})

test('a float is no key', () => {
  assert.throws(
    // @ts-expect-error floats are no keys
    () => orders.session({ by: 'score', gap: 1 }).aggregate(() => ({ n: count() })),
    type,
  )
  assert.throws(
    // @ts-expect-error floats are not counted
    () => orders.tumble({ by: 'user', size: 1 }).aggregate(r => ({ n: countDistinct(r.score) })),
    type,
  )
})

test('a join without bounds does not compile', () => {
  const on = { on: 'user', take: (l: { id: never }) => ({ id: l.id }) } as const
  // @ts-expect-error bounds are missing
  assert.throws(() => orders.join(users, { ...on, lo: seconds(1) }), plan)
  const bounds = { lo: seconds(1), hi: seconds(0) }
  assert.throws(() => orders.join(users, { on: 'user', ...bounds, take: l => ({ id: l.id }) }), {
    code: 'plan.invalid',
    message: /lower bound.*orders > join/,
  })
})

test('rows that do not fit their table do not compile', () => {
  const named = table('a', { columns: { id: t.uuid(), usr: t.string() } })
  // @ts-expect-error the stream has no usr
  assert.throws(() => orders.into(named), column)
  const wrong = table('b', { columns: { id: t.string() } })
  // @ts-expect-error id is a uuid
  assert.throws(() => orders.into(wrong), type)
  const strict = table('c', { columns: { note: t.string() } })
  // @ts-expect-error note may be null
  assert.throws(() => orders.into(strict), type)
  const narrow = table('d', { columns: { amount: t.decimal(15, 3) } })
  assert.throws(() => orders.into(narrow), {
    code: 'plan.type',
    message:
      'column "amount" is decimal(15, 2), not decimal(15, 3), at table "d" from orders > project',
  })
})

test('rows have the types of their columns', () => {
  type Order = typeof orders extends { filter: (condition: (row: infer R) => never) => unknown }
    ? R
    : never
  const row: RowOf<{ id: { kind: 'int64'; nullable: true; holds: never } }> = { id: null }
  assert.equal(row.id, null)
  // @ts-expect-error an int64 is a bigint
  const other: typeof row = { id: 1 }
  assert.ok(other)
  const unused: Order | undefined = undefined
  assert.equal(unused, undefined)
})

test('a dedupe stands next to its source and holds its key', () => {
  assert.throws(() => orders.dedupe('id'), {
    code: 'plan.invalid',
    message: 'copies of a row may be in several partitions at orders > dedupe.by',
    hint: 'Rows are placed by user: dedupe by id, user.',
  })
  const moved = orders.tumble({ by: 'id', size: minutes(1) }).aggregate(() => ({ n: count() }))
  assert.throws(() => moved.dedupe('id'), plan)
  const keyless = source('keyless', { format: jsonLines({ columns }), at: 'at' })
  assert.throws(() => keyless.dedupe('id'), { code: 'plan.invalid', hint: /Declare a key/ })
  assert.equal(orders.dedupe(['id', 'user']).plan.operator.op, 'dedupe')
})

test('what never ends or cannot be taken back is refused', () => {
  assert.throws(() => orders.all({ by: 'user' }).aggregate(r => ({ n: countDistinct(r.id) })), plan)
  const counts = orders.tumble({ by: 'user', size: minutes(1) }).aggregate(() => ({ n: count() }))
  assert.throws(() => counts.into(table('log'), { emit: 'update' }), {
    code: 'plan.invalid',
    hint: /emit 'settled'/,
  })
  assert.equal(counts.into(table('log')).emit, 'settled')
  assert.throws(
    () =>
      orders
        .hop({ by: 'user', size: minutes(1), advance: minutes(2) })
        .aggregate(() => ({ n: count() })),
    plan,
  )
})

test('a product that needs over 38 digits behind the point is refused, one of 38 digits is null beyond', () => {
  const fine = source('fine', {
    format: csv({ columns: { a: t.decimal(38, 20), b: t.decimal(30, 2), at: t.timestamp() } }),
    at: 'at',
  })
  assert.throws(() => fine.with(r => ({ x: r.a.mul(r.a) })), {
    code: 'plan.type',
    message: /40 digits/,
  })
  const { schema } = fine.select(r => ({ x: r.b.mul(r.b) })).plan.operator
  assert.deepEqual(schema[0]?.type, { kind: 'decimal', precision: 38, scale: 4, nullable: true })
})

test('a dedupe behind a move is refused even where its key is in place', () => {
  const ranks = source('ranks', {
    format: jsonLines({ columns: { note: t.string(), since: t.timestamp() } }),
    at: 'since',
  })
  const moved = orders
    .select(r => ({ note: r.note.coalesce('') }))
    .join(ranks, { on: 'note', lo: 0, hi: seconds(1), take: l => ({ note: l.note }) })
  assert.throws(() => moved.dedupe('note'), {
    code: 'plan.invalid',
    message: /moves or takes back rows/,
  })
})

test('log order of two sources is refused, even where both are placed alike', () => {
  const more = source('more', { format: jsonLines({ columns }), at: 'at', key: 'user' })
  const options = {
    by: 'user',
    name: 'f',
    version: 1,
    state: { n: t.int32() },
    output: { user: t.string(), at: t.timestamp() },
    at: 'at',
    run: () => {},
  } as const
  const both = orders.union(more)
  assert.throws(() => both.process({ ...options, order: 'log' }), {
    code: 'plan.invalid',
    message: /several places/,
  })
  assert.equal(both.process({ ...options, order: 'event' }).plan.operator.op, 'process')
})

test('log order needs rows of one source as they came', () => {
  const options = {
    by: 'user',
    order: 'log',
    name: 'f',
    version: 1,
    state: { n: t.int32() },
    output: { user: t.string(), at: t.timestamp() },
    at: 'at',
    run: () => {},
  } as const
  assert.equal(orders.process(options).plan.operator.op, 'process')
  assert.throws(
    () =>
      orders
        .union(orders.filter(r => r.user.eq('x')))
        .lookup(users, { key: 'user', take: { r: 'rank' } })
        .process(options),
    plan,
  )
  assert.throws(() => orders.process({ ...options, by: 'id' }), {
    code: 'plan.invalid',
    message: /several places/,
  })
})

test('two sources, tables or functions of one name are refused', () => {
  const twin = source('orders', { format: jsonLines({ columns }), at: 'at', key: 'user' })
  assert.throws(() => orders.union(twin), plan)
  assert.throws(
    () => defineApp({ name: 'x', pipelines: [orders.into(table('a')), users.into(table('a'))] }),
    plan,
  )
  assert.throws(
    () => defineApp({ name: 'x', pipelines: [orders.into(table('rejected_records'))] }),
    plan,
  )
})

test('orReject belongs to the map of a source', () => {
  assert.throws(() => orders.select(r => ({ note: r.note.orReject() })), plan)
  const strict = source('strict', {
    format: jsonLines({ columns }).map(r => ({ note: r.note.orReject(), at: r.at })),
    at: 'at',
    key: 'note',
  })
  assert.deepEqual(strict.plan.operator.schema[0], { name: 'note', type: { kind: 'string' } })
})
