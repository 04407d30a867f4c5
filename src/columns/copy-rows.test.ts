import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '#base'
import type { Row, Schema } from '#plan'
import { Batch } from './batch.ts'
import { copyRows } from './copy-rows.ts'
import { appendRow, readRow, readRows } from './rows.ts'

const SCHEMA: Schema = [
  { name: 'n', type: { kind: 'int64', nullable: true } },
  { name: 'f', type: { kind: 'float64', nullable: true } },
  { name: 's', type: { kind: 'string', nullable: true } },
  { name: 'u', type: { kind: 'uuid', nullable: true } },
  { name: 'k', type: { kind: 'array', of: { kind: 'string', nullable: true }, nullable: true } },
  { name: 'm', type: { kind: 'array', of: { kind: 'int64' }, nullable: true } },
]

function rowOf(random: Random, i: number): Row {
  const maybe = <T>(value: T): T | null => (random.next() < 0.2 ? null : value)
  return {
    n: maybe(random.next() < 0.3 ? 2n ** 60n + BigInt(i) : BigInt(i)),
    f: maybe(i / 3),
    s: maybe('é'.repeat(random.int(60))),
    u: maybe(`0a5bbe90-79be-5ccd-b523-${String(i).padStart(12, '0')}`),
    k: maybe(Array.from({ length: random.int(4) }, (_, at) => maybe(`${i}.${at}`))),
    m: maybe(Array.from({ length: random.int(4) }, (_, at) => 2n ** 61n + BigInt(at))),
  }
}

function filled(random: Random, count: number): Batch {
  const batch = new Batch(SCHEMA, 2)
  for (let i = 0; i < count; i++) {
    const weight = random.next() < 0.5 ? 1 : -1
    const place = { origin: 65_536 + i, offset: 1e12 + i, index: i % 3 }
    appendRow(batch, rowOf(random, i), { at: i * 7 - 50, weight, settled: i % 2 === 0, ...place })
  }
  return batch
}

const identityOf = (batch: Batch, row: number) =>
  [batch.at, batch.weight, batch.settled, batch.origin, batch.offset, batch.index].map(
    values => values[row],
  )

test('copied rows are those selected, in order, behind the rows there were, with identity', () => {
  const random = seededRandom(99)
  for (let round = 0; round < 50; round++) {
    const from = filled(random, 20)
    const to = filled(random, 5)
    const before = readRows(to)
    const rows = Int32Array.from({ length: random.int(12) }, () => random.int(20))
    copyRows(from, rows, rows.length, to)
    const copied = [...rows].map(row => readRow(from, row))
    assert.deepEqual(readRows(to), [...before, ...copied])
    assert.equal(to.length, 5 + rows.length)
    for (const [i, row] of rows.entries()) {
      assert.deepEqual(identityOf(to, 5 + i), identityOf(from, row))
    }
  }
})

test('copies stay when the batch they came from is filled again', () => {
  const random = seededRandom(5)
  const from = filled(random, 10)
  const to = new Batch(SCHEMA)
  copyRows(from, from.selection, from.selected, to)
  const rows = readRows(to)
  from.clear()
  for (let i = 0; i < 10; i++) appendRow(from, rowOf(random, i + 100), { at: 0 })
  assert.deepEqual(readRows(to), rows)
})

test('rows can be copied between batches that share an arena', () => {
  const batch = filled(seededRandom(6), 10)
  const other = new Batch(SCHEMA, 4)
  other.arena = batch.arena
  const rows = readRows(batch)
  for (let i = 0; i < 10; i++) copyRows(batch, Int32Array.of(i, 9 - i), 2, other)
  assert.deepEqual(
    readRows(other),
    rows.flatMap((row, i) => [row, rows[9 - i]]),
  )
})
