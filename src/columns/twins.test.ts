import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '#base'
import {
  type Expression,
  FUNCTIONS,
  type FunctionName,
  type Row,
  type Schema,
  type Type,
  type Value,
} from '#plan'
import { Batch } from './batch.ts'
import { compileFilter, compileProject } from './compile.ts'
import { appendRow, readRows } from './rows.ts'

const SEED = 20_240_517
const EXPRESSIONS = 2_400
const ROWS = 24

const DECIMAL = { kind: 'decimal', precision: 12, scale: 2 } as const
const UUIDS = ['0a5bbe90-79be-5ccd-b523-370b4e8c08d5', 'ffffffff-0000-4000-8000-000000000000']
const TEXTS = [
  '',
  'a',
  'x',
  'ab',
  ' a ',
  'Web',
  'z',
  'ä',
  'e\u0301',
  '\uff5e',
  '😀',
  '😀é\u0000',
  'İß',
  '12',
  '-7',
  '1.50',
  '1e3',
  'true',
  '2024-02-29',
  '1969-12-31T23:59:59.999999Z',
  '{"a":[1,"é"]}',
  'https://u@h.example:80/p?q#f',
  'a.b..c',
  'the quick brown fox jumps over',
]

/** Columns of every kind, and the values that make trouble. */
const COLUMNS: readonly (readonly [name: string, type: Type, values: readonly Value[]])[] = [
  ['b', { kind: 'bool' }, [true, false]],
  ['i', { kind: 'int32' }, [0, 1, -1, 2, 3, 7, 2147483647, -2147483648]],
  [
    'n',
    { kind: 'int64' },
    [
      0n,
      1n,
      -2n,
      3n,
      9007199254740991n,
      9007199254740992n,
      -9007199254740993n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ],
  ],
  ['f', { kind: 'float64' }, [0, 0.1, -0.5, 2.5, 1.005, 1e15, -1e300, 1e300, 5e-324, 2 ** 53]],
  ['d', DECIMAL, ['0.00', '0.01', '-0.05', '2.50', '9999999999.99', '-9999999999.99']],
  [
    'e',
    { kind: 'decimal', precision: 15, scale: 5 },
    ['0.00000', '0.90800', '-1.50000', '9999999999.99999'],
  ],
  [
    'w',
    { kind: 'decimal', precision: 38, scale: 10 },
    ['0.0000000000', '-0.0000000001', '1.5000000000', `${'9'.repeat(28)}.${'9'.repeat(10)}`],
  ],
  ['s', { kind: 'string' }, TEXTS],
  ['r', { kind: 'string' }, TEXTS],
  ['c', { kind: 'enum', values: ['red', 'Web', 'a'] }, ['red', 'Web', 'a']],
  [
    't',
    { kind: 'timestamp' },
    [0, -1, 1715953530123456, -4499390500000, -8520336000000000, 8836099199999999],
  ],
  ['y', { kind: 'date' }, [0, -1, 19782, -719162, 2932896]],
  ['u', { kind: 'uuid' }, UUIDS],
  ['p', { kind: 'ipv4' }, ['0.0.0.0', '255.255.255.255', '10.0.0.1']],
  ['j', { kind: 'json' }, ['null', '{"a":{"b":[1.50,"x"]}}', '[1,[2]]', '"é"', ' 7 ']],
  ['x', { kind: 'bytes' }, [new Uint8Array(), Uint8Array.of(0, 255), Uint8Array.of(97)]],
  [
    'k',
    { kind: 'array', of: { kind: 'string', nullable: true } },
    [[], ['a'], [null, 'x', 'a'], ['😀']],
  ],
  ['m', { kind: 'array', of: { kind: 'int64' } }, [[], [1n], [9007199254740993n, 2n]]],
]

const SCHEMA: Schema = COLUMNS.map(([name, type]) => ({ name, type: { ...type, nullable: true } }))

const pick = <T>(random: Random, list: readonly T[]): T => list[random.int(list.length)] as T

const NAMES = Object.keys(FUNCTIONS) as FunctionName[]
const WORDS = [
  'dayOfWeek',
  'second',
  'hour',
  'day',
  'week',
  'month',
  'year',
  'dayOfYear',
  'microsecond',
]
const LITERALS: readonly Value[] = [...WORDS, '.', 'a.b.0', 'host', 'path', 'yyyy-MM-dd', 'unix_s']

function leaf(random: Random, random1 = random.next()): Expression {
  const [name, type, values] = pick(random, COLUMNS)
  if (random1 < 0.75) return { node: 'column', name, type: { ...type, nullable: true } }
  if (random1 < 0.8) return { node: 'literal', value: null, type: { ...type, nullable: true } }
  return { node: 'literal', value: pick(random, values), type }
}

/** An argument that must be a literal: of the type of the first, a word, or a small number. */
function literalFor(random: Random, first: Expression | undefined): Expression {
  const choice = random.int(4)
  if (choice === 0) return { node: 'literal', value: random.int(6), type: { kind: 'int32' } }
  if (choice === 1)
    return { node: 'literal', value: pick(random, LITERALS), type: { kind: 'string' } }
  if (choice === 2) return { node: 'literal', value: UUIDS[0] ?? '', type: { kind: 'uuid' } }
  const known = COLUMNS.find(([, type]) => type.kind === first?.type.kind)
  const [, type, values] = known ?? pick(random, COLUMNS)
  return { node: 'literal', value: pick(random, values), type }
}

