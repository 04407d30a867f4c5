import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { seededRandom } from '#base'
import type { Row, Schema } from '#plan'
import { canonicalOfRows, canonicalTable } from './canonical.ts'
import { EVERY_TYPE, randomRow } from './random-rows.test.ts'

const sha256 = (hex: string) => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex')

const SCHEMA: Schema = [
  { name: 'a', type: { kind: 'int32' } },
  { name: 'k', type: { kind: 'string', nullable: true } },
]

const hexes = (rows: readonly Row[], key: readonly string[]) => {
  const table = canonicalOfRows({ schema: SCHEMA, key }, rows)
  return Array.from({ length: table.rows }, (_, i) => Buffer.from(table.row(i)).toString('hex'))
}

test('rows are ordered by the bytes of their key columns, nulls last', () => {
  const rows = [
    { a: 1, k: null },
    { a: 2, k: 'b' },
    { a: 3, k: 'a' },
    { a: 4, k: '' },
  ]
  const due = ['040000000000', '03000000000161', '02000000000162', '0100000001']
  assert.deepEqual(hexes(rows, ['k']), due)
  assert.equal(canonicalOfRows({ schema: SCHEMA, key: ['k'] }, rows).sha256, sha256(due.join('')))
})

test('rows without a key are ordered by all their bytes, and equal rows all count', () => {
  const rows = [
    { a: 256, k: 'x' },
    { a: 1, k: null },
    { a: 256, k: 'x' },
  ]
  assert.deepEqual(hexes(rows, []), ['00010000000178', '00010000000178', '0100000001'])
})

test('key columns count in the order of the key, and equal keys fall back on the row', () => {
  const rows = [
    { a: 2, k: 'x' },
    { a: 1, k: 'y' },
    { a: 1, k: 'x' },
  ]
  const due = ['01000000000178', '02000000000178', '01000000000179']
  assert.deepEqual(hexes(rows, ['k', 'a']), due)
  assert.deepEqual(hexes(rows, ['k']), due)
  assert.deepEqual(hexes(rows, ['a', 'k']), ['01000000000178', '01000000000179', '02000000000178'])
})

test('long keys that begin alike are ordered by what follows', () => {
  const rows = ['c', 'a', 'b'].map((end, a) => ({ a, k: `visitor-number-${end}` }))
  const order = hexes(rows, ['k']).map(hex => Number.parseInt(hex.slice(0, 2), 16))
  assert.deepEqual(order, [1, 2, 0])
})

test('no rows have the hash of no bytes', () => {
  assert.deepEqual(canonicalOfRows({ schema: SCHEMA, key: [] }, []).sha256, sha256(''))
})

test('the order in which rows come does not matter, and a changed value does', () => {
  const random = seededRandom(5)
  for (const key of [[], ['string', 'int64_null'], ['decimal38_null_list', 'at']]) {
    const rows = Array.from({ length: 200 }, () => randomRow(EVERY_TYPE, random))
    const spec = { schema: EVERY_TYPE, key }
    const first = canonicalOfRows(spec, rows)
    assert.equal(
      canonicalOfRows(
        spec,
        [...rows].sort(() => random.next() - 0.5),
      ).sha256,
      first.sha256,
    )
    const [row, ...others] = rows
    const changed = [...others, { ...row, bool: row?.['bool'] !== true }]
    assert.notEqual(canonicalOfRows(spec, changed).sha256, first.sha256)
    const simple = Array.from({ length: first.rows }, (_, i) => Buffer.from(first.row(i)))
    if (key.length === 0) assert.deepEqual([...simple].sort(Buffer.compare), simple)
  }
})

test('a result that was cut short is an error', () => {
  const spec = { schema: SCHEMA, key: [] }
  assert.throws(() => canonicalTable(spec, Buffer.from('010000000005', 'hex')), {
    code: 'query.failed',
  })
})
