/**
 * Rows of one batch appended to another of the same schema, text and identity with them: what
 * union, buffering and repartitioning do. Column by column; each text is copied once.
 */

import { invariant } from '#base'
import type { Arena } from './arena.ts'
import type { Batch } from './batch.ts'
import {
  type BatchColumn,
  growItems,
  type ListColumn,
  type ScalarColumn,
  type TextColumn,
  type UuidColumn,
  type WideColumn,
} from './column.ts'

/** Text shorter than this is copied byte by byte, which is cheaper than a call (facts/engine.md). */
const LOOP_BYTES_MAX = 48

/**
 * Appends the rows `rows[0 … count)` of `from` to `to`, in that order, and selects them. `to` owns its arena and
 * row identity (it is no derived batch) and grows as needed.
 */
export function copyRows(from: Batch, rows: Int32Array, count: number, to: Batch): void {
  if (count === 0) return
  invariant(from.columns.length === to.columns.length, 'rows are copied between equal schemas')
  const at = to.length
  to.grow(at + count)
  for (let c = 0; c < from.columns.length; c++) {
    copyColumn(from.columns[c], from.arena, rows, count, to.columns[c], to.arena, at)
  }
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    to.at[at + i] = from.at[row] ?? 0
    to.weight[at + i] = from.weight[row] ?? 1
    to.settled[at + i] = from.settled[row] ?? 1
    to.origin[at + i] = from.origin[row] ?? 0
    to.offset[at + i] = from.offset[row] ?? 0
    to.index[at + i] = from.index[row] ?? 0
    to.selection[to.selected + i] = at + i
  }
  to.selected += count
  to.length += count
}

/**
 * Copies values `rows[0 … count)` of a column to `at …` of another of the same type, which has
 * room for them.
 */
export function copyColumn(
  from: BatchColumn | undefined,
  fromArena: Arena,
  rows: Int32Array,
  count: number,
  to: BatchColumn | undefined,
  toArena: Arena,
  at: number,
): void {
  invariant(from !== undefined && to !== undefined, 'both columns are there')
  invariant(from.kind === to.kind, 'columns of one kind')
  if (from.kind === 'list' && to.kind === 'list') {
    copyLists(from, fromArena, rows, count, to, toArena, at)
  } else if (from.kind !== 'list' && to.kind !== 'list') {
    copyScalars(from, fromArena, rows, count, to, toArena, at)
  }
}

function copyScalars(
  from: ScalarColumn,
  fromArena: Arena,
  rows: Int32Array,
  count: number,
  to: ScalarColumn,
  toArena: Arena,
  at: number,
): void {
  if (from.kind === 'text' && to.kind === 'text') {
    copyTexts(from, fromArena, rows, count, to, toArena, at)
  } else if (from.kind === 'uuid' && to.kind === 'uuid') {
    copyUuids(from, rows, count, to, at)
  } else if (
    (from.kind === 'num' || from.kind === 'wide') &&
    (to.kind === 'num' || to.kind === 'wide')
  ) {
    const source = from.values
    const target = to.values
    for (let i = 0; i < count; i++) target[at + i] = source[rows[i] ?? 0] ?? Number.NaN
    if (from.kind === 'wide' && to.kind === 'wide') copyBeyond(from, rows, count, to, at)
  }
}

/** The integers that are not safe: few, mostly none. */
function copyBeyond(
  from: WideColumn,
  rows: Int32Array,
  count: number,
  to: WideColumn,
  at: number,
): void {
  if (from.beyond.size === 0) return
  for (let i = 0; i < count; i++) {
    const value = from.beyond.get(rows[i] ?? 0)
    if (value !== undefined) to.beyond.set(at + i, value)
  }
}

function copyUuids(
  from: UuidColumn,
  rows: Int32Array,
  count: number,
  to: UuidColumn,
  at: number,
): void {
  const source = from.words
  const target = to.words
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    for (let word = 0; word < 4; word++) target[(at + i) * 4 + word] = source[row * 4 + word] ?? 0
    to.nulls[at + i] = from.nulls[row] ?? 1
  }
}

function copyTexts(
  from: TextColumn,
  fromArena: Arena,
  rows: Int32Array,
  count: number,
  to: TextColumn,
  toArena: Arena,
  at: number,
): void {
  let total = 0
  for (let i = 0; i < count; i++) total += Math.max(0, from.lengths[rows[i] ?? 0] ?? 0)
  toArena.reserve(total)
  const source = fromArena.bytes
  const target = toArena.bytes
  let used = toArena.used
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    const length = from.lengths[row] ?? -1
    const offset = from.offsets[row] ?? 0
    to.lengths[at + i] = length
    to.offsets[at + i] = length < 0 ? 0 : used
    if (length > LOOP_BYTES_MAX) target.set(source.subarray(offset, offset + length), used)
    else for (let b = 0; b < length; b++) target[used + b] = source[offset + b] ?? 0
    if (length > 0) used += length
  }
  toArena.used = used
}

function copyLists(
  from: ListColumn,
  fromArena: Arena,
  rows: Int32Array,
  count: number,
  to: ListColumn,
  toArena: Arena,
  at: number,
): void {
  let total = 0
  for (let i = 0; i < count; i++) total += Math.max(0, from.lengths[rows[i] ?? 0] ?? 0)
  const items = new Int32Array(total)
  let item = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    const length = from.lengths[row] ?? -1
    const offset = from.offsets[row] ?? 0
    to.lengths[at + i] = length
    to.offsets[at + i] = to.itemCount + item
    for (let k = 0; k < length; k++) items[item++] = offset + k
  }
  growItems(to, to.itemCount + total)
  copyScalars(from.items, fromArena, items, total, to.items, toArena, to.itemCount)
  to.itemCount += total
}
