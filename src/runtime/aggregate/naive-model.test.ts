/**
 * The naive model of aggregates that the operators are held against: sort, group, fold, with
 * objects and BigInt, and nothing of the runtime.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expression, Operator, Row, Schema, Type, Value, Window } from '#plan'
import type { AggregateOperator } from './aggregate-state.ts'

export const INPUT: Schema = [
  { name: 'user', type: { kind: 'string', nullable: true } },
  { name: 'shop', type: { kind: 'int32', nullable: true } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'seq', type: { kind: 'int32', nullable: true } },
  { name: 'amount', type: { kind: 'decimal', precision: 12, scale: 2, nullable: true } },
  { name: 'big', type: { kind: 'int64', nullable: true } },
  { name: 'ratio', type: { kind: 'float64', nullable: true } },
  { name: 'page', type: { kind: 'string', nullable: true } },
  { name: 'id', type: { kind: 'uuid', nullable: true } },
  { name: 'good', type: { kind: 'bool', nullable: true } },
]

const column = (name: string): Expression => {
  const type = INPUT.find(entry => entry.name === name)?.type
  assert.ok(type)
  return { node: 'column', name, type }
}

/** A condition that is computed: `not good`. */
const notGood: Expression = {
  node: 'call',
  fn: 'not',
  args: [column('good')],
  type: { kind: 'bool', nullable: true },
}

type Fn = AggregateOperator['aggregates'][number]['fn']
type Spec = readonly [
  name: string,
  fn: Fn,
  arg: string | null,
  where: Expression | null,
  type: Type,
]

const nullable = (type: Type): Type => ({ ...type, nullable: true })
const MONEY: Type = nullable({ kind: 'decimal', precision: 38, scale: 2 })
const INT64: Type = nullable({ kind: 'int64' })
const FLOAT: Type = nullable({ kind: 'float64' })
const TEXT: Type = nullable({ kind: 'string' })
const AMOUNT = column('amount').type

const SPECS: readonly Spec[] = [
  ['n', 'count', null, null, { kind: 'int64' }],
  ['pages', 'count', 'page', null, { kind: 'int64' }],
  ['goods', 'count', null, column('good'), { kind: 'int64' }],
  ['bads', 'count', 'id', notGood, { kind: 'int64' }],
  ['total', 'sum', 'amount', null, MONEY],
  ['totalBad', 'sum', 'amount', notGood, nullable({ kind: 'decimal', precision: 5, scale: 2 })],
  ['bigTotal', 'sum', 'big', null, INT64],
  ['ratioTotal', 'sum', 'ratio', null, FLOAT],
  ['mean', 'avg', 'amount', null, nullable({ kind: 'decimal', precision: 20, scale: 4 })],
  ['bigMean', 'avg', 'big', null, nullable({ kind: 'decimal', precision: 38, scale: 3 })],
  ['ratioMean', 'avg', 'ratio', null, FLOAT],
  ['least', 'min', 'amount', null, AMOUNT],
  ['most', 'max', 'amount', column('good'), AMOUNT],
  ['leastPage', 'min', 'page', null, TEXT],
  ['mostPage', 'max', 'page', null, TEXT],
  ['leastBig', 'min', 'big', null, INT64],
  ['mostBig', 'max', 'big', null, INT64],
  ['mostId', 'max', 'id', null, nullable({ kind: 'uuid' })],
  ['firstPage', 'first', 'page', null, TEXT],
  ['lastPage', 'last', 'page', null, TEXT],
  ['firstAmount', 'first', 'amount', null, AMOUNT],
  ['lastBig', 'last', 'big', null, INT64],
  ['lastId', 'last', 'id', column('good'), nullable({ kind: 'uuid' })],
  ['firstBad', 'first', 'seq', notGood, nullable({ kind: 'int32' })],
  ['kinds', 'countDistinct', 'page', null, { kind: 'int64' }],
  ['bigKinds', 'countDistinct', 'big', column('good'), { kind: 'int64' }],
  ['seqKinds', 'countDistinct', 'seq', null, { kind: 'int64' }],
]

const DISTINCT_FREE = SPECS.filter(([, fn]) => fn !== 'countDistinct')

