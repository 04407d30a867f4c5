import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { appendRow, Batch, readRow, readRows } from '#columns'
import type { Schema } from '#plan'
import type { LogBlock } from '#ports'
import { EVERY_TYPE, randomRow } from './random-rows.test.ts'
import { RowCodec } from './row-codec.ts'
import { RowReader } from './rowbinary-reader.ts'
import { GrowingBytes } from './rowbinary-writer.ts'

/** Arrays that may be null are for operators only: no table holds them. */
const SCHEMA: Schema = [
  ...EVERY_TYPE,
  { name: 'maybe', type: { kind: 'array', of: { kind: 'int64', nullable: true }, nullable: true } },
]

test('rows of every type come back as they were', () => {
  const random = seededRandom(1)
  const codec = new RowCodec(SCHEMA)
  const from = new Batch(SCHEMA)
  const to = new Batch(SCHEMA)
  for (let round = 0; round < 20; round++) {
    from.clear()
    to.clear()
    const rows = Array.from({ length: 10 }, () => randomRow(SCHEMA, random))
    const out = new GrowingBytes(1)
    const ends = rows.map((row, i) => {
      appendRow(from, row, { at: 0 })
      codec.encode(from, i, out)
      return out.used
    })
    for (const i of rows.keys()) {
      codec.decode(out.bytes, i === 0 ? 0 : (ends[i - 1] ?? 0), ends[i] ?? 0, to, i)
    }
    assert.deepEqual(
      rows.map((_, i) => readRow(to, i)),
      rows,
    )
  }
})

test('a reader finds where rows and columns end, and where bytes are missing', () => {
  const random = seededRandom(2)
  const codec = new RowCodec(SCHEMA)
  const reader = new RowReader(SCHEMA)
  const batch = new Batch(SCHEMA)
  for (let round = 0; round < 30; round++) {
    batch.clear()
    appendRow(batch, randomRow(SCHEMA, random), { at: 0 })
    const out = new GrowingBytes()
    codec.encode(batch, 0, out)
    const ends: number[] = []
    assert.equal(reader.skip(out.written(), 0, ends), out.used)
    assert.equal(ends.at(-1), out.used)
    assert.equal(ends.length, SCHEMA.length)
    for (let cut = 0; cut < 20; cut++) {
      assert.equal(reader.skip(out.bytes.subarray(0, random.int(out.used)), 0), -1)
    }
  }
})

test('RowBinary is that of ClickHouse, byte for byte', () => {
  const schema: Schema = [
    { name: 'n', type: { kind: 'int64', nullable: true } },
    { name: 'm', type: { kind: 'int32', nullable: true } },
    { name: 's', type: { kind: 'string' } },
    { name: 'u', type: { kind: 'uuid' } },
    { name: 'd', type: { kind: 'decimal', precision: 38, scale: 1 } },
    { name: 'l', type: { kind: 'array', of: { kind: 'bool' } } },
  ]
  const batch = new Batch(schema)
  const row = {
    n: -2n,
    m: null,
    s: 'hé',
    u: '00112233-4455-6677-8899-aabbccddeeff',
    d: '-0.1',
    l: [true, false],
  }
  appendRow(batch, row, { at: 0 })
  const out = new GrowingBytes()
  new RowCodec(schema).encode(batch, 0, out)
  assert.equal(
    Buffer.from(out.written()).toString('hex'),
    `00feffffffffffffff01${'0368c3a9'}7766554433221100ffeeddccbbaa9988${'f'.repeat(32)}020100`,
  )
})

test('changes come back with their identity, any range of a block', () => {
  const random = seededRandom(3)
  const codec = new RowCodec(SCHEMA)
  const batch = new Batch(SCHEMA)
  const identities = Array.from({ length: 30 }, (_, i) => ({
    at: -(2 ** 52) + i,
    weight: i % 3 === 0 ? -1 : 1,
    settled: i % 2 === 0,
    origin: 65_536 * i + 3,
    offset: 2 ** 53 - 1 - i,
    index: i * 70_000_000,
  }))
  const rows = identities.map(() => randomRow(SCHEMA, random))
  rows.forEach((row, i) => {
    appendRow(batch, row, identities[i] ?? { at: 0 })
  })
  const out = new GrowingBytes()
  const ends = Uint32Array.from(rows, (_, i) => {
    codec.encodeChange(batch, i, out)
    return out.used
  })
  const block: LogBlock = {
    topic: 't',
    partition: 0,
    baseOffset: 0,
    count: 30,
    appendedAt: 0,
    kind: 'change',
    markAt: 0,
    values: out.written(),
    ends,
    headers: {},
    lines: null,
  }
  const to = new Batch(SCHEMA, 1)
  for (const [from, end] of [
    [0, 30],
    [7, 20],
    [29, 30],
    [4, 4],
  ] as const) {
    codec.decodeChanges(block, from, end, to)
    assert.equal(to.length, end - from)
    assert.deepEqual(readRows(to), rows.slice(from, end))
    for (let i = from; i < end; i++) {
      const row = i - from
      const found = {
        at: to.at[row],
        weight: to.weight[row],
        settled: to.settled[row] === 1,
        origin: to.origin[row],
        offset: to.offset[row],
        index: to.index[row],
      }
      assert.deepEqual(found, identities[i])
    }
  }
})

test('a null where none may be is a bug, not a value', () => {
  const schema: Schema = [{ name: 'n', type: { kind: 'int32' } }]
  const batch = new Batch(schema)
  appendRow(batch, { n: 1 }, { at: 0 })
  const [column] = batch.columns
  assert.ok(column?.kind === 'num')
  column.values[0] = Number.NaN
  assert.throws(() => new RowCodec(schema).encode(batch, 0, new GrowingBytes()), {
    name: 'InvariantError',
  })
})

test('an integer that is read has the one form that a batch gives it', () => {
  const schema: Schema = [{ name: 'n', type: { kind: 'int64' } }]
  const codec = new RowCodec(schema)
  for (const n of [2n ** 53n, 2n ** 53n - 1n, 1n - 2n ** 53n, -(2n ** 53n), -(2n ** 63n)]) {
    const from = new Batch(schema)
    appendRow(from, { n }, { at: 0 })
    const out = new GrowingBytes()
    codec.encode(from, 0, out)
    const to = new Batch(schema)
    codec.decode(out.bytes, 0, out.used, to, 0)
    const [due, found] = [from.columns[0], to.columns[0]]
    assert.ok(due?.kind === 'wide' && found?.kind === 'wide')
    assert.equal(found.values[0], due.values[0])
    assert.deepEqual(found.beyond, due.beyond)
  }
})
