/**
 * How a declared table stands in the store: its `CREATE TABLE`.
 *
 * The table has the user's name and shows the user's columns: the platform's own (`_p`, `_o`,
 * `_i`, `_e` …) are `MATERIALIZED`, so `SELECT *` leaves them out and a query may still name them.
 * A table with a key keeps versions of rows (`ReplacingMergeTree`); every account's profile has
 * `final = 1`, so a plain `SELECT` gives the current rows (docs/decisions/0011).
 */

import { PlatformError } from '#base'
import { type TableLayout, tableLayout } from '#format'
import type { TableSpec } from '#plan'

/** Database of every table. */
export const DATABASE = 'app'

const TABLE_NAME = /^[a-z_][a-z0-9_]{0,63}$/
const COLUMN_NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/

/** Settings of every table: no deduplication log, and an insert is on disk when it is acknowledged. */
const TABLE_SETTINGS = [
  'non_replicated_deduplication_window = 0',
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
]

/** What `system.tables` and `system.columns` show of a table. */
export interface TableShape {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly engine: string
  readonly sortingKey: string
  readonly partitionKey: string
}

/** The name as the engine reads it. Names are checked, so that none needs escaping. */
export function quoteTable(name: string): string {
  return `${DATABASE}.${checked(name, TABLE_NAME)}`
}

export function quoteColumn(name: string): string {
  return `\`${checked(name, COLUMN_NAME)}\``
}

function checked(name: string, pattern: RegExp): string {
  if (pattern.test(name)) return name
  throw new PlatformError('app.invalid', `"${name}" is not a name of a table or column`, {
    hint: 'Names have letters, digits and underscores, and at most 64 characters.',
  })
}

/** Every physical column of `layout`, in the order of a unit's block. */
export function physicalColumns(
  layout: TableLayout,
): readonly { readonly name: string; readonly clickhouse: string }[] {
  return [...layout.columns, ...layout.platform]
}

/** The shape that `table` shall have, spelled as the engine shows it. */
export function tableShape(table: TableSpec): TableShape {
  const layout = tableLayout(table)
  return {
    columns: physicalColumns(layout).map(column => ({
      name: column.name,
      type: column.clickhouse,
    })),
    engine: layout.upsert ? 'ReplacingMergeTree' : 'MergeTree',
    sortingKey: sortingColumns(table).join(', '),
    partitionKey: partitionKey(table),
  }
}

/** `CREATE TABLE` of `table`. @throws PlatformError `plan.unsupported`, `app.invalid` */
export function createTable(table: TableSpec): string {
  const layout = tableLayout(table)
  const lines = [
    ...layout.columns.map(column => `${quoteColumn(column.name)} ${column.clickhouse}`),
    ...layout.platform.map(({ name, clickhouse }) => `${name} ${clickhouse} MATERIALIZED 0`),
    'INDEX _e_range _e TYPE minmax GRANULARITY 1',
    'INDEX _o_range _o TYPE minmax GRANULARITY 1',
  ]
  const engine = layout.upsert ? 'ReplacingMergeTree(_e, _deleted)' : 'MergeTree'
  const partition = partitionKey(table)
  const order = sortingColumns(table).map(quoteColumn).join(', ')
  const settings = [...TABLE_SETTINGS, ...(nullableOrder(table) ? ['allow_nullable_key = 1'] : [])]
  return `CREATE TABLE ${quoteTable(table.name)} (
  ${lines.join(',\n  ')}
) ENGINE = ${engine}${partition === '' ? '' : `\nPARTITION BY ${partition}`}
ORDER BY (${order})
SETTINGS ${settings.join(', ')}`
}

/**
 * Rows of a table without a key lie as they came unless it says otherwise. With a key, versions of
 * a row must meet when parts merge, so its columns are the sorting key, in whichever order.
 */
function sortingColumns(table: TableSpec): readonly string[] {
  if (table.key.length === 0) return table.orderBy.length > 0 ? table.orderBy : ['_p', '_o', '_i']
  if (table.orderBy.length === 0) return table.key
  const same =
    table.orderBy.length === table.key.length &&
    table.key.every(name => table.orderBy.includes(name))
  if (same) return table.orderBy
  throw new PlatformError(
    'plan.unsupported',
    `table "${table.name}" is sorted by columns that are not its key`,
    { hint: 'Give orderBy the columns of the key, in the order you like.' },
  )
}

function nullableOrder(table: TableSpec): boolean {
  const order = sortingColumns(table)
  return table.schema.some(({ name, type }) => order.includes(name) && type.nullable === true)
}

function partitionKey(table: TableSpec): string {
  if (table.partitionBy === null) return ''
  const unit = table.partitionBy.unit === 'day' ? 'toYYYYMMDD' : 'toYYYYMM'
  return `${unit}(${checked(table.partitionBy.column, COLUMN_NAME)})`
}
