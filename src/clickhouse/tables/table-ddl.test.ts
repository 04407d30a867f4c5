import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TableSpec } from '#plan'
import { widens } from './migrations.ts'
import { createTable } from './table-ddl.ts'

const table: TableSpec = {
  name: 'sessions',
  schema: [
    { name: 'user', type: { kind: 'string', nullable: true } },
    { name: 'at', type: { kind: 'timestamp' } },
  ],
  key: [],
  orderBy: [],
  partitionBy: null,
  approximate: [],
}

test('a table without a key keeps rows as they came, with their positions', () => {
  assert.equal(
    createTable({ ...table, partitionBy: { column: 'at', unit: 'day' } }),
    `CREATE TABLE app.sessions (
  \`user\` Nullable(String),
  \`at\` DateTime64(6, 'UTC'),
  _p UInt32 MATERIALIZED 0,
  _o UInt64 MATERIALIZED 0,
  _i UInt32 MATERIALIZED 0,
  _e UInt64 MATERIALIZED 0,
  INDEX _e_range _e TYPE minmax GRANULARITY 1,
  INDEX _o_range _o TYPE minmax GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY (\`_p\`, \`_o\`, \`_i\`)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1`,
  )
})

test('a table with a key keeps versions, and its sorting key is its key', () => {
  const keyed = createTable({ ...table, key: ['user'] })
  assert.match(keyed, /ENGINE = ReplacingMergeTree\(_e, _deleted\)\nORDER BY \(`user`\)/)
  assert.match(keyed, /allow_nullable_key = 1/)
  assert.throws(() => createTable({ ...table, key: ['user'], orderBy: ['at'] }), {
    code: 'plan.unsupported',
  })
})

test('a type is wider when each value stays what it was', () => {
  assert.ok(widens('Int32', 'Nullable(Int64)'))
  assert.ok(widens('Decimal(9, 2)', 'Decimal(18, 2)'))
  assert.ok(widens("Enum8('a' = 0)", "Enum8('a' = 0, 'b' = 1)"))
  assert.ok(!widens('Decimal(9, 2)', 'Decimal(18, 3)'))
  assert.ok(!widens('Nullable(Int32)', 'Int32'))
  assert.ok(!widens("Enum8('a' = 0, 'b' = 1)", "Enum8('b' = 0, 'a' = 1)"))
})