/** A call of `fn` that the table of functions takes; undefined where the dice gave none. */
function call(
  random: Random,
  fn: FunctionName,
  pool: readonly Expression[],
): Expression | undefined {
  const { literal, check } = FUNCTIONS[fn]
  const count = 1 + random.int(5)
  const args: Expression[] = []
  for (let i = 0; i < count; i++) {
    const plain =
      random.next() < 0.5 || (i === 0 && fn.startsWith('time')) ? leaf(random) : pick(random, pool)
    args.push(literal?.(i) === true ? literalFor(random, args[0]) : plain)
  }
  const wanted = fn === 'cast' ? { ...pick(random, COLUMNS)[1], nullable: true } : undefined
  const type = check(
    args.map(arg => (arg.node === 'literal' ? { type: arg.type, literal: arg.value } : arg)),
    wanted,
  )
  return 'reason' in type ? undefined : { node: 'call', fn, args, type }
}

function expressions(random: Random, count: number): Expression[] {
  const pool: Expression[] = [leaf(random, 0)]
  const made: Expression[] = []
  while (made.length < count) {
    const fn = pick(random, NAMES)
    let next: Expression | undefined
    for (let i = 0; i < 2_000 && next === undefined; i++) next = call(random, fn, pool)
    if (next === undefined) continue
    made.push(next)
    if (pool.length < 60) pool.push(next)
    else pool[random.int(60)] = depth(next) < 7 ? next : leaf(random, 0)
  }
  return made
}

function depth(expression: Expression): number {
  return expression.node === 'call' ? 1 + Math.max(...expression.args.map(depth)) : 0
}

function batchOf(random: Random): Batch {
  const batch = new Batch(SCHEMA, 8)
  for (let i = 0; i < ROWS; i++) {
    const row: Row = Object.fromEntries(
      COLUMNS.map(([name, , values]) => [name, random.next() < 0.2 ? null : pick(random, values)]),
    )
    appendRow(batch, row, { at: i, offset: i })
  }
  return batch
}

/** Some rows unselected, so that gaps in the selection are met. */
function thin(random: Random, batch: Batch): void {
  let kept = 0
  for (let row = 0; row < batch.length; row++) {
    if (random.next() < 0.8) batch.selection[kept++] = row
  }
  batch.selected = kept
}

test('both twins write equal rows for random expressions', () => {
  const random = seededRandom(SEED)
  const all = expressions(random, EXPRESSIONS)
  const seen = new Map<string, number>()
  for (let from = 0; from < all.length; from += 8) {
    const group = all.slice(from, from + 8)
    const schema: Schema = group.map(({ type }, i) => ({
      name: `r${i}`,
      type: { ...type, nullable: true },
    }))
    const rows = [true, false].map(generated => {
      const input = batchOf(seededRandom(SEED + from))
      thin(seededRandom(from), input)
      const output = new Batch(schema, 8)
      const project = compileProject(SCHEMA, group, schema, { generated })
      project(input, output)
      project(input, output)
      return readRows(output)
    })
    assert.deepEqual(rows[0], rows[1], JSON.stringify(group, bigintText))
    assert.notEqual(rows[0]?.length, 0)
    for (const expression of group) {
      if (expression.node === 'call') seen.set(expression.fn, (seen.get(expression.fn) ?? 0) + 1)
    }
  }
  const rare = NAMES.filter(name => (seen.get(name) ?? 0) < 3)
  assert.deepEqual(rare, [], 'every function is met')
})

test('both twins keep the same rows for random conditions', () => {
  const random = seededRandom(SEED + 1)
  const conditions = expressions(random, EXPRESSIONS * 2).filter(({ type }) => type.kind === 'bool')
  assert.ok(conditions.length > 400)
  for (const condition of conditions) {
    const kept = [true, false].map(generated => {
      const input = batchOf(seededRandom(7))
      const removed = compileFilter(SCHEMA, condition, { generated })(input)
      assert.equal(removed + input.selected, ROWS)
      return [...input.selection.subarray(0, input.selected)]
    })
    assert.deepEqual(kept[0], kept[1], JSON.stringify(condition, bigintText))
  }
})

test('what a filter keeps is what a projection says is true', () => {
  const random = seededRandom(SEED + 2)
  const schema: Schema = [{ name: 'r', type: { kind: 'bool', nullable: true } }]
  const conditions = expressions(random, EXPRESSIONS).filter(({ type }) => type.kind === 'bool')
  for (const condition of conditions) {
    const input = batchOf(seededRandom(11))
    const output = new Batch(schema, 8)
    compileProject(SCHEMA, [condition], schema, { generated: true })(input, output)
    const expected = readRows(output).flatMap(({ r }, row) => (r === true ? [row] : []))
    compileFilter(SCHEMA, condition, { generated: true })(input)
    assert.deepEqual([...input.selection.subarray(0, input.selected)], expected)
  }
})

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
