/** Tables as the store would hold them, in memory: filled from spooled units, read as canonical rows. */

import { invariant } from '#base'
import { Batch } from '#columns'
import {
  canonicalTable,
  nativeRows,
  partitionIds,
  RowCodec,
  type StoredRow,
  tableLayout,
} from '#format'
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

interface StoredUnit {
  readonly table: string
  /** The table partition that its rows are in: the store takes the newest of each key in each. */
  readonly partition: number
  readonly rows: readonly StoredRow[]
}

/** Units by id, since applying one twice changes nothing. */
export class MemoryTables {
  readonly #specs: ReadonlyMap<string, TableSpec>
  readonly #units = new Map<string, StoredUnit>()

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
      const partition = partitionOf(table, rows)
      this.#units.set(unit.id, { table: unit.table, partition, rows })
    }
  }

  /** The current settled rows: of a keyed table the newest of each key, without tombstones. */
  rows(table: TableSpec): TableRows {
    const units = [...this.#units.values()].filter(unit => unit.table === table.name)
    const partitions = [...Map.groupBy(units, ({ partition }) => partition).values()]
    const current = partitions.flatMap(list => {
      const rows = list.flatMap(unit => unit.rows)
      return table.key.length === 0 ? rows : newest(table, rows)
    })
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

/** The table partition of a unit's rows, all of one. */
function partitionOf(table: TableSpec, rows: readonly StoredRow[]): number {
  const codec = new RowCodec(table.schema)
  const batch = new Batch(table.schema, 1)
  const layout = tableLayout(table)
  const found = new Float64Array(1)
  const partitions = new Set(
    (table.partitionBy === null ? rows.slice(0, 1) : rows).map(({ bytes }) => {
      batch.clear()
      codec.decode(bytes, 0, bytes.length, batch, 0)
      partitionIds(layout, batch, Int32Array.of(0), 1, found)
      return found[0] ?? 0
    }),
  )
  invariant(partitions.size === 1, `the rows of a unit of "${table.name}" are of one partition`)
  return [...partitions][0] ?? 0
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
