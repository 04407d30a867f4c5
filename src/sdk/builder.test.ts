import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Application, analyse, type Operator } from '#plan'
import {
  avg,
  count,
  countDistinct,
  defineApp,
  first,
  fn,
  jsonLines,
  last,
  lit,
  max,
  min,
  minutes,
  seconds,
  source,
  sum,
  t,
  table,
} from './index.ts'

const columns = {
  id: t.uuid(),
  user: t.string(),
  shop: t.string(),
  amount: t.decimal(15, 2),
  quantity: t.int32(),
  score: t.float64().nullable(),
  tags: t.array(t.string()),
  body: t.json().nullable(),
  at: t.timestamp(),
}
const orders = source('orders', {
  format: jsonLines({ columns }),
  at: 'at',
  key: 'user',
  ties: ['id'],
})
const visits = source('visits', {
  format: jsonLines({ columns: { who: t.string(), page: t.string(), time: t.timestamp() } }),
  at: 'time',
  key: 'who',
})

/** The operators from the last back to the source, along first inputs. */
function chain(operator: Operator): string[] {
  const input = 'input' in operator ? operator.input : undefined
  return input === undefined ? [operator.op] : [operator.op, ...chain(input)]
}

const types = (operator: Operator) =>
  Object.fromEntries(operator.schema.map(({ name, type }) => [name, type]))

test('a key that holds the partition key stays where it is', () => {
  const inPlace = orders
    .session({ by: ['shop', 'user'], gap: minutes(30) })
    .aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(inPlace.plan.operator), ['aggregate', 'source'])
})

test('a key that does not hold the partition key is moved to', () => {
  const moved = orders.tumble({ by: 'shop', size: minutes(1) }).aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(moved.plan.operator), ['aggregate', 'rekey', 'source'])
})

test('a key that holds only a part of the partition key is moved to', () => {
  const format = jsonLines({ columns })
  const both = source('both', { format, at: 'at', key: ['user', 'shop'] })
  const moved = both.tumble({ by: 'user', size: minutes(1) }).aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(moved.plan.operator), ['aggregate', 'rekey', 'source'])
})

test('the partition key is known through columns that pass unchanged, under any name', () => {
  const renamed = orders.select(r => ({ buyer: r.user, id: r.id }))
  const kept = renamed.all({ by: 'buyer' }).aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(kept.plan.operator), ['aggregate', 'project', 'source'])
  const changed = orders.with(r => ({ user: r.user.lower() }))
  const moved = changed.all({ by: 'user' }).aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(moved.plan.operator), ['aggregate', 'rekey', 'project', 'source'])
})

test('a second aggregate by a part of the key needs no move, by another key it does', () => {
  const perShop = orders
    .tumble({ by: ['user', 'shop'], size: minutes(1) })
    .aggregate(r => ({ total: sum(r.amount) }))
  const perUser = perShop
    .tumble({ by: 'user', size: minutes(5), bounds: ['from', 'to'] })
    .aggregate(r => ({ best: max(r.total) }))
  assert.deepEqual(chain(perUser.plan.operator), ['aggregate', 'aggregate', 'source'])
  const shops = perShop
    .tumble({ by: 'shop', size: minutes(5), bounds: ['from', 'to'] })
    .aggregate(() => ({ n: count() }))
  assert.deepEqual(chain(shops.plan.operator), ['aggregate', 'rekey', 'aggregate', 'source'])
})

