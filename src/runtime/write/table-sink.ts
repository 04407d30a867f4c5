/**
 * Changes become rows of a table, epoch by epoch.
 *
 * A table without a key takes rows as they come. A table with one gets one row per key and epoch at
 * most: the last change of the epoch wins, and a −1 that nothing follows is a tombstone. So the
 * store needs no order within an epoch, and writing an epoch twice changes nothing.
 */

import { PlatformError } from '#base'
import { Batch, type BatchColumn, copyRows } from '#columns'
import { partitionIds, type TableLayout, tableLayout } from '#format'
import type { Emit, TableSpec } from '#plan'
import type { Downstream } from '../operator.ts'
import type { RecordPositions } from '../read/change-input.ts'
import { columnIndexes, RowIndex } from '../row-key.ts'
import { type EncodedUnit, UnitWriter } from './unit-writer.ts'

/** What runs the epochs tells the sinks: the number of this one, and whether it is a final flush. */
export interface EpochState {
  number: number
  /** Everything is published as if the input ended here; the next run takes back what it must. */
  final: boolean
}

export interface SinkInputOptions {
  readonly emit: Emit
  /** Whether no two rows of an epoch that appear have the same key, so that none need be looked for. */
  readonly once?: boolean
  /** Of the task whose rows come, where it reads repartition topics. */
  readonly positions: RecordPositions
}

/** One table's rows of an epoch, from all tasks of a worker. */
export class TableSink {
  readonly table: TableSpec
  readonly #layout: TableLayout
  readonly #epoch: EpochState
  readonly #keyed: KeyedRows | undefined
  #writers = new Map<number, UnitWriter>()
  #rows = new Int32Array(0)
  #partitions = new Float64Array(0)
  /** Rows taken since it was made: +1 and −1. */
  changes = 0

  constructor(table: TableSpec, epoch: EpochState) {
    this.table = table
    this.#layout = tableLayout(table)
    this.#epoch = epoch
    if (table.key.length > 0) this.#keyed = new KeyedRows(table, this.#layout)
  }

  /** Where a pipeline puts its changes; `settled` takes what nothing can change any more. */
  input({ emit, once = false, positions }: SinkInputOptions): Downstream {
    return {
      push: batch => {
        const own = positions.get(batch.offset)
        if (own === undefined) {
          this.#push(batch, emit, once)
          return
        }
        const { origin, offset, index } = batch
        batch.origin = own.origin
        batch.offset = own.offset
        batch.index = own.index
        this.#push(batch, emit, once)
        batch.origin = origin
        batch.offset = offset
        batch.index = index
      },
    }
  }

  /** The epoch's rows as units; the next epoch begins empty. */
  drain(): EncodedUnit[] {
    this.#keyed?.drain(this.#epoch.final, (batch, rows, count, partition) =>
      this.#writer(partition).append(batch, rows, count, this.#epoch.number),
    )
    const units: EncodedUnit[] = []
    for (const [partition, writer] of [...this.#writers].sort((a, b) => a[0] - b[0])) {
      if (writer.used) units.push(...writer.finish())
      else this.#writers.delete(partition)
    }
    return units
  }

  #push(batch: Batch, emit: Emit, once: boolean): void {
    const count = this.#take(batch, emit === 'settled' && !this.#epoch.final)
    if (count === 0) return
    this.changes += count
    const takesBack = this.#takesBack(batch, count)
    if (this.#keyed === undefined) {
      if (takesBack) throw this.#cannotTakeBack()
    } else if (once && !takesBack && this.#keyed.empty) {
      if (this.#epoch.final) this.#settle(batch, count)
    } else {
      // What an earlier final flush published is taken back in front of what takes its place.
      this.#keyed.add(batch, this.#rows, count)
      return
    }
    this.#append(batch, count)
  }

