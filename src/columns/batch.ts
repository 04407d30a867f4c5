/**
 * A batch: up to `capacity` rows of one schema as columns, and where each row comes from.
 *
 * Rows that take part are those of `selection[0 … selected)`, ascending; operators that remove rows
 * shorten the selection and move nothing. An operator that changes columns makes a batch that
 * shares the arena and the row identity of its input (`derive`). A batch is reused: what it holds
 * is valid until its owner fills it again.
 */

import { BATCH_ROWS_MAX, invariant } from '#base'
import type { Schema } from '#plan'
import { Arena } from './arena.ts'
import { type BatchColumn, growColumn, makeColumn, resetColumn } from './column.ts'

export class Batch {
  readonly schema: Schema
  /** In the order of `schema`. */
  readonly columns: readonly BatchColumn[]
  arena: Arena
  capacity: number
  /** Rows present, selected or not. */
  length = 0
  selection: Int32Array
  selected = 0
  /** Event time, integer µs. The same values as the schema's `at` column. */
  at: Float64Array
  /** +1 appears, −1 goes. */
  weight: Int8Array
  /** 1 where nothing can change the row any more; rows that are never taken back always. */
  settled: Uint8Array
  /**
   * Position of the record each row comes from, by which ties are broken: ordinal of its source in
   * the application × 65,536 + partition, offset, index within the record.
   */
  origin: Float64Array
  offset: Float64Array
  index: Int32Array

  constructor(schema: Schema, capacity = BATCH_ROWS_MAX, from?: Batch) {
    this.schema = schema
    this.columns = schema.map(column => makeColumn(column.type, capacity))
    this.capacity = capacity
    this.arena = from?.arena ?? new Arena()
    this.selection = from?.selection ?? new Int32Array(capacity)
    this.at = from?.at ?? new Float64Array(capacity)
    this.weight = from?.weight ?? new Int8Array(capacity).fill(1)
    this.settled = from?.settled ?? new Uint8Array(capacity).fill(1)
    this.origin = from?.origin ?? new Float64Array(capacity)
    this.offset = from?.offset ?? new Float64Array(capacity)
    this.index = from?.index ?? new Int32Array(capacity)
  }

  /** The column `name`. */
  column(name: string): BatchColumn {
    const column = this.columns[this.schema.findIndex(entry => entry.name === name)]
    invariant(column !== undefined, `a batch has the column "${name}"`)
    return column
  }

  /** Makes room for `rows` rows. Owners of row identity only, never a derived batch. */
  grow(rows: number): void {
    if (rows <= this.capacity) return
    const capacity = Math.max(rows, this.capacity * 2)
    for (const column of this.columns) growColumn(column, capacity)
    this.selection = resized(this.selection, capacity, Int32Array)
    this.at = resized(this.at, capacity, Float64Array)
    this.weight = resized(this.weight, capacity, Int8Array).fill(1, this.weight.length)
    this.settled = resized(this.settled, capacity, Uint8Array).fill(1, this.settled.length)
    this.origin = resized(this.origin, capacity, Float64Array)
    this.offset = resized(this.offset, capacity, Float64Array)
    this.index = resized(this.index, capacity, Int32Array)
    this.capacity = capacity
  }

  /** Selects every row present. */
  selectAll(): void {
    for (let row = 0; row < this.length; row++) this.selection[row] = row
    this.selected = this.length
  }

  /** Empties it for its next filling; the arena too, which the caller must own. */
  clear(): void {
    this.length = 0
    this.selected = 0
    this.arena.clear()
    for (const column of this.columns) resetColumn(column)
  }
}

/** Takes over the row identity of `input` as it is now; for a batch of other columns over its rows. */
export function derive(batch: Batch, input: Batch): void {
  batch.arena = input.arena
  batch.length = input.length
  batch.selection = input.selection
  batch.selected = input.selected
  batch.at = input.at
  batch.weight = input.weight
  batch.settled = input.settled
  batch.origin = input.origin
  batch.offset = input.offset
  batch.index = input.index
  if (batch.capacity < input.capacity) {
    for (const column of batch.columns) growColumn(column, input.capacity)
    batch.capacity = input.capacity
  }
  for (const column of batch.columns) resetColumn(column)
}

function resized<T extends { set(from: T): void }>(
  from: T,
  length: number,
  Kind: new (length: number) => T,
): T {
  const to = new Kind(length)
  to.set(from)
  return to
}
