/**
 * Rows that an operator keeps, by key: for joins, lookups and ordered processing.
 *
 * A row is a record of fixed fields under a dense id, in a chain of its key. Its columns are packed
 * once per content, so that a row that is taken back is found by comparing one number. Ids are
 * stable across snapshots, so that a delta is the list of ids that changed, each as it is now.
 */

import { invariant } from '#base'
import { Batch } from '#columns'
import type { Schema } from '#plan'
import { entryWords, grownCapacity, hashEntry, InternTable } from '../intern.ts'
import { columnIndexes } from '../row-key.ts'
import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RowPacker, RowUnpacker } from '../state-pack.ts'

/** Doubles of a record: event time and the position of the record it came from. */
const AT = 0
const ORIGIN = 1
const OFFSET = 2
const DOUBLES = 3
/** Words of a record; `MARK` and flags from `FLAG_USER` on are the operator's own. */
const CONTENT = 0
const KEY = 1
const NEXT = 2
const INDEX = 3
const FLAGS = 4
const MARK = 5
const WORDS = 6

const LIVE = 1
const SETTLED = 2
const TOUCHED = 4
/** Of a version: it takes the row away. */
export const DELETED = 8
const PERSISTED = LIVE | SETTLED | DELETED

/** How an operator writes and reads the mark of a record, where it has one. */
export interface MarkCodec {
  write(mark: number, to: ByteWriter): void
  read(from: ByteReader): number
  /** A record that is replaced gives up its mark. */
  release(mark: number): void
}

export class RowStore {
  readonly schema: Schema
  readonly #keys = new InternTable()
  readonly #contents = new InternTable()
  readonly #keyPacker: RowPacker
  readonly #contentPacker: RowPacker
  readonly #unpacker: RowUnpacker
  readonly #scratch: Batch
  readonly #firstRow = Int32Array.of(0)
  #doubles = new Float64Array(DOUBLES * 16)
  #words = new Int32Array(WORDS * 16)
  #ids = 0
  #free: number[] = []
  #touched: number[] = []
  #entry = new Int32Array(64)
  live = 0

  constructor(schema: Schema, key: readonly string[]) {
    this.schema = schema
    this.#scratch = new Batch(schema, 1)
    const all = schema.map((_, column) => column)
    this.#keyPacker = new RowPacker(columnIndexes(schema, key))
    this.#contentPacker = new RowPacker(all)
    this.#unpacker = new RowUnpacker(all)
  }

  get bytes(): number {
    const tables = this.#keys.bytes + this.#contents.bytes
    return tables + this.#doubles.byteLength + this.#words.byteLength
  }

  /** Packs the selected rows of a batch; `insert`, `find` and `chain` then go by selection place. */
  pack(batch: Batch): void {
    this.packKeys(batch)
    this.#contentPacker.pack(batch, batch.selection, batch.selected)
  }

  /** The same for `chain` only. */
  packKeys(batch: Batch): void {
    this.#keyPacker.pack(batch, batch.selection, batch.selected)
  }

  /** The first record under the key of place `k` of what `packed` packed last; −1 for none. */
  chain(packed: RowStore, k: number): number {
    const { words, starts, hashes } = packed.#keyPacker
    const key = this.#keys.find(words, starts[k] as number, hashes[k] as number)
    return key < 0 ? -1 : this.#keys.user(key)
  }

  /** The first record under the key that a record of another store has; −1 for none. */
  chainOfRecord(other: RowStore, id: number): number {
    const words = other.keyWords
    const place = other.keyPlace(id)
    const key = this.#keys.find(words, place, hashEntry(words, place))
    return key < 0 ? -1 : this.#keys.user(key)
  }

  /** Packed keys; that of a record begins at `keyPlace`. Changes when a row is kept. */
  get keyWords(): Int32Array {
    return this.#keys.words
  }

  keyPlace(id: number): number {
    return this.#keys.place(this.#word(id, KEY))
  }

  /** The first record of the chain that `id` is in. */
  chainOf(id: number): number {
    return this.#keys.user(this.#word(id, KEY))
  }

  next(id: number): number {
    return this.#word(id, NEXT)
  }

  at(id: number): number {
    return this.#doubles[id * DOUBLES + AT] as number
  }

  content(id: number): number {
    return this.#word(id, CONTENT)
  }

