import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, checkApplication, readSource } from '#plan'
import { count, defineApp, fn, jsonLines, lit, minutes, source, sum, t, table } from './index.ts'

const orders = source('orders', {
  format: jsonLines({
    columns: {
      id: t.uuid(),
      user: t.string({ lengthMin: 1 }),
      amount: t.decimal(15, 2),
      big: t.int64().nullable(),
      at: t.timestamp(),
    },
  }),
  at: 'at',
  key: 'user',
})
const app = defineApp({
  name: 'shop',
  pipelines: [
    orders
      .filter(r => r.amount.gt(0))
      .with(r => ({ key: fn.id(lit('k'), r.user), huge: r.big.eq(9007199254740993n) }))
      .tumble({ by: 'user', size: minutes(1) })
      .aggregate(r => ({ n: count().where(r.huge), total: sum(r.amount) }))
      .into(table('totals', { key: ['user', 'window_start'] })),
    orders.into(table('log', { columns: { id: t.uuid(), user: t.string(), at: t.timestamp() } })),
  ],
})

type Data = { [name: string]: Data } & Data[]

/** The application as JSON gives it, changed by `edit`. */
function checked(edit: (data: Data, totals: Data) => unknown) {
  const { functions: _, ...plain } = app
  const data = JSON.parse(canonicalJson({ ...plain, functions: {} }))
  edit(data, data.pipelines[0].input)
  return () => checkApplication(data)
}

test('what is not changed passes', () => {
  assert.deepEqual(checked(() => {})(), app)
})

test('an unknown column is named with its place and those that are there', () => {
  assert.throws(
    checked((_, totals) => Object.assign(totals['input']?.['columns']?.[0] ?? {}, { name: 'idd' })),
    {
      code: 'plan.unknown_column',
      message: 'no column "idd" at orders > filter > project.id',
      hint: 'It has id, user, amount, big, at.',
    },
  )
  assert.throws(
    checked(data => Object.assign(data['sources']?.[0] ?? {}, { key: ['User'] })),
    {
      code: 'plan.unknown_column',
      message: 'no column "User" at orders.key',
      hint: 'Is it "user"?',
    },
  )
})

test('a type that an expression does not have is named with its place', () => {
  const condition = (data: Data) => data['input']?.['input']?.['condition'] ?? {}
  assert.throws(
    checked((_, totals) => Object.assign(condition(totals), { type: { kind: 'int32' } })),
    {
      code: 'plan.type',
      message: '"gt" gives bool, not int32, at orders > filter.condition',
    },
  )
  assert.throws(
    checked((_, totals) => Object.assign(condition(totals), { fn: 'add' })),
    { code: 'plan.type' },
  )
  assert.throws(
    checked((_, totals) => Object.assign(totals['schema']?.[4] ?? {}, { type: { kind: 'int64' } })),
    {
      code: 'plan.type',
      message:
        'column 5 is "total" int64, not "total" decimal(38, 2)?, at orders > filter > project > aggregate.schema',
    },
  )
})

