/** Tables as the store would hold them, in memory: filled from spooled units, read as canonical rows. */

import { invariant } from '#base'
import { canonicalTable, nativeRows, type StoredRow } from '#format'
import type { TableSpec } from '#plan'
import type { Manifest } from '#ports'

/** The settled rows of a table. */
export interface TableRows {
  readonly table: string
  readonly rows: number
  readonly sha256: string
  /** A row's RowBinary bytes, in canonical order. */
  row(index: number): Uint8Array
}

/** Spool files by name. */
export type SpoolFiles = ReadonlyMap<string, readonly Uint8Array[]>

/** Units by id, since applying one twice changes nothing. */
export class MemoryTables {
  readonly #specs: ReadonlyMap<string, TableSpec>
  readonly #units = new Map<string, { readonly table: string; readonly rows: StoredRow[] }>()

  constructor(tables: readonly TableSpec[]) {
    this.#specs = new Map(tables.map(table => [table.name, table]))
  }

  /** What a sink does with an epoch, from the spooled bytes. */
  apply(manifest: Manifest, spool: SpoolFiles): void {
    if (manifest.units.every(({ id }) => this.#units.has(id))) return
    const file = Buffer.concat(spool.get(manifest.spool ?? '') ?? [])
    for (const unit of manifest.units) {
      const table = this.#specs.get(unit.table)
      invariant(table !== undefined, `a unit is of a table of the application: "${unit.table}"`)
      const rows = nativeRows(table, file.subarray(unit.at, unit.at + unit.bytes))
      invariant(rows.length === unit.rows, `a unit has the ${unit.rows} rows that it says`)
      this.#units.set(unit.id, { table: unit.table, rows })
    }
  }

  /** The current settled rows: of a keyed table the newest of each key, without tombstones. */
  rows(table: TableSpec): TableRows {
    const all = [...this.#units.values()].flatMap(unit =>
      unit.table === table.name ? unit.rows : [],
    )
    const current = table.key.length === 0 ? all : newest(table, all)
    const bytes = Buffer.concat(
      current.filter(({ deleted, settled }) => !deleted && settled).map(row => row.bytes),
    )
    const canonical = canonicalTable({ schema: table.schema, key: table.key }, bytes)
    return {
      table: table.name,
      rows: canonical.rows,
      sha256: canonical.sha256,
      row: index => canonical.row(index),
    }
  }
}

/** The row of the greatest epoch of each key; a store that merges has no other order to go by. */
function newest(table: TableSpec, rows: readonly StoredRow[]): StoredRow[] {
  const byKey = new Map<string, StoredRow>()
  for (const row of rows) {
    const before = byKey.get(row.key)
    invariant(before?.epoch !== row.epoch, `an epoch has one row of a key of "${table.name}"`)
    if ((before?.epoch ?? -1) <= row.epoch) byKey.set(row.key, row)
  }
  return [...byKey.values()]
}