export interface Shape {
  readonly window: Window
  readonly by: readonly string[]
  readonly order: 'arrival' | 'ties' | 'rekey'
}

export function makeOperator({ window, by, order }: Shape): AggregateOperator {
  const output = { schema: INPUT, at: 'at', ties: order === 'ties' ? ['seq', 'page'] : [] }
  const source: Operator = { op: 'source', source: 's', ...output }
  const input: Operator =
    order === 'rekey' ? { op: 'rekey', input: source, by, partitions: 4, ...output } : source
  const specs = window.kind === 'all' ? DISTINCT_FREE : SPECS
  const bounds: Schema = [
    ...(window.kind === 'all' ? [] : [{ name: 'from', type: { kind: 'timestamp' } as const }]),
    { name: 'to', type: { kind: 'timestamp' } },
  ]
  return {
    op: 'aggregate',
    input,
    by,
    window,
    bounds: ['from', 'to'],
    aggregates: specs.map(([name, fn, arg, where]) => ({
      name,
      fn,
      ...(arg === null ? {} : { arg: column(arg) }),
      ...(where === null ? {} : { where }),
    })),
    schema: [
      ...by.map(name => ({ name, type: column(name).type })),
      ...bounds,
      ...specs.map(([name, , , , type]) => ({ name, type })),
    ],
    at: 'to',
    ties: by,
  }
}

export interface InputRow {
  readonly row: Row
  readonly at: number
  readonly origin: number
  readonly offset: number
  readonly index: number
}

/** A rational of a double, as numerator over 2^1074. */
function exactUnits(value: number): bigint {
  let scaled = value
  let shift = 0
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    shift++
  }
  return BigInt(scaled) << BigInt(1074 - shift)
}

/** The double nearest to units of 2^-1074 that is not as small as the smallest. */
function nearest(units: bigint): number {
  const magnitude = units < 0n ? -units : units
  const shift = BigInt(Math.max(0, magnitude.toString(2).length - 64))
  const top = magnitude >> shift
  const sticky = top << shift === magnitude ? 0n : 1n
  const value = Number(top | sticky) * 2 ** (Number(shift) - 574) * 2 ** -500
  return units < 0n ? -value : value
}

const unscaled = (value: Value): bigint => BigInt(String(value).replace('.', ''))

