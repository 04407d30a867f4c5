/**
 * Values of some columns of a row as one entry of an `InternTable`, and back.
 *
 * Layout of the body, column by column: num two words (a double; NaN is null); wide the same, and
 * behind ±Infinity four words of two's complement; uuid a word that is 1 where it is not null and
 * four words; text and lists a word of length (−1 is null) and their content in whole words. Text
 * in the last column goes without its length: the header's bytes say it, its top bit null. A value
 * has one form only, so that equal rows are equal words.
 */

import { invariant } from '#base'
import {
  type Arena,
  type Batch,
  type BatchColumn,
  growItems,
  type ListColumn,
  type ScalarColumn,
  type WideColumn,
} from '#columns'
import { hashEntry } from './intern.ts'

const bits = new Float64Array(1)
const bitWords = new Int32Array(bits.buffer)
const NULL_LAST = -0x80000000

export class RowPacker {
  /** Entries of the last `pack`, one after another. */
  words = new Int32Array(1024)
  /** By selected row: where its entry begins, and its hash. */
  starts = new Int32Array(0)
  hashes = new Int32Array(0)
  readonly #columns: readonly number[]
  #used = 0

  /** `columns`: indexes of the columns packed, in that order. */
  constructor(columns: readonly number[]) {
    this.#columns = columns
  }

