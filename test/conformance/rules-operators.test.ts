import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  avg,
  count,
  countDistinct,
  defineApp,
  fn,
  jsonLines,
  max,
  min,
  minutes,
  type Pipeline,
  seconds,
  source,
  sum,
  t,
  table,
} from 'millrace'
import { openKit } from 'millrace/test'
import type { Row, Value } from '#plan'
import { type Item, runCrafted, SECOND } from './crafted-run.ts'

const events = source('events', {
  format: jsonLines({
    columns: {
      user: t.string().nullable(),
      n: t.int64().nullable(),
      money: t.decimal(4, 2).nullable(),
      x: t.float64().nullable(),
      at: t.timestamp({ format: 'unix_us' }),
    },
  }),
  at: 'at',
  key: 'user',
  disorder: seconds(10),
  lateness: seconds(100),
  partitions: 2,
})

const app = (...pipelines: readonly Pipeline[]) => defineApp({ name: 'rules', pipelines })
const totals = table('totals', { key: ['user', 'window_start'] })

/** A row for the test kit. */
const row = (
  user: string | null,
  atSeconds: number,
  values: Readonly<Record<string, Value>> = {},
) => ({
  user,
  n: null,
  money: null,
  x: null,
  at: atSeconds * SECOND,
  ...values,
})

/** One minute of `rows` aggregated by user, for each of them what `aggregate` gives. */
async function minute(rows: readonly Row[], pipeline: Pipeline): Promise<Row[]> {
  const kit = openKit(app(pipeline))
  for (const one of rows) await kit.send('events', one)
  await kit.end()
  return kit.rows('totals')
}

const byUser = () => events.tumble({ by: 'user', size: minutes(1) })

test('O1 what does not decode is a dead letter with its own bytes, position and reason', async () => {
  const good: Item = { fields: row('a', 1) }
  const bad = '{"user":"a", "n": 1.5, "at":1000000}'
  const { rows, rejected } = await runCrafted(app(events.into(table('rows'))), {
    events: [[good, bad, good], []],
  })
  assert.equal(rows('rows').length, 2)
  assert.deepEqual(
    rejected.map(({ partition, offset, path, at, value }) => [
      partition,
      offset,
      path,
      at,
      Buffer.from(value as Uint8Array).toString(),
    ]),
    [[0, 1n, 'n', null, bad]],
  )
  assert.notEqual(rejected[0]?.['reason'], '')
})

test('O2 a filter keeps what is true, and neither false nor null', async () => {
  for (const generated of [true, false]) {
    const { rows } = await runCrafted(
      app(events.filter(r => fn.not(r.n.eq(1))).into(table('rows'))),
      {
        events: [
          [
            { fields: row('a', 0, { n: 1 }) },
            { fields: row('b', 0) },
            { fields: row('c', 0, { n: 2 }) },
          ],
          [],
        ],
      },
      { generated },
    )
    assert.deepEqual(
      rows('rows').map(({ user }) => user),
      ['c'],
    )
  }
})

test('O2 division by zero, overflow and a cast that fails are null', async () => {
  const computed = events.select(r => ({
    user: r.user,
    quotient: r.x.div(r.x),
    sum: r.n.add(r.n),
    number: r.user.cast(t.int64()),
  }))
  for (const generated of [true, false]) {
    const { rows } = await runCrafted(
      app(computed.into(table('rows'))),
      { events: [[`{"user":"a","x":0,"n":9223372036854775807,"at":0}`], []] },
      { generated },
    )
    assert.deepEqual(rows('rows'), [{ user: 'a', quotient: null, sum: null, number: null, at: 0 }])
  }
})

test('O3 the first row by position stays, and nulls equal each other', async () => {
  const kit = openKit(app(events.dedupe(['user', 'n']).into(table('rows'))))
  await kit.send('events', row(null, 0, { x: 1 }))
  await kit.send('events', row(null, 0, { x: 2 }))
  await kit.rows('rows')
  await kit.send('events', row(null, 0, { x: 3 }))
  await kit.send('events', row(null, 1, { x: 4 }))
  assert.deepEqual(
    (await kit.rows('rows')).map(({ x }) => x),
    [1, 4],
  )
})