  /** Fills `#rows` with the rows that are wanted. A −1 is: a final flush may have published its row. */
  #take(batch: Batch, settledOnly: boolean): number {
    if (this.#rows.length < batch.selected) this.#rows = new Int32Array(batch.capacity)
    const rows = this.#rows
    const { selection, selected, settled, weight } = batch
    let count = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      if (settledOnly && settled[row] === 0 && (weight[row] as number) > 0) continue
      rows[count++] = row
    }
    return count
  }

  #takesBack({ weight }: Batch, count: number): boolean {
    const rows = this.#rows
    for (let k = 0; k < count; k++) {
      if ((weight[rows[k] as number] as number) < 0) return true
    }
    return false
  }

  #settle({ settled }: Batch, count: number): void {
    const rows = this.#rows
    for (let k = 0; k < count; k++) settled[rows[k] as number] = 1
  }

  #append(batch: Batch, count: number): void {
    const rows = this.#rows
    if (this.#layout.partitionBy === null) {
      this.#writer(0).append(batch, rows, count, this.#epoch.number)
      return
    }
    if (this.#partitions.length < count) this.#partitions = new Float64Array(rows.length)
    const partitions = this.#partitions
    partitionIds(this.#layout, batch, rows, count, partitions)
    let from = 0
    for (let k = 1; k <= count; k++) {
      if (k < count && partitions[k] === partitions[from]) continue
      const run = from === 0 ? rows : rows.subarray(from, k)
      this.#writer(partitions[from] as number).append(batch, run, k - from, this.#epoch.number)
      from = k
    }
  }

  /** Of a plan that was checked, only a final flush publishes rows that may be taken back. */
  #cannotTakeBack(): PlatformError {
    return new PlatformError(
      'plan.unsupported',
      `a row of table "${this.table.name}" that an earlier bounded run published has changed`,
      { hint: 'Give the table a key, so that rows can be restated, and run from the start.' },
    )
  }

  #writer(partition: number): UnitWriter {
    let writer = this.#writers.get(partition)
    if (writer === undefined) {
      writer = new UnitWriter(this.#layout)
      this.#writers.set(partition, writer)
    }
    return writer
  }
}

/** The changes of an epoch of a keyed table, in order, and which of them is the last of its key. */
class KeyedRows {
  readonly #table: TableSpec
  readonly #layout: TableLayout
  /** Made for the first batch: a pipeline may carry columns that the table has not. */
  #pending: Batch | undefined
  #index: RowIndex | undefined
  /** By pending row. A key that moves to another table partition leaves a tombstone in the old. */
  #partitions = new Float64Array(0)
  /** By pending row: 1 where a later one of the same key has its place. */
  #replaced = new Uint8Array(0)

  constructor(table: TableSpec, layout: TableLayout) {
    this.#table = table
    this.#layout = layout
  }

  /** Whether the epoch has no rows here yet. */
  get empty(): boolean {
    return this.#pending === undefined || this.#pending.length === 0
  }

  add(batch: Batch, rows: Int32Array, count: number): void {
    this.#pending ??= new Batch(batch.schema)
    const pending = this.#pending
    this.#index ??= new RowIndex(pending, columnIndexes(batch.schema, this.#table.key))
    const from = pending.length
    copyRows(batch, rows, count, pending)
    this.#grow(pending.length)
    partitionIds(this.#layout, batch, rows, count, this.#partitions.subarray(from))
    for (let row = from; row < from + count; row++) {
      this.#replaced[row] = 0
      const before = this.#index.put(row, this.#partitions)
      if (before >= 0) this.#replaced[before] = 1
    }
  }

  /** Hands out the last rows by table partition, and forgets all. */
  drain(
    final: boolean,
    take: (batch: Batch, rows: Int32Array, count: number, partition: number) => void,
  ): void {
    const pending = this.#pending
    if (pending === undefined || pending.length === 0) return
    if (final) pending.settled.fill(1, 0, pending.length)
    const groups = new Map<number, number[]>()
    for (let row = 0; row < pending.length; row++) {
      if (this.#replaced[row] === 1) continue
      if ((pending.weight[row] as number) < 0) fillNulls(pending, row)
      const partition = this.#partitions[row] as number
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [row])
      else group.push(row)
    }
    for (const [partition, rows] of groups) {
      take(pending, Int32Array.from(rows), rows.length, partition)
    }
    pending.clear()
    this.#index?.clear()
  }

  #grow(rows: number): void {
    if (rows <= this.#partitions.length) return
    const capacity = Math.max(rows, this.#partitions.length * 2)
    const partitions = new Float64Array(capacity)
    partitions.set(this.#partitions)
    const replaced = new Uint8Array(capacity)
    replaced.set(this.#replaced)
    this.#partitions = partitions
    this.#replaced = replaced
  }
}

/** A tombstone may have its key alone; the store wants a value in every column that is not nullable. */
function fillNulls(batch: Batch, row: number): void {
  for (const [index, { type }] of batch.schema.entries()) {
    if (type.nullable === true) continue
    const column = batch.columns[index] as BatchColumn
    switch (column.kind) {
      case 'uuid':
        column.nulls[row] = 0
        break
      case 'num':
      case 'wide':
        if (Number.isNaN(column.values[row])) column.values[row] = 0
        break
      default:
        if ((column.lengths[row] as number) < 0) column.lengths[row] = 0
    }
  }
}
