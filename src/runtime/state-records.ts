/**
 * Keyed state: one record of fixed size per window or session of a key, all in one ArrayBuffer.
 *
 * A key is an entry of `keys`, whose word holds its first record (−1: none); records of a key are a
 * list by NEXT. State is reached at random, so fields of one record lie together: records beat
 * columns by 9–27 % (facts/engine.md, section 3). Values that vary in length stand in `values`,
 * once each, counted by reference. Freed records are reused; buffers grow by a fifth.
 *
 *     word   0      1      2       3            4 …
 *          ┌──────┬──────┬───────┬────────────┬─────────────────┬─────────────┐
 *          │ key  │ NEXT │ FLAGS │ a 32-bit   │ doubles: bounds, │ 32-bit      │
 *          │      │      │       │ field      │ numbers          │ references  │
 *          └──────┴──────┴───────┴────────────┴─────────────────┴─────────────┘
 */

import { invariant } from '#base'
import type { Arena } from '#columns'
import { entryWords, grownCapacity, hashEntry, InternTable } from './intern.ts'
import type { ByteReader, ByteWriter } from './state-bytes.ts'
import { appendWords } from './state-pack.ts'

export const KEY = 0
export const NEXT = 1
export const FLAGS = 2

/** In use. A record without it is free. */
export const LIVE = 1
/** Merged into another record; stays until it has been taken back. */
export const DEAD = 2
/** A row of it was given out, and not taken back. */
export const EMITTED = 4
/** What was given out, if anything, is not what it is now. */
export const CHANGED = 8
/** In the list of records to look at when flushing. */
export const PENDING = 16
/** In the list of records that changed since the last delta. */
export const TOUCHED = 32
/** Its timer waits for the frontier; before, it waits for the watermark. */
export const CLOSED = 64
/** Settles in the flush that is under way. */
export const DUE = 128
/** Set on a record whenever a row reaches it. */
export const STIRRED = CHANGED | PENDING | TOUCHED

interface Initial {
  readonly word: number
  readonly double: boolean
  readonly value: number
}

/** Places of the fields of a record, handed out once, when an operator is made. */
export class RecordLayout {
  readonly #initial: Initial[] = []
  #words = 4
  #spare = [3]

  /** A double; its index counts in doubles. */
  double(initial: number): number {
    if (this.#words % 2 === 1) this.#spare.push(this.#words++)
    const word = this.#words
    this.#words += 2
    this.#initial.push({ word, double: true, value: initial })
    return word / 2
  }

  /** A 32-bit word. */
  word(initial: number): number {
    const word = this.#spare.shift() ?? this.#words++
    this.#initial.push({ word, double: false, value: initial })
    return word
  }

  /** Words of a record, even. */
  get stride(): number {
    return this.#words + (this.#words % 2)
  }

  /** A record as it begins. */
  template(): Int32Array {
    const words = new Int32Array(this.stride)
    const doubles = new Float64Array(words.buffer)
    for (const { word, double, value } of this.#initial) {
      if (double) doubles[word / 2] = value
      else words[word] = value
    }
    words[NEXT] = -1
    words[FLAGS] = LIVE
    return words
  }
}

export class RecordStore {
  /** Fields are taken from it before `begin`. */
  readonly layout = new RecordLayout()
  words: Int32Array = new Int32Array(0)
  doubles: Float64Array = new Float64Array(0)
  stride = 0
  readonly keys = new InternTable()
  readonly values = new ValueTable()
  #template: Int32Array = new Int32Array(0)
  #capacity = 0
  #free = -1
  /** Records ever in use at once: ids are below it. */
  top = 0
  live = 0

  /** The layout is complete. */
  begin(): void {
    this.stride = this.layout.stride
    this.#template = this.layout.template()
    this.reserve(16)
  }

  get bytes(): number {
    return this.words.byteLength + this.keys.bytes + this.values.bytes
  }

  /** Makes room for `count` records, so that `words` stays what it is while they are allocated. */
  reserve(count: number): void {
    const needed = this.top + count
    if (needed <= this.#capacity) return
    this.#capacity = grownCapacity(this.#capacity, needed)
    const words = new Int32Array(this.#capacity * this.stride)
    words.set(this.words.subarray(0, this.top * this.stride))
    this.words = words
    this.doubles = new Float64Array(words.buffer)
  }

  /** A record of `key`, not yet in its list. Its TOUCHED flag is what it was when it was freed. */
  allocate(key: number): number {
    let record = this.#free
    if (record >= 0) this.#free = this.words[record * this.stride + NEXT] as number
    else {
      this.reserve(1)
      record = this.top++
    }
    this.#fill(record, key)
    return record
  }

  #fill(record: number, key: number): void {
    const { words, stride } = this
    const template = this.#template
    const base = record * stride
    const touched = (words[base + FLAGS] as number) & TOUCHED
    for (let w = 0; w < stride; w++) words[base + w] = template[w] as number
    words[base + KEY] = key
    words[base + FLAGS] = LIVE | touched
    this.live++
  }

  /** Gives back a record that is in no list; what it refers to is already released. */
  release(record: number): void {
    const base = record * this.stride
    this.words[base + FLAGS] = (this.words[base + FLAGS] as number) & TOUCHED
    this.words[base + NEXT] = this.#free
    this.#free = record
    this.live--
  }

  /** Takes `record` out of its key's list; forgets the key with its last record. */
  unlink(record: number): void {
    const { words, stride, keys } = this
    const key = words[record * stride + KEY] as number
    const next = words[record * stride + NEXT] as number
    let at = keys.user(key)
    if (at === record) {
      if (next < 0) keys.remove(key)
      else keys.setUser(key, next)
      return
    }
    while (at >= 0) {
      const after = words[at * stride + NEXT] as number
      if (after === record) {
        words[at * stride + NEXT] = next
        return
      }
      at = after
    }
    invariant(false, 'a live record is in the list of its key')
  }

  /** Puts `record` at a place that a restore names. `rebuildFree` must follow. */
  place(record: number, key: number): void {
    this.reserve(record + 1 - this.top)
    if (record >= this.top) this.top = record + 1
    this.#fill(record, key)
  }

  /** After `place`: chains all free records, lowest first. */
  rebuildFree(): void {
    const { words, stride } = this
    this.#free = -1
    for (let record = this.top - 1; record >= 0; record--) {
      if (((words[record * stride + FLAGS] as number) & LIVE) !== 0) continue
      words[record * stride + NEXT] = this.#free
      this.#free = record
    }
  }
}

/** Values of records by reference, equal ones once. A reference is an id of 0 and up; −1 is null. */
export class ValueTable {
  readonly #table = new InternTable()
  #scratch: Int32Array = new Int32Array(64)