test('O5 a row that went out is restated until the frontier of the dimension has passed it', async () => {
  const names = source('names', {
    format: jsonLines({
      columns: { user: t.string(), name: t.string(), at: t.timestamp({ format: 'unix_us' }) },
    }),
    at: 'at',
    key: 'user',
    disorder: seconds(10),
    lateness: seconds(100),
    partitions: 2,
  })
  const kit = openKit(
    app(
      events
        .lookup(names, { key: { user: 'user' }, take: { name: 'name' }, otherwise: { name: '?' } })
        .into(table('rows', { key: ['user', 'at'] })),
    ),
  )
  const name = (text: string, atSeconds: number) =>
    kit.send('names', { user: 'a', name: text, at: atSeconds * SECOND })
  const seen = async () =>
    (await kit.changes('rows')).map(({ row: one, settled }) => [one['name'], settled])
  await kit.send('events', row('a', 50))
  await kit.watermark('events', 1_000 * SECOND)
  await name('one', 100)
  assert.deepEqual(await seen(), [['?', false]])
  await name('two', 40)
  assert.deepEqual(await seen(), [['two', false]])
  await kit.watermark('names', 160 * SECOND)
  assert.deepEqual(await seen(), [], 'not yet beyond the row')
  await kit.watermark('names', 161 * SECOND)
  assert.deepEqual(await seen(), [['two', true]])
})

test('O11 sum, min, max, avg and count of a column skip nulls, and are null and 0 for none', async () => {
  const pipeline = byUser()
    .aggregate(r => ({
      rows: count(),
      known: count(r.n),
      sum: sum(r.n),
      min: min(r.n),
      max: max(r.n),
      avg: avg(r.n),
    }))
    .into(totals)
  const [some, none] = await minute(
    [row('a', 0, { n: 4n }), row('a', 1), row('a', 2, { n: 7n }), row('b', 0)],
    pipeline,
  )
  assert.deepEqual(
    { ...some, user: '', window_start: 0, window_end: 0 },
    {
      user: '',
      window_start: 0,
      window_end: 0,
      rows: 3n,
      known: 2n,
      sum: 11n,
      min: 4n,
      max: 7n,
      avg: '5.500000',
    },
  )
  assert.deepEqual(
    { ...none, user: '', window_start: 0, window_end: 0 },
    {
      user: '',
      window_start: 0,
      window_end: 0,
      rows: 1n,
      known: 0n,
      sum: null,
      min: null,
      max: null,
      avg: null,
    },
  )
})

test('O13 countDistinct counts each value once, and nulls not at all', async () => {
  const pipeline = byUser()
    .aggregate(r => ({ numbers: countDistinct(r.n), texts: countDistinct(r.money) }))
    .into(totals)
  const rows = [1n, 2n, null, 1n, null].map((n, j) =>
    row('a', j, { n, money: n === null ? null : `${n}.00` }),
  )
  const [found] = await minute(rows, pipeline)
  assert.deepEqual([found?.['numbers'], found?.['texts']], [2n, 2n])
})

test('O14 nulls form one group, and it is not that of the empty text', async () => {
  const pipeline = byUser()
    .aggregate(() => ({ rows: count() }))
    .into(totals)
  const found = await minute([row(null, 0), row('', 0), row(null, 1)], pipeline)
  assert.deepEqual(
    found.map(({ user, rows }) => [user, rows]).sort(),
    [
      [null, 2n],
      ['', 1n],
    ].sort(),
  )
})

test('O15 over the key without a window a result settles at the end and not before', async () => {
  const kit = openKit(
    app(
      events
        .all({ by: 'user' })
        .aggregate(() => ({ rows: count() }))
        .into(table('totals', { key: ['user'] }), { emit: 'settled' }),
    ),
  )
  await kit.send('events', row('a', 0))
  await kit.watermark('events', 1e15)
  assert.deepEqual(await kit.changes('totals'), [])
  await kit.end()
  assert.equal((await kit.changes('totals')).length, 1)
})