  /** Packs rows `rows[0 … count)`; row k's entry begins at `starts[k]`. */
  pack(batch: Batch, rows: Int32Array, count: number): void {
    if (this.starts.length < count) {
      this.starts = new Int32Array(count)
      this.hashes = new Int32Array(count)
    }
    this.#used = 0
    const last = this.#columns.length - 1
    for (let k = 0; k < count; k++) {
      const row = rows[k] as number
      const start = this.#used
      this.starts[k] = start
      this.#room(4)
      this.#used++
      let header = -1
      for (let c = 0; c <= last; c++) {
        const column = batch.columns[this.#columns[c] as number] as BatchColumn
        if (c === last && column.kind === 'text') {
          header = this.#lastText(batch.arena, column.offsets, column.lengths, row, start)
        } else this.#value(batch.arena, column, row)
      }
      this.words[start] = header === -1 ? (this.#used - start - 1) * 4 : header
      this.hashes[k] = hashEntry(this.words, start)
    }
  }

  #lastText(
    arena: Arena,
    offsets: Int32Array,
    lengths: Int32Array,
    row: number,
    start: number,
  ): number {
    const before = (this.#used - start - 1) * 4
    const length = lengths[row] as number
    if (length < 0) return before | NULL_LAST
    this.#text(arena, offsets[row] as number, length)
    return before + length
  }

  #value(arena: Arena, column: BatchColumn, row: number): void {
    switch (column.kind) {
      case 'num':
        this.#double(column.values[row] as number)
        return
      case 'wide':
        this.#wide(column, row)
        return
      case 'uuid':
        this.#room(5)
        if (column.nulls[row] !== 0) this.words[this.#used++] = 0
        else {
          this.words[this.#used++] = 1
          for (let w = 0; w < 4; w++) {
            this.words[this.#used++] = column.words[row * 4 + w] as number
          }
        }
        return
      default: {
        const length = column.lengths[row] as number
        this.#room(1)
        this.words[this.#used++] = length
        if (length < 0) return
        const offset = column.offsets[row] as number
        if (column.kind === 'text') this.#text(arena, offset, length)
        else for (let k = 0; k < length; k++) this.#value(arena, column.items, offset + k)
      }
    }
  }

  #double(value: number): void {
    this.#room(2)
    bits[0] = Number.isNaN(value) ? Number.NaN : value
    this.words[this.#used] = bitWords[0] as number
    this.words[this.#used + 1] = bitWords[1] as number
    this.#used += 2
  }

  #wide(column: WideColumn, row: number): void {
    const value = column.values[row] as number
    this.#double(value)
    if (value - value === 0 || Number.isNaN(value)) return
    const beyond = column.beyond.get(row)
    invariant(beyond !== undefined, 'an infinite wide value has its integer beside it')
    this.#room(4)
    for (let shift = 0n; shift < 128n; shift += 32n) {
      this.words[this.#used++] = Number(BigInt.asIntN(32, beyond >> shift))
    }
  }

  /** Bytes as little-endian words; the arena has readable bytes behind any slice. */
  #text(arena: Arena, offset: number, length: number): void {
    const count = (length + 3) >>> 2
    this.#room(count)
    const { words } = this
    const view = arena.view
    const used = this.#used
    for (let k = 0; k < count; k++) words[used + k] = view.getInt32(offset + k * 4, true)
    const rest = length & 3
    if (rest !== 0) {
      words[used + count - 1] = (words[used + count - 1] as number) & ((1 << (rest * 8)) - 1)
    }
    this.#used = used + count
  }

  #room(count: number): void {
    if (this.#used + count <= this.words.length) return
    const words = new Int32Array(Math.max(this.words.length * 2, this.#used + count))
    words.set(this.words)
    this.words = words
  }
}

/** Reads entries of a `RowPacker` into rows of batches. */
export class RowUnpacker {
  readonly #columns: readonly number[]
  #at = 0

  /** `columns`: where each packed column goes, in the order in which they were packed. */
  constructor(columns: readonly number[]) {
    this.#columns = columns
  }

  /** Writes the entry at `words[place]` into `row` of `batch`, whose arena takes its text. */
  unpack(words: Int32Array, place: number, batch: Batch, row: number): void {
    const header = words[place] as number
    const end = (header & 0x7fffffff) + (place + 1) * 4
    this.#at = place + 1
    const last = this.#columns.length - 1
    for (let c = 0; c <= last; c++) {
      const column = batch.columns[this.#columns[c] as number] as BatchColumn
      if (c === last && column.kind === 'text') {
        const length = header < 0 ? -1 : end - this.#at * 4
        column.lengths[row] = length
        column.offsets[row] = length < 0 ? 0 : appendWords(batch.arena, words, this.#at, length)
      } else this.#value(words, batch.arena, column, row)
    }
  }

  #value(words: Int32Array, arena: Arena, column: BatchColumn, row: number): void {
    switch (column.kind) {
      case 'num':
        column.values[row] = this.#double(words)
        return
      case 'wide': {
        const value = this.#double(words)
        column.values[row] = value
        if (value - value !== 0 && !Number.isNaN(value))
          column.beyond.set(row, this.#integer(words))
        return
      }
      case 'uuid': {
        const present = words[this.#at++] === 1
        column.nulls[row] = present ? 0 : 1
        for (let w = 0; w < 4; w++) {
          column.words[row * 4 + w] = present ? (words[this.#at++] as number) : 0
        }
        return
      }
      default: {
        const length = words[this.#at++] as number
        column.lengths[row] = length
        column.offsets[row] = 0
        if (length < 0) return
        if (column.kind === 'list') this.#list(words, arena, column, row, length)
        else {
          column.offsets[row] = appendWords(arena, words, this.#at, length)
          this.#at += (length + 3) >>> 2
        }
      }
    }
  }

  #list(words: Int32Array, arena: Arena, column: ListColumn, row: number, length: number): void {
    const items: ScalarColumn = column.items
    const from = column.itemCount
    column.offsets[row] = from
    growItems(column, from + length)
    column.itemCount = from + length
    for (let k = 0; k < length; k++) this.#value(words, arena, items, from + k)
  }

  #double(words: Int32Array): number {
    bitWords[0] = words[this.#at] as number
    bitWords[1] = words[this.#at + 1] as number
    this.#at += 2
    return bits[0] as number
  }

  #integer(words: Int32Array): bigint {
    let value = 0n
    for (let w = 0; w < 4; w++) {
      value |= BigInt((words[this.#at++] as number) >>> 0) << BigInt(w * 32)
    }
    return BigInt.asIntN(128, value)
  }
}

/** Appends the first `length` bytes of little-endian words to an arena; returns where they begin. */
export function appendWords(arena: Arena, words: Int32Array, at: number, length: number): number {
  arena.reserve(length + 4)
  const offset = arena.used
  const view = arena.view
  for (let k = 0; k < length; k += 4) {
    view.setInt32(offset + k, words[at + (k >> 2)] as number, true)
  }
  arena.used = offset + length
  return offset
}
