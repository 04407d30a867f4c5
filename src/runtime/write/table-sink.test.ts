import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MICROS_PER_DAY } from '#base'
import { appendRow, Batch } from '#columns'
import type { Emit, Schema, TableSpec } from '#plan'
import { TableSink } from './table-sink.ts'

const SCHEMA: Schema = [
  { name: 'key', type: { kind: 'string' } },
  { name: 'day', type: { kind: 'timestamp' } },
  { name: 'n', type: { kind: 'int32' } },
]
const KEYED: TableSpec = {
  name: 'keyed',
  schema: SCHEMA,
  key: ['key'],
  orderBy: [],
  partitionBy: null,
  approximate: [],
}

interface Change {
  readonly key: string
  readonly day?: number
  readonly weight?: 1 | -1
  readonly settled?: boolean
}

function sinkOf(table: TableSpec, emit: Emit = 'update', once = false) {
  const epoch = { number: 1, final: false }
  const sink = new TableSink(table, epoch)
  const input = sink.input({ emit, once, positions: new WeakMap() })
  const push = (...changes: Change[]) => {
    const batch = new Batch(SCHEMA)
    for (const [offset, { key, day = 0, ...identity }] of changes.entries()) {
      appendRow(batch, { key, day: day * MICROS_PER_DAY, n: 1 }, { at: 0, offset, ...identity })
    }
    input.push(batch)
  }
  const rows = () => sink.drain().map(({ unit }) => unit.rows)
  return { epoch, push, rows, sink }
}

test('a table with a key gets one row per key and epoch', () => {
  const { push, rows } = sinkOf(KEYED)
  push({ key: 'a' }, { key: 'b' }, { key: 'a', weight: -1 })
  push({ key: 'a' }, { key: 'c', weight: -1 })
  assert.deepEqual(rows(), [3])
  assert.deepEqual(rows(), [], 'the next epoch begins empty')
  for (let n = 0; n < 5_000; n++) push({ key: `k${n % 3_000}` })
  assert.deepEqual(rows(), [3_000])
})

test('a key that moves to another table partition leaves a tombstone in the old', () => {
  const { push, rows } = sinkOf({ ...KEYED, partitionBy: { column: 'day', unit: 'day' } })
  push({ key: 'a', day: 1, weight: -1 }, { key: 'a', day: 2 }, { key: 'b', day: 2 })
  assert.deepEqual(rows(), [1, 2])
})

test('a table without a key gets every row, in a unit per table partition', () => {
  const table: TableSpec = { ...KEYED, key: [], partitionBy: { column: 'day', unit: 'month' } }
  const { push, rows } = sinkOf(table)
  push({ key: 'a', day: 1 }, { key: 'a', day: 40 }, { key: 'a', day: 2 }, { key: 'a', day: 3 })
  assert.deepEqual(rows(), [3, 1])
})

test('who wants settled rows gets no others, but all of a final flush, and what takes one back', () => {
  const { push, rows, epoch } = sinkOf(KEYED, 'settled')
  push({ key: 'a', settled: false }, { key: 'b' }, { key: 'c', settled: false, weight: -1 })
  assert.deepEqual(rows(), [2])
  epoch.final = true
  push({ key: 'a', settled: false })
  assert.deepEqual(rows(), [1])
})

test('keys that appear once an epoch are still taken back before they appear', () => {
  const { push, rows } = sinkOf(KEYED, 'settled', true)
  push({ key: 'a' }, { key: 'b' })
  assert.deepEqual(rows(), [2])
  push({ key: 'c' })
  push({ key: 'a', weight: -1 }, { key: 'b', weight: -1 }, { key: 'a' })
  push({ key: 'b' }, { key: 'd' })
  assert.deepEqual(
    rows().reduce((sum, count) => sum + count, 0),
    4,
    'one row of each of a, b, c, d',
  )
})

test('a row that went to a table without a key cannot be taken back', () => {
  const { push } = sinkOf({ ...KEYED, key: [] })
  assert.throws(() => push({ key: 'a', weight: -1 }), { code: 'plan.unsupported' })
})

test('the ranges of a unit are those of its rows', () => {
  const { push, sink } = sinkOf({ ...KEYED, key: [] })
  push({ key: 'a' }, { key: 'b' }, { key: 'c' })
  assert.deepEqual(sink.drain()[0]?.unit.ranges, [[0, 0, 2]])
})
