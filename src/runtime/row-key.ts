/**
 * Rows found again by some of their columns: hashes, equality, and an index of rows of one batch.
 *
 * Nulls equal each other. The index is open addressing over row numbers, linear probing, at most
 * half full; the rows themselves stay in their batch. Nothing is removed but all of it.
 */

import { invariant } from '#base'
import { type Batch, type BatchColumn, equalText, hashText } from '#columns'
import type { Schema } from '#plan'

const bits = new Float64Array(1)
const words = new Int32Array(bits.buffer)
const NULL_HASH = 0x2545f491

/** Where the columns `names` stand in a schema, in that order. */
export function columnIndexes(schema: Schema, names: readonly string[]): number[] {
  return names.map(name => {
    const index = schema.findIndex(column => column.name === name)
    invariant(index >= 0, `rows have the column "${name}"`)
    return index
  })
}

/** A hash of `columns` of a row; equal rows have equal ones. */
export function hashRow(batch: Batch, columns: readonly number[], row: number): number {
  let hash = 0x9e3779b9 | 0
  for (const index of columns) {
    hash = Math.imul(hash ^ hashValue(batch, batch.columns[index] as BatchColumn, row), 0x85ebca6b)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function hashValue(batch: Batch, column: BatchColumn, row: number): number {
  switch (column.kind) {
    case 'num':
    case 'wide': {
      const value = column.values[row] as number
      if (Number.isNaN(value)) return NULL_HASH
      if (column.kind === 'wide') {
        const beyond = column.beyond.get(row)
        if (beyond !== undefined) return Number(BigInt.asIntN(32, beyond ^ (beyond >> 32n)))
      }
      bits[0] = value
      return Math.imul(words[0] as number, 0x9e3779b1) ^ (words[1] as number)
    }
    case 'text': {
      const length = column.lengths[row] as number
      if (length < 0) return NULL_HASH
      return hashText(batch.arena, column.offsets[row] as number, length)
    }
    case 'uuid': {
      if (column.nulls[row] !== 0) return NULL_HASH
      let hash = 0
      for (let word = 0; word < 4; word++) {
        hash = Math.imul(hash ^ (column.words[row * 4 + word] as number), 0x9e3779b1)
      }
      return hash
    }
    default:
      invariant(false, 'arrays are no keys')
  }
}

/** Whether `columns` of two rows are equal; each list is of its own batch. */
export function equalRows(
  a: Batch,
  aColumns: readonly number[],
  aRow: number,
  b: Batch,
  bColumns: readonly number[],
  bRow: number,
): boolean {
  for (let k = 0; k < aColumns.length; k++) {
    const left = a.columns[aColumns[k] as number] as BatchColumn
    const right = b.columns[bColumns[k] as number] as BatchColumn
    if (!equalValues(a, left, aRow, b, right, bRow)) return false
  }
  return true
}

function equalValues(
  a: Batch,
  left: BatchColumn,
  aRow: number,
  b: Batch,
  right: BatchColumn,
  bRow: number,
): boolean {
  if (left.kind === 'text' && right.kind === 'text') {
    const length = left.lengths[aRow] as number
    const other = right.lengths[bRow] as number
    if (length < 0 || other < 0) return length === other
    const [from, to] = [left.offsets[aRow] as number, right.offsets[bRow] as number]
    return equalText(a.arena, from, length, b.arena, to, other)
  }
  if (left.kind === 'uuid' && right.kind === 'uuid') {
    if (left.nulls[aRow] !== right.nulls[bRow]) return false
    if (left.nulls[aRow] !== 0) return true
    for (let word = 0; word < 4; word++) {
      if (left.words[aRow * 4 + word] !== right.words[bRow * 4 + word]) return false
    }
    return true
  }
  if (left.kind !== 'list' && right.kind !== 'list' && 'values' in left && 'values' in right) {
    const x = left.values[aRow] as number
    const y = right.values[bRow] as number
    if (x !== y) return Number.isNaN(x) && Number.isNaN(y)
    if (left.kind !== 'wide' || right.kind !== 'wide') return true
    return left.beyond.get(aRow) === right.beyond.get(bRow)
  }
  invariant(false, 'keys are compared of columns of one kind, never arrays')
}

/** Whether any of `columns` is null in the row. */
export function hasNull(batch: Batch, columns: readonly number[], row: number): boolean {
  for (const index of columns) {
    const column = batch.columns[index] as BatchColumn
    if (column.kind === 'uuid') {
      if (column.nulls[row] !== 0) return true
    } else if (column.kind === 'text' || column.kind === 'list') {
      if ((column.lengths[row] as number) < 0) return true
    } else if (Number.isNaN(column.values[row])) return true
  }
  return false
}

/** Rows of one batch by their columns and a number beside them, the last of each. */
export class RowIndex {
  readonly #batch: Batch
  readonly #columns: readonly number[]
  #slots = new Int32Array(2_048)
  #hashes = new Int32Array(1_024)
  #count = 0

  constructor(batch: Batch, columns: readonly number[]) {
    this.#batch = batch
    this.#columns = columns
  }

  /**
   * Makes `row` the one of its key; returns the row it takes the place of, or −1. `beside` is part
   * of the key: `besides[row]` of each row.
   */
  put(row: number, besides: Float64Array): number {
    if ((this.#count + 1) * 2 > this.#slots.length) this.#grow()
    const hash = hashRow(this.#batch, this.#columns, row) ^ Math.imul(besides[row] as number, 31)
    this.#remember(row, hash)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const other = (this.#slots[slot] as number) - 1
      if (other < 0) {
        this.#slots[slot] = row + 1
        this.#count++
        return -1
      }
      if (this.#hashes[other] !== hash || besides[other] !== besides[row]) continue
      const [batch, columns] = [this.#batch, this.#columns]
      if (!equalRows(batch, columns, row, batch, columns, other)) continue
      this.#slots[slot] = row + 1
      return other
    }
  }

  clear(): void {
    if (this.#slots.length > 65_536) this.#slots = new Int32Array(2_048)
    else this.#slots.fill(0)
    this.#count = 0
  }

  #remember(row: number, hash: number): void {
    if (row >= this.#hashes.length) {
      const hashes = new Int32Array(Math.max(row + 1, this.#hashes.length * 2))
      hashes.set(this.#hashes)
      this.#hashes = hashes
    }
    this.#hashes[row] = hash
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (const entry of this.#slots) {
      if (entry === 0) continue
      let slot = (this.#hashes[entry - 1] as number) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry
    }
    this.#slots = slots
  }
}
