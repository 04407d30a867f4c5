import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch } from '#columns'
import type { Schema, Value } from '#plan'
import { murmur2, partitionOf, partitionRows } from './partition.ts'

test('murmur2 gives the values of Kafka’s own tests', () => {
  const vectors: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [text, hash] of vectors) {
    const bytes = Buffer.from(text)
    assert.equal(murmur2(bytes), hash, text)
    const inside = Buffer.from(`xyz${text}uvw`)
    assert.equal(murmur2(inside, 3, 3 + bytes.length), hash, text)
    assert.equal(partitionOf(bytes, 0, bytes.length, 7), (hash & 0x7fffffff) % 7)
  }
})

const SCHEMA: Schema = [
  { name: 'text', type: { kind: 'string', nullable: true } },
  { name: 'id', type: { kind: 'uuid', nullable: true } },
  { name: 'int', type: { kind: 'int32', nullable: true } },
  { name: 'big', type: { kind: 'int64' } },
  { name: 'price', type: { kind: 'decimal', precision: 9, scale: 2 } },
  { name: 'huge', type: { kind: 'decimal', precision: 38, scale: 3 } },
  { name: 'ratio', type: { kind: 'float64' } },
  { name: 'kind', type: { kind: 'enum', values: ['view', 'grün'] } },
  { name: 'on', type: { kind: 'bool' } },
  { name: 'ip', type: { kind: 'ipv4' } },
]

const ROWS: readonly Readonly<Record<string, Value>>[] = [
  {
    text: 'user-1',
    id: '72d76fde-8bb3-4e00-8c23-a032dfed738c',
    int: -2147483648,
    big: 9007199254740993n,
    price: '-0.05',
    huge: '12345678901234567890.123',
    ratio: 0.1,
    kind: 'grün',
    on: true,
    ip: '10.0.200.1',
  },
  {
    text: 'ключ',
    id: '00000000-0000-0000-0000-0000000000ff',
    int: 0,
    big: -42n,
    price: '1234567.80',
    huge: '-0.001',
    ratio: 1e21,
    kind: 'view',
    on: false,
    ip: '255.255.255.255',
  },
]

test('key bytes are the text of the value, and several are joined by one separator', () => {
  const batch = new Batch(SCHEMA, 4)
  for (const row of ROWS) appendRow(batch, row, { at: 0 })
  const out = new Int32Array(4)
  const n = 997
  const keys = [...SCHEMA.map(column => [column.name]), ['text', 'price', 'big'], ['id', 'kind']]
  for (const key of keys) {
    partitionRows(batch, key, n, out)
    ROWS.forEach((row, i) => {
      const bytes = Buffer.from(key.map(name => String(row[name])).join('\x1f'))
      assert.equal(out[i], partitionOf(bytes, 0, bytes.length, n), `${key} of row ${i}`)
    })
  }
})

test('nulls are one key', () => {
  const batch = new Batch(SCHEMA.slice(0, 3), 2)
  appendRow(batch, { text: null, id: null, int: null }, { at: 0 })
  const out = new Int32Array(2)
  for (const { name } of batch.schema) {
    partitionRows(batch, [name], 997, out)
    assert.equal(out[0], partitionOf(Buffer.alloc(0), 0, 0, 997))
  }
})

test('rows that are not selected are left alone', () => {
  const batch = new Batch(SCHEMA, 4)
  for (const row of ROWS) appendRow(batch, row, { at: 0 })
  batch.selection[0] = 1
  batch.selected = 1
  const out = new Int32Array(4).fill(-1)
  partitionRows(batch, ['text'], 5, out)
  assert.equal(out[0], -1)
  assert.notEqual(out[1], -1)
})
