/**
 * How a table stands in ClickHouse: the columns of its schema, then the platform's own.
 *
 * `_p`, `_o`, `_i` are the position of the record a row comes from, `_e` the epoch that wrote it;
 * tables with a key also say whether a row is a tombstone (`_deleted`) and whether anything can
 * still change it (`_settled`).
 */

import { PlatformError } from '#base'
import type { Schema, TableSpec, Type } from '#plan'
import { findColumn } from '#plan'

/** What a platform column holds, which no column of a schema does. */
export type PlatformColumn = '_p' | '_o' | '_i' | '_e' | '_deleted' | '_settled'

export interface PhysicalColumn {
  readonly name: string
  /** As ClickHouse writes it: `Nullable(Decimal(18, 2))`. */
  readonly clickhouse: string
}

export interface TableLayout {
  readonly table: string
  readonly schema: Schema
  /** Whether the table holds the current row per key, so that units are upserts. */
  readonly upsert: boolean
  /** The columns of `schema`, in order. */
  readonly columns: readonly PhysicalColumn[]
  /** The platform's columns, which follow. */
  readonly platform: readonly (PhysicalColumn & { readonly name: PlatformColumn })[]
  readonly partitionBy: TableSpec['partitionBy']
}

const APPEND_COLUMNS: TableLayout['platform'] = [
  { name: '_p', clickhouse: 'UInt32' },
  { name: '_o', clickhouse: 'UInt64' },
  { name: '_i', clickhouse: 'UInt32' },
  { name: '_e', clickhouse: 'UInt64' },
]

const UPSERT_COLUMNS: TableLayout['platform'] = [
  ...APPEND_COLUMNS,
  { name: '_deleted', clickhouse: 'UInt8' },
  { name: '_settled', clickhouse: 'UInt8' },
]

/** Codes of an Enum8 are −128 to 127, and ours count from 0. */
const ENUM8_VALUES_MAX = 128

/**
 * The physical columns of a table.
 *
 * @throws PlatformError `plan.unsupported` for what ClickHouse cannot hold: a nullable array, or a
 * table partitioned by a nullable column
 */
export function tableLayout(table: TableSpec): TableLayout {
  for (const { name, type } of table.schema) {
    if (type.kind === 'array' && type.nullable === true) {
      throw new PlatformError(
        'plan.unsupported',
        `column "${name}" of table "${table.name}" is a nullable array`,
        { hint: 'ClickHouse has no nullable arrays; coalesce it to an empty one.' },
      )
    }
  }
  const { partitionBy } = table
  if (partitionBy !== null) checkPartitionColumn(table, partitionBy.column)
  const upsert = table.key.length > 0
  return {
    table: table.name,
    schema: table.schema,
    upsert,
    columns: table.schema.map(({ name, type }) => ({ name, clickhouse: clickhouseType(type) })),
    platform: upsert ? UPSERT_COLUMNS : APPEND_COLUMNS,
    partitionBy,
  }
}

/** The ClickHouse type that holds values of `type`. */
export function clickhouseType(type: Type): string {
  if (type.kind === 'array') return `Array(${clickhouseType(type.of)})`
  const inner = scalarName(type)
  return type.nullable === true ? `Nullable(${inner})` : inner
}

function scalarName(type: Exclude<Type, { kind: 'array' }>): string {
  switch (type.kind) {
    case 'bool':
      return 'Bool'
    case 'int32':
      return 'Int32'
    case 'int64':
      return 'Int64'
    case 'float64':
      return 'Float64'
    case 'decimal':
      return `Decimal(${type.precision}, ${type.scale})`
    case 'string':
    case 'json':
    case 'bytes':
      return 'String'
    case 'enum': {
      const values = type.values.map((value, code) => `${quoted(value)} = ${code}`)
      return `${enumBytes(type.values.length) === 1 ? 'Enum8' : 'Enum16'}(${values.join(', ')})`
    }
    case 'timestamp':
      return "DateTime64(6, 'UTC')"
    case 'date':
      return 'Date32'
    case 'uuid':
      return 'UUID'
    case 'ipv4':
      return 'IPv4'
  }
}

/** Bytes of an enum of `count` values. */
export function enumBytes(count: number): 1 | 2 {
  return count <= ENUM8_VALUES_MAX ? 1 : 2
}

/** Characters that mean something in a ClickHouse string literal, and how they are written. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
}

function quoted(text: string): string {
  return `'${Array.from(text, character => ESCAPES[character] ?? character).join('')}'`
}

function checkPartitionColumn(table: TableSpec, name: string): void {
  const type = findColumn(table.schema, name)?.type
  if (type !== undefined && type.nullable !== true) {
    if (type.kind === 'timestamp' || type.kind === 'date') return
  }
  throw new PlatformError(
    'plan.unsupported',
    `table "${table.name}" cannot be partitioned by column "${name}"`,
    { hint: 'Partition by a timestamp or date column that is not nullable.' },
  )
}
