/**
 * One value of a column kept in a record: put from a row, compared, copied, written out, packed.
 *
 * Numbers stand in a double (NaN is null). A wide value does too while it is safe; else the double
 * is a reference to its integer, told by its fraction of one half. Text, uuids and lists are
 * references into the store's values. A field reads the column it was last bound to.
 */

import { invariant } from '#base'
import { Arena, type Batch, type BatchColumn, type ColumnKind, writeWide } from '#columns'
import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RowPacker, RowUnpacker } from '../state-pack.ts'
import type { RecordStore } from '../state-records.ts'

export interface ValueField {
  /** Whether records hold references, which must be released. */
  readonly referring: boolean
  /** Reads rows of this column from now on. */
  bind(batch: Batch, column: number): void
  rowIsNull(row: number): boolean
  isNull(record: number): boolean
  put(record: number, row: number): void
  /** Orders what is held against a row: negative where it is less. Nulls are last. */
  compareRow(record: number, row: number): number
  compare(a: number, b: number): number
  /** `to` holds what `from` does. */
  copy(to: number, from: number): void
  write(record: number, batch: Batch, column: BatchColumn, row: number): void
  encode(record: number, writer: ByteWriter): void
  /** Into a record as it begins. */
  decode(record: number, reader: ByteReader): void
  release(record: number): void
}

/** Room for a value of `kind` in the records of `store`. */
export function makeField(kind: ColumnKind, store: RecordStore): ValueField {
  if (kind === 'num') return new NumField(store)
  return kind === 'wide' ? new WideField(store) : new ReferenceField(store, kind)
}

const NO_VALUES: Float64Array = new Float64Array(0)

/** Nulls last: the order of two numbers of which NaN is null. */
function order(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1
  if (Number.isNaN(b)) return -1
  return a < b ? -1 : a > b ? 1 : 0
}

export class NumField implements ValueField {
  readonly referring = false
  readonly store: RecordStore
  /** Place of the double within a record, in doubles. */
  readonly double: number
  #values: Float64Array | Int32Array = NO_VALUES

  constructor(store: RecordStore) {
    this.store = store
    this.double = store.layout.double(Number.NaN)
  }

  bind(batch: Batch, column: number): void {
    const bound = batch.columns[column] as BatchColumn
    invariant(bound.kind === 'num', 'a number is read from a column of numbers')
    this.#values = bound.values
  }

  /** Reads these numbers of rows from now on. */
  bindValues(values: Float64Array | Int32Array): void {
    this.#values = values
  }