test('what is no plan at all is named with its place', () => {
  const cases: [edit: Parameters<typeof checked>[0], message: RegExp][] = [
    [
      (_, totals) => Object.assign(totals, { op: 'limit' }),
      /wanted one of source, .* found "limit" at application\.pipelines\[0\]\.input\(limit\)\.op/,
    ],
    [
      (_, totals) => Object.assign(totals, { extra: 1 }),
      /no member "extra" is known at application\.pipelines\[0\]\.input\(aggregate\)/,
    ],
    [(_, totals) => Object.assign(totals, { by: [] }), /wanted 1 to 1000 entries, found 0/],
    [
      (_, totals) => Object.assign(totals['window'] ?? {}, { sizeUs: 0.5 }),
      /wanted an integer from 1 to/,
    ],
    [(_, totals) => Object.assign(totals['window'] ?? {}, { sizeUs: '60' }), /found "60"/],
    [data => Object.assign(data, { name: 'Shop!' }), /wanted an application name/],
    [
      data => Object.assign(data, { tables: null }),
      /wanted an array, found null at application\.tables/,
    ],
    [data => Object.assign(data['tables']?.[1] ?? {}, { name: 'Log' }), /wanted a table name/],
    [
      data => Object.assign(data['pipelines']?.[1] ?? {}, { table: 'nowhere' }),
      /no table "nowhere" is declared/,
    ],
    [
      data => Object.assign(data, { pipelines: [data['pipelines']?.[0]] }),
      /no pipeline feeds the table "log"/,
    ],
    [
      data => Object.assign(data['pipelines']?.[0] ?? {}, { emit: 'often' }),
      /wanted one of update, closed, settled/,
    ],
    [
      data => Object.assign(data['sources']?.[0] ?? {}, { name: 'other' }),
      /no source "orders" is declared/,
    ],
    [
      data => Object.assign(data['sources']?.[0]?.['format'] ?? {}, { kind: 'xml' }),
      /wanted one of json, csv, log, found "xml"/,
    ],
    [
      data =>
        Object.assign(data['sources']?.[0]?.['format']?.['fields']?.[1]?.['rules'] ?? {}, {
          pattern: '(?=a)',
        }),
      /look-around/,
    ],
    [
      data =>
        Object.assign(data['sources']?.[0]?.['format']?.['fields']?.[1]?.['rules'] ?? {}, {
          pattern: '(',
        }),
      /is no pattern/,
    ],
    [
      data =>
        Object.assign(data['sources']?.[0]?.['format']?.['fields']?.[4] ?? {}, {
          parse: { time: 'HH' },
        }),
      /gives no date/,
    ],
    [data => Object.assign(data['sources']?.[0] ?? {}, { partitions: 5000 }), /from 1 to 1024/],
  ]
  for (const [edit, message] of cases)
    assert.throws(checked(edit), { code: 'plan.invalid', message })
})

test('values that their types do not have are refused', () => {
  const compared = (data: Data) => data['input']?.['columns']?.[6]?.['args']?.[1] ?? ({} as Data)
  for (const value of ['9223372036854775808', '1.0', 1, null, '']) {
    assert.throws(
      checked((_, totals) => Object.assign(compared(totals), { value })),
      { code: 'plan.invalid', message: /the value is no int64/ },
    )
  }
})

test('an aggregate whose rows are in several partitions is refused with what to do', () => {
  const edit = (data: Data) => Object.assign(data['sources']?.[0] ?? {}, { key: ['id'] })
  assert.throws(checked(edit), {
    code: 'plan.invalid',
    message:
      'rows of equal user are in several partitions at orders > filter > project > aggregate.by',
    hint: 'Put a rekey by user before the aggregate.',
  })
})

test('an operator that reads itself, or too many of them, are refused', () => {
  const { schema, at, ties } = app.pipelines[1]?.input ?? {}
  const condition = { node: 'literal', value: true, type: { kind: 'bool' } }
  const filter = { op: 'filter', rule: 'x', condition, schema, at, ties }
  const into = (input: unknown) => () =>
    checkApplication({ ...app, pipelines: [{ table: 'log', emit: 'settled', input }] })
  const loop: Record<string, unknown> = { ...filter }
  loop['input'] = loop
  assert.throws(into(loop), { code: 'plan.invalid', message: /reads its own output/ })
  let deep: object = app.pipelines[1]?.input ?? {}
  for (let i = 0; i < 1000; i++) deep = { ...filter, input: deep }
  assert.throws(into(deep), { code: 'plan.invalid', message: /more than 1000 operators/ })
})

test('what comes back is frozen and shares nothing with what was given', () => {
  const given = { ...app, version: '2', tables: app.tables.map(entry => ({ ...entry })) }
  const result = checkApplication(given)
  assert.ok(
    Object.isFrozen(result) && Object.isFrozen(result.tables) && Object.isFrozen(result.tables[0]),
  )
  assert.notEqual(result.tables[0], given.tables[0])
})

test('a source reads back out of its canonical JSON', () => {
  const [spec] = app.sources
  assert.deepEqual(readSource(canonicalJson(spec)), spec)
  assert.throws(() => readSource('{'), { code: 'plan.invalid' })
  assert.throws(() => readSource('{"name":"x"}'), { code: 'plan.invalid' })
})