test('O15 distinct values over all time are refused', () => {
  const all = events.all({ by: 'user' })
  assert.throws(() => all.aggregate(r => ({ values: countDistinct(r.n) })), {
    code: 'plan.invalid',
  })
})

/** An application that notes the numbers of a user's rows as its function sees them. */
function noted(order: 'event' | 'log') {
  const tied = source('events', {
    format: jsonLines({
      columns: {
        user: t.string(),
        n: t.int64(),
        x: t.int64(),
        at: t.timestamp({ format: 'unix_us' }),
      },
    }),
    at: 'at',
    key: 'user',
    ties: ['n'],
    disorder: seconds(10),
    lateness: seconds(100),
    partitions: 2,
  })
  return app(
    tied
      .process({
        by: 'user',
        order,
        name: 'note',
        version: 1,
        state: { seen: t.string() },
        output: { user: t.string(), seen: t.string(), at: t.timestamp() },
        at: 'at',
        run(one, state, emit) {
          state.seen = `${state.seen ?? ''}${one.n}${one.x} `
          emit({ user: one.user, seen: state.seen, at: one.at })
        },
      })
      .into(table('notes')),
  )
}

const longest = (rows: readonly Row[]): string =>
  rows.map(({ seen }) => String(seen)).reduce((a, b) => (a.length > b.length ? a : b), '')

test('O18 in event order a function sees rows by time, then ties, then position', async () => {
  const { rows } = await runCrafted(noted('event'), {
    events: [
      [
        { fields: { user: 'a', n: 9, x: 1, at: 9 } },
        { fields: { user: 'a', n: 2, x: 1, at: 5 } },
        { fields: { user: 'a', n: 1, x: 2, at: 5 } },
        { fields: { user: 'a', n: 1, x: 1, at: 5 } },
        { mark: 1000 * SECOND },
      ],
      [{ mark: 1000 * SECOND }],
    ],
  })
  assert.equal(longest(rows('notes')), '12 11 21 91 ')
})

test('O18 in log order a function sees rows by position, whatever the batch', async () => {
  for (const batchRows of [1, 1024]) {
    const { rows } = await runCrafted(
      noted('log'),
      { events: [[9, 5, 7, 5].map((at, x) => ({ fields: { user: 'a', n: at, x, at } })), []] },
      { batchRows },
    )
    assert.equal(longest(rows('notes')), '90 51 72 53 ')
  }
})

test('O19 an aggregate of rows that are taken back is what the rows that stand give', async () => {
  const kit = openKit(
    app(
      events
        .session({ by: 'user', gap: minutes(1) })
        .aggregate(() => ({ rows: count() }))
        .tumble({ by: 'user', size: minutes(10) })
        .aggregate(r => ({ visits: count(), longest: max(r.rows), shortest: min(r.rows) }))
        .into(totals),
    ),
  )
  await kit.send('events', row('a', 0))
  await kit.send('events', row('a', 100))
  await kit.rows('totals')
  await kit.send('events', row('a', 50))
  const [found] = await kit.rows('totals')
  assert.deepEqual([found?.['visits'], found?.['longest'], found?.['shortest']], [1n, 3n, 3n])
})

test('N1 a sum of decimals is exact beyond 2^53, and null beyond its type', async () => {
  const big = source('events', {
    format: jsonLines({
      columns: {
        user: t.string(),
        wide: t.decimal(38, 2),
        n: t.int64(),
        at: t.timestamp({ format: 'unix_us' }),
      },
    }),
    at: 'at',
    key: 'user',
    partitions: 2,
  })
  const pipeline = big
    .tumble({ by: 'user', size: minutes(1) })
    .aggregate(r => ({ wide: sum(r.wide), n: sum(r.n) }))
    .into(totals)
  const of = (user: string, wide: string, n: bigint) => ({ user, wide, n, at: 0 })
  const most = `${'9'.repeat(36)}.99`
  const found = await minute(
    [
      of('a', '90071992547409.93', 9007199254740993n),
      of('a', '90071992547409.92', 2n),
      of('b', most, 2n ** 63n - 1n),
      of('b', '0.01', 1n),
      of('c', '90071992547409.91', 9007199254740991n),
      of('c', '0.02', 2n),
    ],
    pipeline,
  )
  assert.deepEqual(
    found.map(({ user, wide, n }) => [user, wide, n]),
    [
      ['a', '180143985094819.85', 9007199254740995n],
      ['b', null, null],
      ['c', '90071992547409.93', 9007199254740993n],
    ],
  )
})