test('aggregates have the types of the table of aggregates', () => {
  const all = orders.tumble({ by: 'user', size: minutes(1) }).aggregate(r => ({
    n: count(),
    scored: count(r.score),
    shops: countDistinct(r.shop),
    total: sum(r.amount),
    pieces: sum(r.quantity),
    sum_score: sum(r.score),
    mean: avg(r.amount),
    fine: avg(r.amount, { scale: 6 }),
    each: avg(r.quantity),
    low: min(r.amount),
    last_id: last(r.id),
    first_body: first(r.body),
  }))
  assert.deepEqual(types(all.plan.operator), {
    user: { kind: 'string' },
    window_start: { kind: 'timestamp' },
    window_end: { kind: 'timestamp' },
    n: { kind: 'int64' },
    scored: { kind: 'int64' },
    shops: { kind: 'int64' },
    total: { kind: 'decimal', precision: 38, scale: 2, nullable: true },
    pieces: { kind: 'int64', nullable: true },
    sum_score: { kind: 'float64', nullable: true },
    mean: { kind: 'decimal', precision: 15, scale: 2, nullable: true },
    fine: { kind: 'decimal', precision: 19, scale: 6, nullable: true },
    each: { kind: 'decimal', precision: 16, scale: 6, nullable: true },
    low: { kind: 'decimal', precision: 15, scale: 2, nullable: true },
    last_id: { kind: 'uuid', nullable: true },
    first_body: { kind: 'json', nullable: true },
  })
  assert.equal(all.plan.operator.at, 'window_end')
  assert.deepEqual(all.plan.operator.ties, ['user'])
})

test('expressions have the types of their functions, and constants that of their neighbour', () => {
  const made = orders.select(r => ({
    at: r.at,
    double: r.amount.mul(2),
    taxed: r.amount.mul('1.19').round(2),
    more: r.quantity.add(1),
    half: r.quantity.div(2),
    share: r.score.coalesce(0).div(10),
    first_tag: r.tags.element(1),
    field: r.body.field('a.b'),
    day: r.at.trunc('day').cast(t.date()),
    recent: r.at.ge('2024-01-01T00:00:00Z'),
    big: fn.case([[r.amount.gt('100.00'), lit('big')]], 'small'),
    key: fn.id(lit('order'), r.user, r.quantity),
    hash: r.user.hash(),
    known: fn.and(r.user.in('a', 'b'), r.quantity.ne(0), r.tags.includes('x')),
  }))
  assert.deepEqual(types(made.plan.operator), {
    at: { kind: 'timestamp' },
    double: { kind: 'decimal', precision: 16, scale: 2 },
    taxed: { kind: 'decimal', precision: 17, scale: 2 },
    more: { kind: 'int64' },
    half: { kind: 'int64', nullable: true },
    share: { kind: 'float64', nullable: true },
    first_tag: { kind: 'string', nullable: true },
    field: { kind: 'string', nullable: true },
    day: { kind: 'date' },
    recent: { kind: 'bool' },
    big: { kind: 'string' },
    key: { kind: 'uuid' },
    hash: { kind: 'int64' },
    known: { kind: 'bool' },
  })
})

test('select keeps the event time, and ties that pass', () => {
  const { schema, at, ties } = orders.select(r => ({ number: r.id })).plan.operator
  assert.deepEqual(
    schema.map(({ name }) => name),
    ['number', 'at'],
  )
  assert.equal(at, 'at')
  assert.deepEqual(ties, ['number'])
})

test('both sides of a join are moved to the join key, unless they are there', () => {
  const near = { lo: seconds(0), hi: minutes(5) }
  const there = orders.join(visits, {
    on: { user: 'who' },
    ...near,
    take: (l, r) => ({ user: l.user, amount: l.amount, page: r.page, seen: r.time }),
  })
  assert.deepEqual(there.plan.operator.op === 'join' && there.plan.operator.columns, [
    { side: 'left', column: 'user' },
    { side: 'left', column: 'amount' },
    { side: 'right', column: 'page' },
    { side: 'right', column: 'time' },
  ])
  assert.deepEqual(chain(there.plan.operator), ['join'])
  const { left, right } = there.plan.operator as Extract<Operator, { op: 'join' }>
  assert.deepEqual([left.op, right.op], ['source', 'source'])
  const other = orders.join(visits, { on: { shop: 'page' }, ...near, take: l => ({ id: l.id }) })
  const moved = other.plan.operator as Extract<Operator, { op: 'join' }>
  assert.deepEqual([moved.left.op, moved.right.op], ['rekey', 'rekey'])
})

test('sides of different partition counts meet in the larger one', () => {
  const format = jsonLines({ columns: { user: t.string(), time: t.timestamp() } })
  const few = source('few', { format, at: 'time', key: 'user', partitions: 2 })
  const pairs = few.join(orders, { on: 'user', lo: 0, hi: 0, take: l => ({ user: l.user }) })
  const { left, right } = pairs.plan.operator as Extract<Operator, { op: 'join' }>
  assert.deepEqual([left.op, left.op === 'rekey' && left.partitions], ['rekey', 4])
  assert.equal(right.op, 'source')
})

