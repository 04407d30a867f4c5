import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError, PlatformError } from '#base'
import type { Row, ScalarType, Schema, Type, Value } from '#plan'
import { Batch } from './batch.ts'
import { appendRow, readRow, readRows } from './rows.ts'

const UUID = '0a5bbe90-79be-5ccd-b523-370b4e8c08d5'

/** Values that must come back as they went in. */
const ROUND_TRIPS: readonly (readonly [type: Type, values: readonly Value[]])[] = [
  [{ kind: 'bool' }, [true, false]],
  [{ kind: 'int32' }, [0, 2147483647, -2147483648]],
  [
    { kind: 'int64' },
    [0n, 9007199254740991n, 9007199254740992n, -9007199254740992n, 2n ** 63n - 1n, -(2n ** 63n)],
  ],
  [{ kind: 'float64' }, [0, 0.1, -1.5e300, 5e-324]],
  [{ kind: 'decimal', precision: 15, scale: 2 }, ['12.30', '-0.01', '9999999999999.99']],
  [{ kind: 'decimal', precision: 16, scale: 0 }, ['9007199254740993', '-9999999999999999']],
  [
    { kind: 'decimal', precision: 38, scale: 10 },
    ['1234567890123456789012345678.0123456789', '-0.0000000001'],
  ],
  [{ kind: 'string' }, ['', 'x', 'é', '𝄞 clef', '\u0000', 'a'.repeat(100_000)]],
  [{ kind: 'enum', values: ['web', 'app'] }, ['app', 'web']],
  [{ kind: 'timestamp' }, [0, -1, -9007199254740991, 9007199254740991]],
  [{ kind: 'date' }, [0, -719162, 2932896]],
  [{ kind: 'uuid' }, [UUID, '00000000-0000-0000-0000-000000000000', 'f'.repeat(8) + UUID.slice(8)]],
  [{ kind: 'ipv4' }, ['0.0.0.0', '255.255.255.255', '192.168.0.10']],
  [{ kind: 'json' }, ['{"a": 1}', 'null']],
  [{ kind: 'bytes' }, [new Uint8Array(), Uint8Array.of(0, 255, 128)]],
]

test('every type gives back the values it was given, nulls too', () => {
  for (const [type, values] of ROUND_TRIPS) {
    const nullable: Type = { ...type, nullable: true }
    const list: Type = { kind: 'array', of: nullable as ScalarType, nullable: true }
    const schema: Schema = [
      { name: 'v', type: nullable },
      { name: 'vs', type: list },
    ]
    const rows: Row[] = [...values, null].map(v => ({ v, vs: v === null ? null : [v, null, v] }))
    rows.push({ v: null, vs: [] })
    const batch = new Batch(schema, 1)
    for (const row of rows) appendRow(batch, row, { at: 0 })
    assert.deepEqual(readRows(batch), rows, type.kind)
  }
})

test('a batch that is filled again forgets integers beyond the safe ones', () => {
  const batch = new Batch([{ name: 'n', type: { kind: 'int64' } }], 4)
  appendRow(batch, { n: 2n ** 60n }, { at: 0 })
  batch.clear()
  appendRow(batch, { n: 7n }, { at: 0 })
  assert.deepEqual(readRow(batch, 0), { n: 7n })
  const column = batch.columns[0]
  assert.equal(column?.kind === 'wide' && column.beyond.size, 0)
})

test('a row brings its identity, and growth keeps that of the rows before it', () => {
  const batch = new Batch([{ name: 'n', type: { kind: 'int32' } }], 1)
  appendRow(
    batch,
    { n: 1 },
    { at: -5, weight: -1, settled: false, origin: 65_537, offset: 3, index: 2 },
  )
  appendRow(batch, { n: 2 }, { at: 6 })
  const identity = (row: number) =>
    [batch.at, batch.weight, batch.settled, batch.origin, batch.offset, batch.index].map(
      a => a[row],
    )
  assert.deepEqual(identity(0), [-5, -1, 0, 65_537, 3, 2])
  assert.deepEqual(identity(1), [6, 1, 1, 0, 0, 0])
  assert.equal(batch.selected, 2)
  assert.deepEqual([...batch.selection.subarray(0, 2)], [0, 1])
})

test('negative zero becomes zero, and a short decimal gets its digits', () => {
  const batch = new Batch([
    { name: 'f', type: { kind: 'float64' } },
    { name: 'd', type: { kind: 'decimal', precision: 5, scale: 2 } },
  ])
  appendRow(batch, { f: -0, d: '1.5' }, { at: 0 })
  appendRow(batch, { f: 0, d: '-0.00' }, { at: 0 })
  assert.ok(Object.is(readRow(batch, 0)['f'], 0))
  assert.equal(readRow(batch, 0)['d'], '1.50')
  assert.equal(readRow(batch, 1)['d'], '0.00')
})

const MISFITS: readonly (readonly [type: Type, value: Value])[] = [
  [{ kind: 'bool' }, 1],
  [{ kind: 'int32' }, 2147483648],
  [{ kind: 'int32' }, 1.5],
  [{ kind: 'int32' }, 1n],
  [{ kind: 'int64' }, 1],
  [{ kind: 'int64' }, 2n ** 63n],
  [{ kind: 'float64' }, Number.NaN],
  [{ kind: 'float64' }, Number.POSITIVE_INFINITY],
  [{ kind: 'decimal', precision: 4, scale: 2 }, '100.00'],
  [{ kind: 'decimal', precision: 4, scale: 2 }, '1.001'],
  [{ kind: 'decimal', precision: 4, scale: 2 }, '1e2'],
  [{ kind: 'string' }, '\ud800'],
  [{ kind: 'string' }, null],
  [{ kind: 'enum', values: ['a'] }, 'b'],
  [{ kind: 'timestamp' }, 2 ** 53],
  [{ kind: 'uuid' }, UUID.toUpperCase()],
  [{ kind: 'ipv4' }, '1.2.3.04'],
  [{ kind: 'ipv4' }, '1.2.3.256'],
  [{ kind: 'bytes' }, 'text'],
  [{ kind: 'array', of: { kind: 'int32' } }, [1, null]],
  [{ kind: 'array', of: { kind: 'int32' } }, 1],
]

test('a value that does not fit is refused by name, and leaves the batch as it was', () => {
  for (const [type, value] of MISFITS) {
    const batch = new Batch([
      { name: 'first', type: { kind: 'string' } },
      { name: 'second', type },
    ])
    assert.throws(
      () => appendRow(batch, { first: 'x', second: value }, { at: 0 }),
      (error: unknown) =>
        error instanceof PlatformError &&
        !(error instanceof InvariantError) &&
        error.code === 'plan.type' &&
        error.message.includes('"second"') &&
        error.hint !== undefined,
      `${type.kind} ${String(value)}`,
    )
    assert.equal(batch.length, 0)
    assert.equal(batch.arena.used, 0)
  }
})