  flag(id: number, flag: number): boolean {
    return (this.#word(id, FLAGS) & flag) !== 0
  }

  settled(id: number): boolean {
    return this.flag(id, SETTLED)
  }

  mark(id: number): number {
    return this.#word(id, MARK)
  }

  setMark(id: number, mark: number): void {
    this.#words[id * WORDS + MARK] = mark
    this.touch(id)
  }

  /** Keeps the row at place `k`; returns its id. */
  insert(batch: Batch, k: number, flags: number): number {
    const row = batch.selection[k] as number
    const id = this.#free.pop() ?? this.#ids++
    this.#grow(id)
    const doubles = id * DOUBLES
    this.#doubles[doubles + AT] = batch.at[row] as number
    this.#doubles[doubles + ORIGIN] = batch.origin[row] as number
    this.#doubles[doubles + OFFSET] = batch.offset[row] as number
    const { words, starts, hashes } = this.#contentPacker
    const start = starts[k] as number
    const content = this.#contents.intern(words, start, hashes[k] as number, 0)
    this.retain(content)
    const settled = batch.settled[row] === 1 ? SETTLED : 0
    const packer = this.#keyPacker
    const keyStart = packer.starts[k] as number
    const key = this.#keys.intern(packer.words, keyStart, packer.hashes[k] as number, -1)
    this.#link(id, key, content, batch.index[row] as number, LIVE | settled | flags)
    this.touch(id)
    return id
  }

  /** The record under its key that is equal to the row at place `k`, or −1. */
  find(batch: Batch, k: number): number {
    const { words, starts, hashes } = this.#contentPacker
    const content = this.#contents.find(words, starts[k] as number, hashes[k] as number)
    if (content < 0) return -1
    const at = batch.at[batch.selection[k] as number]
    let id = this.chain(this, k)
    while (id >= 0 && (this.#word(id, CONTENT) !== content || this.at(id) !== at)) {
      id = this.next(id)
    }
    return id
  }

  remove(id: number): void {
    const key = this.#word(id, KEY)
    let before = this.#keys.user(key)
    if (before === id) {
      const next = this.next(id)
      if (next < 0) this.#keys.remove(key)
      else this.#keys.setUser(key, next)
    } else {
      while (this.next(before) !== id) before = this.next(before)
      this.#words[before * WORDS + NEXT] = this.next(id)
    }
    this.release(this.#word(id, CONTENT))
    this.touch(id)
    this.#words[id * WORDS + FLAGS] = this.#word(id, FLAGS) & TOUCHED
    this.#free.push(id)
    this.live--
  }

  /** Holds on to a content besides the records that have it. */
  retain(content: number): void {
    this.#contents.setUser(content, this.#contents.user(content) + 1)
  }

  release(content: number): void {
    const references = this.#contents.user(content) - 1
    if (references === 0) this.#contents.remove(content)
    else this.#contents.setUser(content, references)
  }

  /** Writes the columns of a content into `row` of `batch`, for which it has room. */
  unpack(content: number, batch: Batch, row: number): void {
    this.#unpacker.unpack(this.#contents.words, this.#contents.place(content), batch, row)
  }

  /** Writes columns and identity of a record into `row` of `batch`, weight +1. */
  read(id: number, batch: Batch, row: number): void {
    this.unpack(this.#word(id, CONTENT), batch, row)
    const doubles = id * DOUBLES
    batch.at[row] = this.#doubles[doubles + AT] as number
    batch.origin[row] = this.#doubles[doubles + ORIGIN] as number
    batch.offset[row] = this.#doubles[doubles + OFFSET] as number
    batch.index[row] = this.#word(id, INDEX)
    batch.settled[row] = this.settled(id) ? 1 : 0
    batch.weight[row] = 1
  }

  /** Orders two records by the position that they came from. */
  comparePositions(a: number, b: number): number {
    for (let field = ORIGIN; field <= OFFSET; field++) {
      const order =
        (this.#doubles[a * DOUBLES + field] as number) -
        (this.#doubles[b * DOUBLES + field] as number)
      if (order !== 0) return order
    }
    return this.#word(a, INDEX) - this.#word(b, INDEX)
  }

  /** Every record. */
  *records(): Generator<number> {
    for (let id = 0; id < this.#ids; id++) if (this.flag(id, LIVE)) yield id
  }

  isLive(id: number): boolean {
    return id < this.#ids && this.flag(id, LIVE)
  }

  touch(id: number): void {
    const flags = this.#word(id, FLAGS)
    if ((flags & TOUCHED) !== 0) return
    this.#words[id * WORDS + FLAGS] = flags | TOUCHED
    this.#touched.push(id)
  }

  get changed(): boolean {
    return this.#touched.length > 0
  }

  /** Writes what changed since the last call, or everything. */
  write(kind: 'snapshot' | 'delta', to: ByteWriter, marks: MarkCodec | undefined): void {
    const ids = kind === 'delta' ? this.#touched : [...this.records()]
    to.unsigned(ids.length)
    for (const id of ids) {
      const flags = this.#word(id, FLAGS) & PERSISTED
      to.unsigned(id)
      to.byte(flags)
      if (flags === 0) continue
      for (let field = 0; field < DOUBLES; field++) {
        to.number(this.#doubles[id * DOUBLES + field] as number)
      }
      to.unsigned(this.#word(id, INDEX))
      this.writeContent(this.#word(id, CONTENT), to)
      marks?.write(this.mark(id), to)
    }
    for (const id of this.#touched)
      this.#words[id * WORDS + FLAGS] = this.#word(id, FLAGS) & ~TOUCHED
    this.#touched = []
  }

  /** Applies what `write` wrote. */
  restore(from: ByteReader, marks: MarkCodec | undefined): void {
    const count = from.unsigned()
    for (let k = 0; k < count; k++) {
      const id = from.unsigned()
      const flags = from.byte()
      this.#grow(id)
      if (id < this.#ids && this.flag(id, LIVE)) {
        marks?.release(this.mark(id))
        this.remove(id)
      }
      this.#ids = Math.max(this.#ids, id + 1)
      if (flags !== 0) this.#restoreRecord(id, flags, from, marks)
    }
    this.#touched = []
    this.#free = []
    for (let id = this.#ids - 1; id >= 0; id--) {
      this.#words[id * WORDS + FLAGS] = this.#word(id, FLAGS) & ~TOUCHED
      if (!this.flag(id, LIVE)) this.#free.push(id)
    }
  }

  writeContent(content: number, to: ByteWriter): void {
    const place = this.#contents.place(content)
    const { words } = this.#contents
    to.words(words, place, entryWords(words[place] as number))
  }

  /** The id of a content that `writeContent` wrote, with one reference more. */
  readContent(from: ByteReader): number {
    from.words(this.#entry, 0, 1)
    const count = entryWords(this.#entry[0] as number)
    if (count > this.#entry.length) {
      const entry = new Int32Array(count * 2)
      entry[0] = this.#entry[0] as number
      this.#entry = entry
    }
    from.words(this.#entry, 1, count - 1)
    const content = this.#contents.intern(this.#entry, 0, hashEntry(this.#entry, 0), 0)
    this.retain(content)
    return content
  }

  #restoreRecord(id: number, flags: number, from: ByteReader, marks: MarkCodec | undefined): void {
    for (let field = 0; field < DOUBLES; field++) {
      this.#doubles[id * DOUBLES + field] = from.number()
    }
    const index = from.unsigned()
    const content = this.readContent(from)
    const scratch = this.#scratch
    scratch.clear()
    this.unpack(content, scratch, 0)
    const packer = this.#keyPacker
    packer.pack(scratch, this.#firstRow, 1)
    const key = this.#keys.intern(packer.words, 0, packer.hashes[0] as number, -1)
    this.#link(id, key, content, index, flags)
    if (marks !== undefined) this.#words[id * WORDS + MARK] = marks.read(from)
  }

  #link(id: number, key: number, content: number, index: number, flags: number): void {
    const words = id * WORDS
    const touched = this.#word(id, FLAGS) & TOUCHED
    this.#words[words + CONTENT] = content
    this.#words[words + KEY] = key
    this.#words[words + NEXT] = this.#keys.user(key)
    this.#words[words + INDEX] = index
    this.#words[words + FLAGS] = flags | touched
    this.#words[words + MARK] = 0
    this.#keys.setUser(key, id)
    this.live++
  }

  #word(id: number, field: number): number {
    return this.#words[id * WORDS + field] as number
  }

  #grow(id: number): void {
    if ((id + 1) * WORDS <= this.#words.length) return
    const capacity = grownCapacity(this.#words.length / WORDS, id + 1)
    const words = new Int32Array(capacity * WORDS)
    words.set(this.#words)
    this.#words = words
    const doubles = new Float64Array(capacity * DOUBLES)
    doubles.set(this.#doubles)
    this.#doubles = doubles
  }
}

/** That a row which is taken back is there: its +1 came before. */
export function found(id: number): number {
  invariant(id >= 0, 'a row that is taken back is known')
  return id
}