test('N2 a mean of decimals is rounded half to even, once', async () => {
  const pipeline = byUser()
    .aggregate(r => ({ mean: avg(r.money) }))
    .into(totals)
  const found = await minute(
    [
      ...['0.01', '0.02'].map(money => row('a', 0, { money })),
      ...['0.03', '0.04'].map(money => row('b', 0, { money })),
      ...['0.01', '0.01', '0.03'].map(money => row('c', 0, { money })),
      ...['-0.01', '0.00'].map(money => row('e', 0, { money })),
    ],
    pipeline,
  )
  assert.deepEqual(found.map(({ user, mean }) => [user, mean]).sort(), [
    ['a', '0.02'],
    ['b', '0.04'],
    ['c', '0.02'],
    ['e', '0.00'],
  ])
})

test('N3 a sum of doubles is that of the exact numbers, whatever the order', async () => {
  const pipeline = byUser()
    .aggregate(r => ({ sum: sum(r.x) }))
    .into(totals)
  for (const xs of [
    [1e16, 1, -1e16, 0.5],
    [0.5, 1e16, 1, -1e16],
  ]) {
    const found = await minute(
      xs.map(x => row('a', 0, { x })),
      pipeline,
    )
    assert.equal(found[0]?.['sum'], 1.5)
  }
})

test('N3 minus zero and infinities do not enter, and are not computed', async () => {
  const application = app(
    events
      .select(r => ({ x: r.x, less: r.x.mul(-1), more: r.x.add(1e308).mul(10) }))
      .into(table('rows')),
  )
  for (const generated of [true, false]) {
    const { rows } = await runCrafted(
      application,
      { events: [['{"user":"a","x":-0.0,"at":0}'], []] },
      { generated },
    )
    const [found] = rows('rows')
    assert.ok(Object.is(found?.['x'], 0))
    assert.ok(Object.is(found?.['less'], 0))
    assert.equal(found?.['more'], null)
  }
})

test('N4 text is ordered by its UTF-8 bytes: beyond the basic plane is last', async () => {
  const shops = source('events', {
    format: jsonLines({
      columns: { user: t.string(), text: t.string(), at: t.timestamp({ format: 'unix_us' }) },
    }),
    at: 'at',
    key: 'user',
    partitions: 2,
  })
  const pipeline = shops
    .tumble({ by: 'user', size: minutes(1) })
    .aggregate(r => ({ least: min(r.text), most: max(r.text), values: countDistinct(r.text) }))
    .into(totals)
  const texts = ['\u{1F600}', '\uFFFD', 'e\u0301', '\u00e9']
  const found = await minute(
    texts.map(text => ({ user: 'a', text, at: 0 })),
    pipeline,
  )
  assert.deepEqual(
    [found[0]?.['least'], found[0]?.['most'], found[0]?.['values']],
    ['e\u0301', '\u{1F600}', 4n],
  )
})

test('N5 a 64-bit integer comes out as it went in, computed with or not', async () => {
  const application = app(events.select(r => ({ n: r.n, next: r.n.add(2) })).into(table('rows')))
  for (const generated of [true, false]) {
    const { rows } = await runCrafted(
      application,
      {
        events: [
          ['{"user":"a","n":9007199254740991,"at":0}', '{"user":"a","n":9007199254740993,"at":1}'],
          [],
        ],
      },
      { generated },
    )
    assert.deepEqual(rows('rows'), [
      { n: 9007199254740993n, next: 9007199254740995n, at: 1 },
      { n: 9007199254740991n, next: 9007199254740993n, at: 0 },
    ])
  }
})