  get bytes(): number {
    return this.#table.bytes
  }

  get words(): Int32Array {
    return this.#table.words
  }

  get live(): number {
    return this.#table.live
  }

  place(ref: number): number {
    return this.#table.place(ref)
  }

  /** A reference to the entry at `from[at]`, to be given back with `release`. */
  keep(from: Int32Array, at: number, hash: number): number {
    const ref = this.#table.intern(from, at, hash, 0)
    this.retain(ref)
    return ref
  }

  /** A reference to a slice of text. */
  keepText(arena: Arena, offset: number, length: number): number {
    const count = (length + 3) >>> 2
    if (count + 1 > this.#scratch.length) this.#scratch = new Int32Array(count * 2)
    const scratch = this.#scratch
    scratch[0] = length
    const view = arena.view
    for (let k = 0; k < count; k++) scratch[k + 1] = view.getInt32(offset + k * 4, true)
    const rest = length & 3
    if (rest !== 0) scratch[count] = (scratch[count] as number) & ((1 << (rest * 8)) - 1)
    return this.keep(scratch, 0, hashEntry(scratch, 0))
  }

  write(ref: number, writer: ByteWriter): void {
    if (ref < 0) writer.unsigned(0)
    else writeEntry(this.#table.words, this.#table.place(ref), writer)
  }

  /** A reference to what `write` wrote. */
  read(reader: ByteReader): number {
    this.#scratch = readEntry(reader, this.#scratch)
    if (this.#scratch[0] === ABSENT) return -1
    return this.keep(this.#scratch, 0, hashEntry(this.#scratch, 0))
  }

  retain(ref: number): void {
    if (ref >= 0) this.#table.setUser(ref, this.#table.user(ref) + 1)
  }

  release(ref: number): void {
    if (ref < 0) return
    const count = this.#table.user(ref) - 1
    if (count > 0) this.#table.setUser(ref, count)
    else this.#table.remove(ref)
  }

  /** Whether `ref` is this text. */
  isText(ref: number, arena: Arena, offset: number, length: number): boolean {
    const words = this.#table.words
    const place = this.#table.place(ref)
    if (words[place] !== length) return false
    const view = arena.view
    const whole = length >> 2
    for (let k = 0; k < whole; k++) {
      if (words[place + 1 + k] !== view.getInt32(offset + k * 4, true)) return false
    }
    const rest = length & 3
    if (rest === 0) return true
    const last = view.getInt32(offset + whole * 4, true) & ((1 << (rest * 8)) - 1)
    return words[place + 1 + whole] === last
  }

  /** The string of the entry at `place`; for what is rare. */
  text(place: number, scratch: Arena): string {
    const length = (this.#table.words[place] as number) & 0x7fffffff
    return scratch.string(appendWords(scratch, this.#table.words, place + 1, length), length)
  }

  /** Orders two entries by their bytes: negative, 0 or positive. */
  compare(a: Int32Array, aAt: number, b: Int32Array, bAt: number): number {
    const aLength = (a[aAt] as number) & 0x7fffffff
    const bLength = (b[bAt] as number) & 0x7fffffff
    const count = Math.min(entryWords(aLength), entryWords(bLength))
    for (let k = 1; k < count; k++) {
      const x = a[aAt + k] as number
      const y = b[bAt + k] as number
      if (x !== y) return swapped(x) - swapped(y)
    }
    return aLength - bLength
  }
}

const ABSENT = -0x80000000 | 0x7fffffff

/** Packs an entry: 2 + twice its bytes, odd where its top bit is set, and the bytes. */
export function writeEntry(words: Int32Array, place: number, writer: ByteWriter): void {
  const header = words[place] as number
  const length = header & 0x7fffffff
  writer.unsigned(2 + length * 2 + (header < 0 ? 1 : 0))
  writer.wordBytes(words, place + 1, length)
}

/** The entry at the start of the array given, or of a larger one; `0` packed is no entry. */
export function readEntry(reader: ByteReader, words: Int32Array): Int32Array {
  const code = reader.unsigned() - 2
  if (code < 0) {
    words[0] = ABSENT
    return words
  }
  const length = Math.floor(code / 2)
  const count = entryWords(length)
  const room = count <= words.length ? words : new Int32Array(count * 2)
  room[0] = code % 2 === 1 ? length | -0x80000000 : length
  reader.wordBytes(room, 1, length)
  return room
}

/** A little-endian word as the big-endian number of its bytes. */
function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
}
