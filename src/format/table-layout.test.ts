import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TableSpec } from '#plan'
import { EVERY_TYPE } from './random-rows.test.ts'
import { clickhouseType, tableLayout } from './table-layout.ts'

const table: TableSpec = {
  name: 't',
  schema: EVERY_TYPE,
  key: [],
  orderBy: [],
  partitionBy: null,
  approximate: [],
}

test('types are written as ClickHouse writes them', () => {
  assert.equal(
    clickhouseType({ kind: 'decimal', precision: 38, scale: 2, nullable: true }),
    'Nullable(Decimal(38, 2))',
  )
  assert.equal(
    clickhouseType({ kind: 'array', of: { kind: 'date', nullable: true } }),
    'Array(Nullable(Date32))',
  )
  assert.equal(clickhouseType({ kind: 'timestamp' }), "DateTime64(6, 'UTC')")
  assert.equal(
    clickhouseType({ kind: 'enum', values: ['a', "b'\\\n"] }),
    "Enum8('a' = 0, 'b\\'\\\\\\n' = 1)",
  )
  const values = Array.from({ length: 129 }, (_, i) => `${i}`)
  assert.match(clickhouseType({ kind: 'enum', values }), /^Enum16\(/)
  assert.match(clickhouseType({ kind: 'enum', values: values.slice(1) }), /^Enum8\(/)
})

test('tables with a key also say what is deleted and settled', () => {
  assert.deepEqual(
    tableLayout(table).platform.map(column => column.name),
    ['_p', '_o', '_i', '_e'],
  )
  const keyed = tableLayout({ ...table, key: ['uuid'] })
  assert.deepEqual(
    keyed.platform.map(column => column.name),
    ['_p', '_o', '_i', '_e', '_deleted', '_settled'],
  )
  assert.equal(keyed.upsert, true)
})

test('what ClickHouse cannot hold is refused by name', () => {
  const schema = [
    { name: 'tags', type: { kind: 'array', of: { kind: 'bool' }, nullable: true } },
  ] as const
  assert.throws(() => tableLayout({ ...table, schema }), {
    code: 'plan.unsupported',
    message: /"tags" of table "t"/,
  })
  for (const column of ['at_null', 'int32', 'none']) {
    const partitionBy = { column, unit: 'day' } as const
    assert.throws(() => tableLayout({ ...table, partitionBy }), { code: 'plan.unsupported' })
  }
})
