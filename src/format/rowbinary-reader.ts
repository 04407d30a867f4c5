/** Rows from RowBinary: into a batch, or only where each one and each of its columns ends. */

import type {
  Batch,
  BatchColumn,
  ListColumn,
  NumColumn,
  TextColumn,
  UuidColumn,
  WideColumn,
} from '#columns'
import { growItems } from '#columns'
import type { Schema } from '#plan'
import {
  type ColumnEncoding,
  columnEncoding,
  ENCODED_BYTES,
  ENCODING,
} from './rowbinary-encoding.ts'

const TWO_32 = 4294967296
/** A high word of an integer whose double is exact, but for −2⁵³ itself. */
const HIGH_MAX = 0x200000

/** Reads rows of one schema. Made once per schema; not re-entrant. */
export class RowReader {
  readonly schema: Schema
  readonly #encodings: readonly ColumnEncoding[]
  #at = 0

  constructor(schema: Schema) {
    this.schema = schema
    this.#encodings = schema.map(column => columnEncoding(column.type))
  }

  /**
   * Reads the row at `at` of the batch's own arena into row `row`, for which the batch has room;
   * text stays where it is. Returns where the row ends. The bytes must be a row: ours, checked
   * before by a checksum or by `skip`.
   */
  read(at: number, batch: Batch, row: number): number {
    const encodings = this.#encodings
    const { columns } = batch
    const { bytes, view } = batch.arena
    this.#at = at
    for (let c = 0; c < encodings.length; c++) {
      this.#column(encodings[c] as ColumnEncoding, columns[c] as BatchColumn, row, bytes, view)
    }
    return this.#at
  }

  /**
   * Where the row at `at` ends, or −1 where `bytes` end before it does. With `ends`, also where each
   * of its columns ends.
   */
  skip(bytes: Uint8Array, at: number, ends?: number[]): number {
    let next = at
    for (let c = 0; c < this.#encodings.length; c++) {
      next = skipColumn(this.#encodings[c] as ColumnEncoding, bytes, next)
      if (next < 0) return -1
      if (ends !== undefined) ends[c] = next
    }
    return next
  }

  #column(
    encoding: ColumnEncoding,
    column: BatchColumn,
    row: number,
    bytes: Uint8Array,
    view: DataView,
  ): void {
    if (!encoding.list) {
      this.#scalar(encoding.encoding, encoding.nullable, column, row, bytes, view)
      return
    }
    const list = column as ListColumn
    if (encoding.nullable && bytes[this.#at++] === 1) {
      list.lengths[row] = -1
      return
    }
    const count = this.#length(bytes)
    const from = list.itemCount
    list.offsets[row] = from
    list.lengths[row] = count
    growItems(list, from + count)
    list.itemCount = from + count
    for (let i = from; i < from + count; i++) {
      this.#scalar(encoding.encoding, encoding.itemNullable, list.items, i, bytes, view)
    }
  }

  #scalar(
    encoding: number,
    nullable: boolean,
    column: BatchColumn,
    row: number,
    bytes: Uint8Array,
    view: DataView,
  ): void {
    const isNull = nullable && bytes[this.#at++] === 1
    switch (encoding) {
      case ENCODING.text: {
        const length = isNull ? -1 : this.#length(bytes)
        const text = column as TextColumn
        text.offsets[row] = this.#at
        text.lengths[row] = length
        if (length > 0) this.#at += length
        return
      }
      case ENCODING.uuid:
        this.#uuid(column as UuidColumn, row, isNull, view)
        return
      case ENCODING.wide64:
      case ENCODING.wide128:
        if (isNull) (column as WideColumn).values[row] = Number.NaN
        else this.#wide(column as WideColumn, row, view, encoding === ENCODING.wide128)
        return
      default: {
        const value = isNull ? Number.NaN : this.#number(encoding, view)
        ;(column as NumColumn).values[row] = value
      }
    }
  }

  #length(bytes: Uint8Array): number {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[this.#at++] as number
      length += (byte & 127) * 2 ** shift
      if (byte < 128) return length
    }
  }

  #number(encoding: number, view: DataView): number {
    const at = this.#at
    this.#at = at + (ENCODED_BYTES[encoding] as number)
    switch (encoding) {
      case ENCODING.u8:
        return view.getUint8(at)
      case ENCODING.u16:
        return view.getUint16(at, true)
      case ENCODING.i32:
        return view.getInt32(at, true)
      case ENCODING.u32:
        return view.getUint32(at, true)
      case ENCODING.f64:
        return view.getFloat64(at, true)
      default:
        return view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true)
    }
  }

  #uuid(column: UuidColumn, row: number, isNull: boolean, view: DataView): void {
    column.nulls[row] = isNull ? 1 : 0
    if (isNull) return
    const at = this.#at
    const { words } = column
    words[row * 4] = view.getInt32(at + 4, true)
    words[row * 4 + 1] = view.getInt32(at, true)
    words[row * 4 + 2] = view.getInt32(at + 12, true)
    words[row * 4 + 3] = view.getInt32(at + 8, true)
    this.#at = at + 16
  }

  #wide(column: WideColumn, row: number, view: DataView, twice: boolean): void {
    const at = this.#at
    this.#at = at + (twice ? 16 : 8)
    const high = view.getInt32(at + 4, true)
    const value = high * TWO_32 + view.getUint32(at, true)
    const sign = high < 0 ? -1 : 0
    const fits =
      !twice || (view.getInt32(at + 8, true) === sign && view.getInt32(at + 12, true) === sign)
    if (fits && high < HIGH_MAX && high >= -HIGH_MAX && Number.isSafeInteger(value)) {
      column.values[row] = value
      return
    }
    const low = view.getBigUint64(at, true)
    const beyond = twice
      ? (view.getBigInt64(at + 8, true) << 64n) | low
      : view.getBigInt64(at, true)
    column.values[row] = beyond < 0n ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    column.beyond.set(row, beyond)
  }
}

function skipColumn(encoding: ColumnEncoding, bytes: Uint8Array, at: number): number {
  if (!encoding.list) return skipScalar(encoding.encoding, encoding.nullable, bytes, at)
  let next = at
  if (encoding.nullable) {
    if (next >= bytes.length) return -1
    if (bytes[next++] === 1) return next
  }
  const countAt = next
  next = skipLength(bytes, next)
  if (next < 0) return -1
  const items = lengthAt(bytes, countAt)
  for (let i = 0; i < items && next >= 0; i++) {
    next = skipScalar(encoding.encoding, encoding.itemNullable, bytes, next)
  }
  return next
}

function skipScalar(encoding: number, nullable: boolean, bytes: Uint8Array, at: number): number {
  let next = at
  if (nullable) {
    if (next >= bytes.length) return -1
    if (bytes[next++] === 1) return next
  }
  if (encoding === ENCODING.text) {
    const lengthStart = next
    next = skipLength(bytes, next)
    if (next < 0) return -1
    next += lengthAt(bytes, lengthStart)
  } else next += ENCODED_BYTES[encoding] as number
  return next <= bytes.length ? next : -1
}

/** Where the varint at `at` ends, or −1. */
function skipLength(bytes: Uint8Array, at: number): number {
  for (let next = at; next < bytes.length && next < at + 5; next++) {
    if ((bytes[next] as number) < 128) return next + 1
  }
  return -1
}

/** The varint at `at`, which `skipLength` found to be whole. */
function lengthAt(bytes: Uint8Array, at: number): number {
  let length = 0
  for (let next = at, scale = 1; ; next++, scale *= 128) {
    const byte = bytes[next] as number
    length += (byte & 127) * scale
    if (byte < 128) return length
  }
}
