import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch, readRows } from '#columns'
import type { Column, Expression, Schema, SourceSpec } from '#plan'
import type { LogBlock } from '#ports'
import { compileCodec, OVERSIZE_HEADER } from './compile-codec.ts'

const APPENDED = 1_700_000_000_000_000

function column(name: string, from: Schema): Expression {
  const found = from.find(entry => entry.name === name)
  return { node: 'column', name, type: found?.type ?? { kind: 'string' } }
}

const RAW: Schema = [
  { name: 'id', type: { kind: 'int64' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'price', type: { kind: 'decimal', precision: 9, scale: 2, nullable: true } },
]

function jsonSource(changes: Partial<SourceSpec> = {}): SourceSpec {
  return {
    name: 'orders',
    format: {
      kind: 'json',
      unknown: 'skip',
      fields: RAW.map(({ name, type }) => ({
        path: [name],
        column: name,
        optional: type.nullable === true,
      })),
    },
    raw: RAW,
    schema: RAW,
    map: RAW.map(({ name }) => column(name, RAW)),
    at: 'at',
    key: ['id'],
    ties: [],
    disorderUs: 0,
    latenessUs: 0,
    skewMaxUs: 1_000_000,
    aheadMaxUs: null,
    partitions: 4,
    recordBytesMax: 200,
    schemaVersion: '1',
    ...changes,
  }
}

function blockOf(records: readonly string[], changes: Partial<LogBlock> = {}): LogBlock {
  const values = Buffer.from(records.join('') + '\0'.repeat(64))
  let end = 0
  const ends = Uint32Array.from(records, record => {
    end += Buffer.byteLength(record)
    return end
  })
  return {
    topic: 'orders',
    partition: 2,
    baseOffset: 1000,
    count: records.length,
    appendedAt: APPENDED,
    kind: 'data',
    markAt: 0,
    values,
    ends,
    headers: { file: 'day.json' },
    lines: Uint32Array.from(records, (_, i) => 10 + i),
    ...changes,
  }
}

const order = (id: number | string, at: string, price = '1.50'): string =>
  `{"id":${id},"at":"${at}","price":${price}}`

const DAY = '2023-01-01T00:00:00Z'
const DAY_US = Date.parse(DAY) * 1000

for (const generated of [true, false]) {
  const how = generated ? 'generated' : 'interpreted'

  test(`records of a range become rows with their place (${how})`, () => {
    const codec = compileCodec(jsonSource(), { generated })
    const batch = new Batch(codec.schema, 2)
    const records = [
      order(0, DAY),
      order('9007199254740993', DAY, 'null'),
      '{"id":',
      order(3, DAY, '2'),
      order(4, DAY),
    ]
    codec.decode(blockOf(records), 1, 4, batch)
    assert.deepEqual(readRows(batch), [
      { id: 9007199254740993n, at: DAY_US, price: null },
      { id: 3n, at: DAY_US, price: '2.00' },
    ])
    assert.deepEqual([...batch.selection.subarray(0, batch.selected)], [0, 2])
    assert.deepEqual([...batch.offset.subarray(0, 3)], [1001, 1002, 1003])
    assert.deepEqual([batch.at[0], batch.index[0]], [DAY_US, 0])
    assert.deepEqual(
      codec.rejects.map(({ row, reason }) => ({ row, reason })),
      [{ row: 1, reason: 'json.syntax' }],
    )
    codec.decode(blockOf(records), 0, 1, batch)
    assert.deepEqual(codec.rejects, [])
    assert.equal(batch.length, 1)
    assert.equal(codec.stats.rows, 4)
  })

  test(`a mapping sees the record's own columns, and null where it may not be is a reject (${how})`, () => {
    const own: readonly Column[] = [
      { name: '_file', type: { kind: 'string', nullable: true } },
      { name: '_line', type: { kind: 'int64', nullable: true } },
      { name: '_offset', type: { kind: 'int64' } },
      { name: '_partition', type: { kind: 'int32' } },
      { name: '_appended', type: { kind: 'timestamp' } },
    ]
    const schema: Schema = [
      { name: 'file', type: { kind: 'string' } },
      { name: 'line', type: { kind: 'int64' } },
      { name: 'place', type: { kind: 'int64' } },
      { name: 'part', type: { kind: 'int32' } },
      { name: 'seen', type: { kind: 'timestamp' } },
      { name: 'at', type: { kind: 'timestamp' } },
      { name: 'price', type: { kind: 'decimal', precision: 9, scale: 2 } },
      { name: 'id', type: { kind: 'int64' } },
    ]
    const map = [...own, ...(['at', 'price', 'id'] as const)].map(entry =>
      typeof entry === 'string' ? column(entry, RAW) : column(entry.name, own),
    )
    const codec = compileCodec(jsonSource({ schema, map }), { generated })
    const batches = [new Batch(schema, 8), new Batch(schema, 1)] as const
    const records = [
      order(1, DAY),
      order(2, DAY, 'null'),
      order('-9223372036854775808', DAY),
      `{"id":4,"at":"${DAY}","price":1,"x":"${'y'.repeat(300)}"}`,
      'x',
    ]
    const expected = [1n, -9223372036854775808n].map((id, i) => ({
      file: 'day.json',
      line: BigInt(10 + i * 2),
      place: BigInt(1000 + i * 2),
      part: 2,
      seen: APPENDED,
      at: DAY_US,
      price: '1.50',
      id,
    }))
    codec.decode(blockOf(records), 0, 5, batches[0])
    assert.deepEqual(
      codec.rejects.map(({ row, reason }) => `${row} ${reason}`),
      ['1 map.price', '3 record.size', '4 json.syntax'],
    )
    codec.decode(blockOf([order(77, '1999-01-01T00:00:00Z')], { partition: 3 }), 0, 1, batches[1])
    assert.deepEqual(readRows(batches[0]), expected)
    assert.equal(readRows(batches[1])[0]?.['id'], 77n)
    codec.decode(blockOf(records.slice(0, 1), { lines: null }), 0, 1, batches[0])
    assert.equal(codec.rejects[0]?.reason, 'map.line')
    codec.decode(blockOf(records.slice(0, 1), { headers: {} }), 0, 1, batches[0])
    assert.equal(codec.rejects[0]?.reason, 'map.file')
  })

  test(`a row ahead of its arrival by more than the source allows is a reject (${how})`, () => {
    const codec = compileCodec(jsonSource(), { generated })
    const batch = new Batch(codec.schema)
    const iso = (us: number): string => `${new Date(us / 1000).toISOString().slice(0, -1)}000Z`
    const edge = APPENDED + 1_000_000
    const late = iso(edge).replace('000Z', '001Z')
    codec.decode(blockOf([order(1, iso(edge)), order(2, late), order(3, DAY)]), 0, 3, batch)
    assert.deepEqual(
      codec.rejects.map(({ row, reason, path }) => ({ row, reason, path })),
      [{ row: 1, reason: 'event.future', path: 'at' }],
    )
    assert.equal(batch.selected, 2)
  })

  test(`the first part of a record that was too large for the log is a reject (${how})`, () => {
    const codec = compileCodec(jsonSource(), { generated })
    const batch = new Batch(codec.schema)
    const headers = { [OVERSIZE_HEADER]: '{"bytes":99999999,"sha256":"ab"}' }
    codec.decode(blockOf([order(1, DAY)], { headers }), 0, 1, batch)
    assert.equal(batch.selected, 0)
    assert.equal(codec.rejects[0]?.reason, 'record.size')
    assert.match(codec.rejects[0]?.message ?? '', /99999999/)
  })
}