  rowIsNull(row: number): boolean {
    return Number.isNaN(this.#values[row])
  }

  isNull(record: number): boolean {
    return Number.isNaN(this.#read(record))
  }

  put(record: number, row: number): void {
    this.#set(record, this.#values[row] as number)
  }

  compareRow(record: number, row: number): number {
    return order(this.#read(record), this.#values[row] as number)
  }

  compare(a: number, b: number): number {
    return order(this.#read(a), this.#read(b))
  }

  copy(to: number, from: number): void {
    this.#set(to, this.#read(from))
  }

  write(record: number, _batch: Batch, column: BatchColumn, row: number): void {
    if (column.kind === 'num') column.values[row] = this.#read(record)
    else if (column.kind === 'wide') writeWide(column, row, this.#read(record))
    else invariant(false, 'a number is written to a column of numbers')
  }

  encode(record: number, writer: ByteWriter): void {
    writer.number(this.#read(record))
  }

  decode(record: number, reader: ByteReader): void {
    this.#set(record, reader.number())
  }

  release(): void {
    invariant(!this.referring, 'a number holds nothing')
  }

  #read(record: number): number {
    return this.store.doubles[(record * this.store.stride) / 2 + this.double] as number
  }

  #set(record: number, value: number): void {
    this.store.doubles[(record * this.store.stride) / 2 + this.double] = value
  }
}

/** Integers of any size: `n + 0.5` in the double stands for the integer at reference n. */
class WideField implements ValueField {
  readonly referring = true
  readonly #store: RecordStore
  readonly #double: number
  readonly #integers: Integers
  #values: Float64Array | Int32Array = NO_VALUES
  #beyond: ReadonlyMap<number, bigint> = new Map()

  constructor(store: RecordStore) {
    this.#store = store
    this.#double = store.layout.double(Number.NaN)
    this.#integers = new Integers(store)
  }

  bind(batch: Batch, column: number): void {
    const bound = batch.columns[column] as BatchColumn
    invariant(bound.kind === 'wide', 'a wide value is read from a wide column')
    this.#values = bound.values
    this.#beyond = bound.beyond
  }

  rowIsNull(row: number): boolean {
    return Number.isNaN(this.#values[row])
  }

  isNull(record: number): boolean {
    return Number.isNaN(this.#raw(record))
  }

  put(record: number, row: number): void {
    this.#set(record, this.#row(row))
  }

  compareRow(record: number, row: number): number {
    return this.#order(this.#read(record), this.#row(row))
  }

  compare(a: number, b: number): number {
    return this.#order(this.#read(a), this.#read(b))
  }

  copy(to: number, from: number): void {
    this.#set(to, this.#read(from))
  }

  write(record: number, _batch: Batch, column: BatchColumn, row: number): void {
    invariant(column.kind === 'wide', 'a wide value is written to a wide column')
    writeWide(column, row, this.#read(record))
  }

  encode(record: number, writer: ByteWriter): void {
    const value = this.#read(record)
    if (typeof value === 'number') {
      writer.byte(0)
      writer.number(value)
    } else {
      writer.byte(1)
      writer.bigint(value)
    }
  }

  decode(record: number, reader: ByteReader): void {
    this.#set(record, reader.byte() === 0 ? reader.number() : reader.bigint())
  }

  release(record: number): void {
    const raw = this.#raw(record)
    if (raw !== Math.floor(raw) && !Number.isNaN(raw)) this.#integers.release(raw - 0.5)
  }

  #order(a: number | bigint, b: number | bigint): number {
    if (typeof a === 'number' && typeof b === 'number') return order(a, b)
    if (Number.isNaN(a)) return 1
    if (Number.isNaN(b)) return -1
    return a < b ? -1 : a > b ? 1 : 0
  }

  #row(row: number): number | bigint {
    const value = this.#values[row] as number
    return value - value === 0 || Number.isNaN(value) ? value : (this.#beyond.get(row) as bigint)
  }

  #read(record: number): number | bigint {
    const raw = this.#raw(record)
    return raw === Math.floor(raw) || Number.isNaN(raw) ? raw : this.#integers.read(raw - 0.5)
  }

  #set(record: number, value: number | bigint): void {
    const kept = typeof value === 'number' ? value : this.#integers.keep(value) + 0.5
    this.release(record)
    this.#store.doubles[(record * this.#store.stride) / 2 + this.#double] = kept
  }

  #raw(record: number): number {
    return this.#store.doubles[(record * this.#store.stride) / 2 + this.#double] as number
  }
}

/** Integers that are not safe, as references to the bytes of their text. */
class Integers {
  readonly #store: RecordStore
  readonly #arena = new Arena(64)

  constructor(store: RecordStore) {
    this.#store = store
  }

  keep(value: bigint): number {
    this.#arena.clear()
    const offset = this.#arena.appendString(value.toString())
    return this.#store.values.keepText(this.#arena, offset, this.#arena.used - offset)
  }

  read(ref: number): bigint {
    const { values } = this.#store
    const place = values.place(ref)
    this.#arena.clear()
    return BigInt(values.text(place, this.#arena))
  }

  release(ref: number): void {
    this.#store.values.release(ref)
  }
}

/** A value of the store's table: text, a uuid or a list. Lists have no order. */
export class ReferenceField implements ValueField {
  readonly referring = true
  readonly store: RecordStore
  /** Place of the reference within a record, in words. */
  readonly word: number
  readonly #kind: ColumnKind
  #batch: Batch | undefined
  #column: BatchColumn | undefined
  #packer = new RowPacker([0])
  #packed = -1
  readonly #unpackers = new Map<BatchColumn, RowUnpacker>()
  readonly #row = new Int32Array(1)

  constructor(store: RecordStore, kind: ColumnKind) {
    this.store = store
    this.word = store.layout.word(-1)
    this.#kind = kind
  }

  bind(batch: Batch, column: number): void {
    this.#batch = batch
    this.#column = batch.columns[column]
    if (this.#packed !== column) this.#packer = new RowPacker([column])
    this.#packed = column
  }

  rowIsNull(row: number): boolean {
    const column = this.#column as BatchColumn
    if (column.kind === 'uuid') return column.nulls[row] !== 0
    return column.kind === 'text' || column.kind === 'list'
      ? (column.lengths[row] as number) < 0
      : false
  }

  isNull(record: number): boolean {
    return this.#read(record) < 0
  }

  put(record: number, row: number): void {
    const { values } = this.store
    const before = this.#read(record)
    if (this.rowIsNull(row)) {
      values.release(before)
      this.#set(record, -1)
      return
    }
    const column = this.#column as BatchColumn
    const { arena } = this.#batch as Batch
    if (column.kind === 'text') {
      const offset = column.offsets[row] as number
      const length = column.lengths[row] as number
      if (before >= 0 && values.isText(before, arena, offset, length)) return
      this.#set(record, values.keepText(arena, offset, length))
    } else {
      this.#pack(row)
      this.#set(record, values.keep(this.#packer.words, 0, this.#packer.hashes[0] as number))
    }
    values.release(before)
  }

  compareRow(record: number, row: number): number {
    const ref = this.#read(record)
    if (ref < 0) return this.rowIsNull(row) ? 0 : 1
    if (this.rowIsNull(row)) return -1
    this.#pack(row)
    return this.#order(
      this.store.values.words,
      this.store.values.place(ref),
      this.#packer.words,
      this.#packer.starts[0] as number,
    )
  }

  compare(a: number, b: number): number {
    const x = this.#read(a)
    const y = this.#read(b)
    if (x < 0 || y < 0) return x < 0 && y < 0 ? 0 : x < 0 ? 1 : -1
    const { words } = this.store.values
    return this.#order(words, this.store.values.place(x), words, this.store.values.place(y))
  }

  copy(to: number, from: number): void {
    const before = this.#read(to)
    const ref = this.#read(from)
    this.store.values.retain(ref)
    this.#set(to, ref)
    this.store.values.release(before)
  }

  write(record: number, batch: Batch, column: BatchColumn, row: number): void {
    const ref = this.#read(record)
    if (ref < 0) {
      if (column.kind === 'uuid') column.nulls[row] = 1
      else if (column.kind === 'text' || column.kind === 'list') column.lengths[row] = -1
      return
    }
    let unpacker = this.#unpackers.get(column)
    if (unpacker === undefined) {
      unpacker = new RowUnpacker([batch.columns.indexOf(column)])
      this.#unpackers.set(column, unpacker)
    }
    unpacker.unpack(this.store.values.words, this.store.values.place(ref), batch, row)
  }

  encode(record: number, writer: ByteWriter): void {
    this.store.values.write(this.#read(record), writer)
  }

  decode(record: number, reader: ByteReader): void {
    this.#set(record, this.store.values.read(reader))
  }

  release(record: number): void {
    this.store.values.release(this.#read(record))
    this.#set(record, -1)
  }

  #pack(row: number): void {
    this.#row[0] = row
    this.#packer.pack(this.#batch as Batch, this.#row, 1)
  }

  #order(a: Int32Array, aAt: number, b: Int32Array, bAt: number): number {
    if (this.#kind === 'text') return this.store.values.compare(a, aAt, b, bAt)
    invariant(this.#kind === 'uuid', 'lists have no order')
    for (let w = 2; w <= 5; w++) {
      const x = (a[aAt + w] as number) >>> 0
      const y = (b[bAt + w] as number) >>> 0
      if (x !== y) return x - y
    }
    return 0
  }

  #read(record: number): number {
    return this.store.words[record * this.store.stride + this.word] as number
  }

  #set(record: number, ref: number): void {
    this.store.words[record * this.store.stride + this.word] = ref
  }
}
