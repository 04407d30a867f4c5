/** The rows of a table as they stand, for the canonical hash and for whoever compares tables. */

import type { TableSpec } from '#plan'
import type { StoreClient } from '../client.ts'
import { quoteColumn, quoteTable } from './table-ddl.ts'

export interface TableRowsOptions {
  /** Only rows that nothing can change any more; every row of a table without a key is one. */
  readonly settledOnly: boolean
}

/** `FINAL` stands in the statement; a row that left a table partition has its tombstone in it. */
const CURRENT = { final: 0, do_not_merge_across_partitions_select_final: 1 } as const

/**
 * The current rows of `table` as RowBinary of its declared columns, in no order, in pieces that end
 * anywhere. Without tombstones; one row a key.
 *
 * @throws PlatformError `store.unavailable`, `query.failed`
 */
export async function* tableRows(
  client: StoreClient,
  table: TableSpec,
  options: TableRowsOptions,
): AsyncGenerator<Buffer> {
  const keyed = table.key.length > 0
  const columns = table.schema.map(column => quoteColumn(column.name)).join(', ')
  const where = keyed && options.settledOnly ? ' WHERE _settled = 1' : ''
  const answer = await client.stream(
    `SELECT ${columns} FROM ${quoteTable(table.name)}${keyed ? ' FINAL' : ''}${where} FORMAT RowBinary`,
    { settings: CURRENT, timeoutMs: 600_000 },
  )
  for await (const part of answer) yield part as Buffer
}
