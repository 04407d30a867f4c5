import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expression, Row, Schema, Type } from '#plan'
import { Arena } from './arena.ts'
import { Batch } from './batch.ts'
import { compileFilter, compileProject } from './compile.ts'
import { appendRow, readRows } from './rows.ts'

const STRING: Type = { kind: 'string', nullable: true }
const BOOL: Type = { kind: 'bool', nullable: true }
const INT: Type = { kind: 'int32', nullable: true }

const column = (name: string, type: Type): Expression => ({ node: 'column', name, type })
const literal = (value: string | number, type: Type): Expression => ({
  node: 'literal',
  value,
  type,
})
const call = (
  fn: Extract<Expression, { node: 'call' }>['fn'],
  args: readonly Expression[],
  type: Type,
): Expression => ({ node: 'call', fn, args, type })

function batchOf(schema: Schema, rows: readonly Row[]): Batch {
  const batch = new Batch(schema, 2)
  rows.forEach((row, index) => {
    appendRow(batch, row, { at: index, offset: index })
  })
  return batch
}

const KINDS: Schema = [
  { name: 'i', type: INT },
  { name: 'n', type: { kind: 'int64' } },
  { name: 's', type: STRING },
  { name: 'u', type: { kind: 'uuid' } },
  { name: 'k', type: { kind: 'array', of: { kind: 'int64' } } },
]
const ROW: Row = {
  i: 1,
  n: 2n ** 60n,
  s: 'x',
  u: '0a5bbe90-79be-5ccd-b523-370b4e8c08d5',
  k: [2n ** 61n, 3n],
}

for (const generated of [true, false]) {
  const mode = generated ? 'generated' : 'interpreted'

  test(`columns passed on share the arrays of the input, again and again, ${mode}`, () => {
    const input = batchOf(KINDS, [ROW, { ...ROW, i: null, s: null }])
    const rows = readRows(input)
    const output = new Batch(KINDS, 1)
    const project = compileProject(
      KINDS,
      KINDS.map(({ name, type }) => column(name, type)),
      KINDS,
      { generated },
    )
    for (let i = 0; i < 3; i++) {
      project(input, output)
      assert.deepEqual(readRows(output), rows)
      assert.deepEqual(readRows(input), rows)
    }
    const [from, to] = [input.columns[0], output.columns[0]]
    assert.ok(from?.kind === 'num' && to?.kind === 'num' && from.values === to.values)
    appendRow(input, { ...ROW, n: 5n }, { at: 9 })
    for (let i = 0; i < 20; i++) appendRow(input, ROW, { at: 9 })
    project(input, output)
    assert.deepEqual(readRows(output), readRows(input))
    assert.equal(output.at[2], 9)
  })

  test(`rows that are not selected are neither read nor written, ${mode}`, () => {
    const schema: Schema = [{ name: 'i', type: INT }]
    const input = batchOf(schema, [{ i: 1 }, { i: 2 }, { i: 3 }])
    const condition = call('ne', [column('i', INT), literal(2, INT)], BOOL)
    assert.equal(compileFilter(schema, condition, { generated })(input), 1)
    const output = new Batch(schema, 4)
    const [target] = output.columns
    assert.ok(target?.kind === 'num')
    target.values.fill(-1)
    const negative = call(
      'if',
      [literalTrue, call('cast', [column('i', INT)], INT), literal(0, INT)],
      INT,
    )
    compileProject(schema, [call('coalesce', [negative, literal(9, INT)], INT)], schema, {
      generated,
    })(input, output)
    assert.deepEqual([...target.values.subarray(0, 3)], [1, -1, 3])
  })

  test(`text that a user wrote never becomes source text, ${mode}`, () => {
    const evil = '`$' + '{throw 1}`\\"\';\n}//\u2028'
    const schema: Schema = [{ name: evil, type: STRING }]
    const output: Schema = [
      { name: `${evil}1`, type: STRING },
      { name: `${evil}2`, type: BOOL },
    ]
    const batch = new Batch(output)
    const value = column(evil, STRING)
    const expressions = [
      call('concat', [value, literal(evil, STRING)], STRING),
      call('eq', [value, literal(evil, STRING)], BOOL),
    ]
    compileProject(schema, expressions, output, { generated })(
      batchOf(schema, [{ [evil]: evil }]),
      batch,
    )
    assert.deepEqual(readRows(batch), [{ [`${evil}1`]: evil + evil, [`${evil}2`]: true }])
  })

  test(`text is read right while the loop makes the arena grow, ${mode}`, () => {
    const schema: Schema = [{ name: 's', type: STRING }]
    const input = new Batch(schema)
    input.arena = new Arena(16)
    const texts = Array.from({ length: 50 }, (_, i) => 'é'.repeat(i * 20) + i)
    for (const s of texts) appendRow(input, { s }, { at: 0 })
    const output: Schema = [
      { name: 'upper', type: STRING },
      { name: 'same', type: STRING },
      { name: 'nine', type: BOOL },
    ]
    const s = column('s', STRING)
    const expressions = [
      call('upper', [s], STRING),
      call(
        'if',
        [call('contains', [s, literal('9', STRING)], BOOL), s, literal('none', STRING)],
        STRING,
      ),
      call('startsWith', [s, literal('éé', STRING)], BOOL),
    ]
    const batch = new Batch(output)
    compileProject(schema, expressions, output, { generated })(input, batch)
    assert.deepEqual(
      readRows(batch),
      texts.map(text => ({
        upper: text.toUpperCase(),
        same: text.includes('9') ? text : 'none',
        nine: text.startsWith('éé'),
      })),
    )
  })

  test(`a thousand columns are as right as one, ${mode}`, () => {
    const schema: Schema = [{ name: 'i', type: INT }]
    const type: Type = { kind: 'int64', nullable: true }
    const output: Schema = Array.from({ length: 1_000 }, (_, i) => ({ name: `c${i}`, type }))
    const expressions = output.map((_, i) => call('add', [column('i', INT), literal(i, INT)], type))
    const batch = new Batch(output)
    compileProject(schema, expressions, output, { generated })(batchOf(schema, [{ i: 5 }]), batch)
    assert.deepEqual(
      readRows(batch)[0],
      Object.fromEntries(output.map(({ name }, i) => [name, BigInt(5 + i)])),
    )
  })

  test(`a condition of many parts and great depth can be compiled, ${mode}`, () => {
    const schema: Schema = [{ name: 's', type: STRING }]
    const part = (i: number): Expression =>
      call('eq', [call('upper', [column('s', STRING)], STRING), literal(`T${i}`, STRING)], BOOL)
    const wide = call(
      'or',
      Array.from({ length: 300 }, (_, i) => part(i)),
      BOOL,
    )
    let deep = part(1)
    for (let i = 0; i < 60; i++) deep = call(i % 2 === 0 ? 'and' : 'or', [deep, part(1)], BOOL)
    const filter = compileFilter(schema, call('and', [wide, deep], BOOL), { generated })
    const batch = batchOf(schema, [{ s: 't1' }, { s: 't2' }, { s: null }])
    assert.equal(filter(batch), 2)
    assert.equal(batch.selection[0], 0)
  })
}

const literalTrue: Expression = { node: 'literal', value: true, type: { kind: 'bool' } }
