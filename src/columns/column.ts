/**
 * Columns of a batch: values of one type, each kind where it was measured to be cheapest.
 *
 * - num: doubles, NaN is null. Holds bool, int32, float64, decimal(p ≤ 15), enum, timestamp, date
 *   and ipv4 exactly; NaN, infinities and −0 never are values (docs/SEMANTICS.md, numbers).
 * - wide: doubles while an integer is safe (|v| ≤ 2⁵³ − 1), else ±Infinity here and the integer in
 *   `beyond`. Holds int64 and decimal(p > 15). An integer has one form only: safe ones never stand
 *   in `beyond`.
 * - text: slices of the batch's arena, length −1 is null. Never materialised unless asked.
 * - uuid: four big-endian 32-bit words a row, and a null mask.
 * - list: slices of a child column, length −1 is null.
 */

import { invariant } from '#base'
import { NARROW_PRECISION_MAX, type ScalarType, type Type } from '#plan'

export interface NumColumn {
  readonly kind: 'num'
  values: Float64Array
}

export interface WideColumn {
  readonly kind: 'wide'
  values: Float64Array
  /** By row. A derived batch may hold the map of its input. */
  beyond: Map<number, bigint>
}

export interface TextColumn {
  readonly kind: 'text'
  offsets: Int32Array
  lengths: Int32Array
}

export interface UuidColumn {
  readonly kind: 'uuid'
  words: Int32Array
  nulls: Uint8Array
}

export interface ListColumn {
  readonly kind: 'list'
  offsets: Int32Array
  lengths: Int32Array
  readonly items: ScalarColumn
  /** Items in use; `growItems` makes room. */
  itemCount: number
}

export type ScalarColumn = NumColumn | WideColumn | TextColumn | UuidColumn
export type BatchColumn = ScalarColumn | ListColumn

export type ColumnKind = BatchColumn['kind']

/** The kind that holds values of `type`. */
export function columnKind(type: Type): ColumnKind {
  switch (type.kind) {
    case 'int64':
      return 'wide'
    case 'decimal':
      return type.precision <= NARROW_PRECISION_MAX ? 'num' : 'wide'
    case 'string':
    case 'json':
    case 'bytes':
      return 'text'
    case 'uuid':
      return 'uuid'
    case 'array':
      return 'list'
    default:
      return 'num'
  }
}

/** An empty column with room for `rows`. */
export function makeColumn(type: Type, rows: number): BatchColumn {
  switch (columnKind(type)) {
    case 'num':
      return { kind: 'num', values: new Float64Array(rows) }
    case 'wide':
      return { kind: 'wide', values: new Float64Array(rows), beyond: new Map() }
    case 'text':
      return { kind: 'text', offsets: new Int32Array(rows), lengths: new Int32Array(rows) }
    case 'uuid':
      return { kind: 'uuid', words: new Int32Array(rows * 4), nulls: new Uint8Array(rows) }
    case 'list': {
      invariant(type.kind === 'array', 'only arrays are lists')
      const items = makeColumn(type.of satisfies ScalarType, rows)
      invariant(items.kind !== 'list', 'lists do not nest')
      return {
        kind: 'list',
        offsets: new Int32Array(rows),
        lengths: new Int32Array(rows),
        items,
        itemCount: 0,
      }
    }
  }
}

/** How many rows `column` has room for. */
export function columnCapacity(column: BatchColumn): number {
  switch (column.kind) {
    case 'num':
    case 'wide':
      return column.values.length
    case 'uuid':
      return column.nulls.length
    default:
      return column.lengths.length
  }
}

/** Makes room for `rows` rows, keeping what is there. */
export function growColumn(column: BatchColumn, rows: number): void {
  if (columnCapacity(column) >= rows) return
  switch (column.kind) {
    case 'num':
    case 'wide':
      column.values = grown(column.values, rows, Float64Array)
      return
    case 'uuid':
      column.words = grown(column.words, rows * 4, Int32Array)
      column.nulls = grown(column.nulls, rows, Uint8Array)
      return
    default:
      column.offsets = grown(column.offsets, rows, Int32Array)
      column.lengths = grown(column.lengths, rows, Int32Array)
  }
}

/** Makes room for `count` items of a list column, twice what there was at least. */
export function growItems(column: ListColumn, count: number): void {
  const capacity = columnCapacity(column.items)
  if (capacity < count) growColumn(column.items, Math.max(count, capacity * 2))
}

/**
 * Forgets what a column remembers beside its arrays, before it is filled again. The map is left to
 * the batch it may be shared with.
 */
export function resetColumn(column: BatchColumn): void {
  if (column.kind === 'wide' && column.beyond.size > 0) column.beyond = new Map()
  if (column.kind !== 'list') return
  column.itemCount = 0
  resetColumn(column.items)
}

function grown<T extends { set(from: T): void; length: number }>(
  from: T,
  length: number,
  Kind: new (length: number) => T,
): T {
  const to = new Kind(length)
  to.set(from)
  return to
}
