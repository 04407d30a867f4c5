import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch } from '#columns'
import type { Schema, TableSpec } from '#plan'
import { NativeBlock, partitionIds } from './native-writer.ts'
import { tableLayout } from './table-layout.ts'

const SCHEMA: Schema = [
  { name: 'n', type: { kind: 'int32', nullable: true } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'l', type: { kind: 'array', of: { kind: 'bool' } } },
]
const table = (given: Partial<TableSpec> = {}): TableSpec => ({
  name: 't',
  schema: SCHEMA,
  key: [],
  orderBy: [],
  partitionBy: null,
  approximate: [],
  ...given,
})

function batchOf(count: number): Batch {
  const batch = new Batch(SCHEMA)
  for (let i = 0; i < count; i++) {
    const identity = {
      at: i,
      origin: 3 * 65_536 + (i % 2),
      offset: 2 ** 40 + i,
      index: i,
      weight: i === 1 ? -1 : 1,
      settled: i !== 2,
    }
    appendRow(batch, { n: i === 1 ? null : i, at: i, l: i === 2 ? [] : [true] }, identity)
  }
  return batch
}

test('a block is columns with name, type and data, in the order of the layout', () => {
  const block = new NativeBlock(tableLayout(table({ schema: SCHEMA.slice(0, 1), key: ['n'] })))
  block.append(batchOf(3), Int32Array.of(0, 1, 2), 2, { epoch: 7 })
  const text = (value: string) => Buffer.from([value.length, ...Buffer.from(value)]).toString('hex')
  const due = [
    '0702',
    text('n'),
    text('Nullable(Int32)'),
    '0001',
    '0000000000000000',
    text('_p'),
    text('UInt32'),
    '0000000001000000',
    text('_o'),
    text('UInt64'),
    '0000000000010000',
    '0100000000010000',
    text('_i'),
    text('UInt32'),
    '0000000001000000',
    text('_e'),
    text('UInt64'),
    '0700000000000000',
    '0700000000000000',
    text('_deleted'),
    text('UInt8'),
    '0001',
    text('_settled'),
    text('UInt8'),
    '0101',
  ].join('')
  assert.equal(Buffer.from(block.flush()).toString('hex'), due)
})

test('batches add up to the block that one batch would be, and flushing empties it', () => {
  const layout = tableLayout(table({ key: ['n'] }))
  const batch = batchOf(1_000)
  const whole = new NativeBlock(layout)
  whole.append(batch, batch.selection, 1_000, { epoch: 1 })
  const { positionHash, ranges } = whole
  const bytes = Buffer.from(whole.flush())
  const parts = new NativeBlock(layout)
  for (const _ of [1, 2]) {
    for (let from = 0; from < 1_000; from += 125) {
      parts.append(batch, batch.selection.subarray(from), 125, { epoch: 1 })
    }
    assert.equal(parts.rows, 1_000)
    assert.ok(Math.abs(parts.bytes - bytes.length) < 400)
    assert.equal(parts.positionHash, positionHash)
    assert.deepEqual(parts.ranges, ranges)
    assert.ok(bytes.equals(parts.flush()))
    assert.deepEqual([parts.rows, parts.positionHash, parts.ranges], [0, 0, []])
  }
})

test('the position hash and the ranges are those of the manifest', () => {
  const block = new NativeBlock(tableLayout(table()))
  const batch = batchOf(100)
  block.append(batch, batch.selection, 100, { epoch: 1 })
  let due = 0n
  for (let i = 0n; i < 100n; i++) {
    due += ((2n ** 40n + i) * 2654435761n + (i % 2n) * 40503n + i * 97n) % 2n ** 32n
  }
  assert.equal(BigInt(block.positionHash), due)
  const first = 2 ** 40
  assert.deepEqual(block.ranges, [
    [0, first, first + 98],
    [1, first + 1, first + 99],
  ])
})

test('partitions of a table are months or days in UTC, before 1970 too', () => {
  const times = [
    '2024-02-29T23:59:59.999999Z',
    '2024-03-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00Z',
  ]
  const batch = new Batch(SCHEMA)
  for (const time of times) {
    const at = Date.parse(time.replace('999999', '999')) * 1000
    appendRow(batch, { n: 0, at, l: [] }, { at })
  }
  const ids = new Float64Array(4)
  for (const [unit, due] of [
    ['month', [202402, 202403, 196912, 197001]],
    ['day', [20240229, 20240301, 19691231, 19700101]],
  ] as const) {
    partitionIds(
      tableLayout(table({ partitionBy: { column: 'at', unit } })),
      batch,
      batch.selection,
      4,
      ids,
    )
    assert.deepEqual([...ids], due)
  }
  partitionIds(tableLayout(table()), batch, batch.selection, 4, ids)
  assert.deepEqual([...ids], [0, 0, 0, 0])
})

test('a null where none may be stops the block', () => {
  const batch = batchOf(1)
  const column = batch.column('at')
  assert.ok(column.kind === 'num')
  column.values[0] = Number.NaN
  const block = new NativeBlock(tableLayout(table()))
  assert.throws(() => block.append(batch, batch.selection, 1, { epoch: 1 }), {
    name: 'InvariantError',
  })
})