export function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${value < 0n ? '-' : ''}${whole}.${digits.slice(digits.length - scale)}`
}

function halfEven(n: bigint, d: bigint): bigint {
  const floor = n / d - (n % d !== 0n && n < 0n ? 1n : 0n)
  const twice = 2n * (n - floor * d)
  return twice > d || (twice === d && floor % 2n !== 0n) ? floor + 1n : floor
}

function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

const isTrue = (where: Expression | null, row: Row): boolean =>
  where === null || (where.node === 'column' ? row[where.name] === true : row['good'] === false)

function sum(name: string, values: readonly Value[], type: Type): Value {
  if (name.startsWith('ratio')) {
    return nearest(values.reduce<bigint>((total, value) => total + exactUnits(value as number), 0n))
  }
  const total = values.reduce<bigint>((rest, value) => rest + unscaled(value), 0n)
  if (type.kind === 'decimal') {
    const limit = 10n ** BigInt(type.precision)
    return total < limit && total > -limit ? decimalText(total, 2) : null
  }
  return total >= -(2n ** 63n) && total < 2n ** 63n ? total : null
}

function average(values: readonly Value[], type: Type): Value {
  if (type.kind !== 'decimal') {
    return (sum('ratio', values, FLOAT) as number) / values.length
  }
  const total = values.reduce<bigint>((rest, value) => rest + unscaled(value), 0n)
  const scale = String(values[0]).includes('.') ? 2 : 0
  const up = 10n ** BigInt(type.scale - scale)
  return decimalText(halfEven(total * up, BigInt(values.length)), type.scale)
}

/** One aggregate of the rows of one window, which stand in their order. */
function fold([name, fn, arg, where, type]: Spec, rows: readonly InputRow[]): Value {
  const taken = rows.filter(({ row }) => isTrue(where, row))
  const all = taken.map(({ row }) => (arg === null ? 1 : (row[arg] ?? null)))
  const values = all.filter(value => value !== null)
  const sorted = [...values].sort((a, b) =>
    type.kind === 'decimal' ? compareValues(Number(a), Number(b)) : compareValues(a, b),
  )
  switch (fn) {
    case 'count':
      return BigInt(values.length)
    case 'countDistinct':
      return BigInt(new Set(values).size)
    case 'sum':
      return values.length === 0 ? null : sum(name, values, type)
    case 'avg':
      return values.length === 0 ? null : average(values, type)
    case 'min':
      return sorted[0] ?? null
    case 'max':
      return sorted.at(-1) ?? null
    case 'first':
      return all[0] ?? null
    case 'last':
      return all.at(-1) ?? null
  }
}

/** The windows of one key's rows: bounds, and the rows of each. */
function windows(window: Window, rows: readonly InputRow[]): [number, number, InputRow[]][] {
  if (window.kind === 'all') return [[0, Math.max(...rows.map(row => row.at)), [...rows]]]
  if (window.kind === 'session') {
    const found: [number, number, InputRow[]][] = []
    for (const row of rows) {
      const last = found.at(-1)
      if (last !== undefined && row.at - last[1] < window.gapUs) {
        last[1] = row.at
        last[2].push(row)
      } else found.push([row.at, row.at, [row]])
    }
    return found
  }
  const found = new Map<number, InputRow[]>()
  for (const row of rows) {
    const { sizeUs, advanceUs, offsetUs } = window
    const last = Math.floor((row.at - offsetUs) / advanceUs) * advanceUs + offsetUs
    for (let start = last; start > row.at - sizeUs; start -= advanceUs) {
      const list = found.get(start) ?? []
      list.push(row)
      found.set(start, list)
    }
  }
  return [...found].map(([start, list]) => [start, start + window.sizeUs, list])
}

export const show = (row: Row): string =>
  JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))

/** Every row that the rows so far give, as text, sorted. */
export function model({ window, by, order }: Shape, input: readonly InputRow[]): string[] {
  const sorted = [...input].sort(
    (a, b) =>
      a.at - b.at ||
      (order !== 'ties'
        ? 0
        : compareValues(a.row['seq'] ?? null, b.row['seq'] ?? null) ||
          compareValues(a.row['page'] ?? null, b.row['page'] ?? null)) ||
      a.origin - b.origin ||
      a.offset - b.offset ||
      a.index - b.index,
  )
  const groups = new Map<string, InputRow[]>()
  for (const entry of sorted) {
    const key = show(Object.fromEntries(by.map(name => [name, entry.row[name] ?? null])))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  const specs = window.kind === 'all' ? DISTINCT_FREE : SPECS
  const result: string[] = []
  for (const rows of groups.values()) {
    for (const [start, end, list] of windows(window, rows)) {
      const out: Record<string, Value> = {}
      for (const name of by) out[name] = list[0]?.row[name] ?? null
      if (window.kind !== 'all') out['from'] = start
      out['to'] = end
      for (const spec of specs) out[spec[0]] = fold(spec, list)
      result.push(show(out))
    }
  }
  return result.sort()
}

test('the model splits at exactly the gap, counts nulls and takes null as the last', () => {
  const row = (at: number, page: string | null): InputRow => {
    const nulls = Object.fromEntries(INPUT.map(({ name }) => [name, null]))
    return { row: { ...nulls, user: 'u', at, page }, at, origin: 0, offset: at, index: 0 }
  }
  const shape: Shape = { window: { kind: 'session', gapUs: 10 }, by: ['user'], order: 'arrival' }
  const rows = model(shape, [row(19, null), row(10, 'a'), row(0, 'b')]).map(
    text => JSON.parse(text) as Row,
  )
  assert.deepEqual(
    rows.map(({ from, to, n, pages, firstPage, lastPage }) => [
      from,
      to,
      n,
      pages,
      firstPage,
      lastPage,
    ]),
    [
      [0, 0, '1n', '1n', 'b', 'b'],
      [10, 19, '2n', '1n', 'a', null],
    ],
  )
})