test('a stream joined with itself reads its topic again behind its own rekey', () => {
  const pairs = orders.join(
    orders.select(r => ({ other: r.shop })),
    {
      on: { user: 'other' },
      lo: 0,
      hi: seconds(1),
      take: (l, r) => ({ user: l.user, other: r.other }),
    },
  )
  const app = defineApp({ name: 'pairs', pipelines: [pairs.into(table('pairs'))] })
  const stages = analyse(app)
  assert.deepEqual(
    stages.map(({ inputs, tables, repartitions }) => [
      inputs.map(({ topic }) => topic),
      tables.map(({ table }) => table),
      repartitions.map(({ topic }) => topic),
    ]),
    [
      [['orders'], [], ['_repartition.pairs.0']],
      [['orders', '_repartition.pairs.0'], ['pairs'], []],
    ],
  )
})

test('a dimension is read whole unless it is partitioned as the rows are', () => {
  const people = source('people', {
    format: jsonLines({ columns: { name: t.string(), tier: t.string(), from: t.timestamp() } }),
    at: 'from',
    key: 'name',
  })
  const whole = (key: 'user' | 'shop') => {
    const looked = orders.lookup(people, {
      key: { [key]: 'name' },
      take: { tier: 'tier' },
      otherwise: { tier: '-' },
    })
    const [stage] = analyse(
      defineApp({ name: 'x', pipelines: [looked.into(table('y', { key: ['id'] }))] }),
    )
    return stage?.inputs.map(({ topic, broadcast }) => [topic, broadcast])
  }
  assert.deepEqual(whole('user'), [
    ['orders', false],
    ['people', false],
  ])
  assert.deepEqual(whole('shop'), [
    ['orders', false],
    ['people', true],
  ])
})

test('an operator gives rows as early as one that reads it needs', () => {
  const counts = orders.all({ by: 'user' }).aggregate(() => ({ n: count() }))
  const app = defineApp({
    name: 'emits',
    pipelines: [
      counts.into(table('slow', { key: ['user'] }), { emit: 'settled' }),
      counts.into(table('fast', { key: ['user'] }), { emit: 'closed' }),
    ],
  })
  const [stage, ...none] = analyse(app)
  assert.equal(none.length, 0)
  assert.deepEqual(
    stage?.operators.map(({ plan, emit }) => [plan.op, emit]),
    [
      ['source', 'closed'],
      ['aggregate', 'closed'],
    ],
  )
  assert.deepEqual(
    stage?.tables.map(({ table, emit }) => [table, emit]),
    [
      ['slow', 'settled'],
      ['fast', 'closed'],
    ],
  )
})

test('plans without a common operator are stages of their own', () => {
  const app = defineApp({
    name: 'two',
    pipelines: [orders.into(table('a')), visits.into(table('b'))],
  })
  assert.deepEqual(
    analyse(app).map(({ inputs }) => inputs.map(({ topic }) => topic)),
    [['orders'], ['visits']],
  )
})

test('a process is a function of the application, by name', () => {
  const run = orders.process({
    by: 'user',
    order: 'event',
    name: 'running',
    version: 1,
    state: { total: t.int64() },
    output: { user: t.string(), total: t.int64(), at: t.timestamp() },
    at: 'at',
    run: (row, state, emit) => {
      const total = (state.total ?? 0n) + BigInt(row.quantity)
      state.total = total
      emit({ user: row.user, total, at: row.at })
    },
  })
  const app: Application = defineApp({ name: 'p', pipelines: [run.into(table('totals'))] })
  assert.deepEqual(Object.keys(app.functions), ['running'])
  assert.deepEqual(chain(run.plan.operator), ['process', 'source'])
})

test('a table gets its columns in its own order, whatever the order of the plan', () => {
  const target = table('few', { columns: { quantity: t.int32(), id: t.uuid() } })
  const { plan } = orders.into(target)
  assert.deepEqual(
    plan.operator.schema.map(({ name }) => name),
    ['quantity', 'id', 'at'],
  )
})
