/**
 * Rows of a batch as RowBinary: `null` flag where a column is nullable, then the value.
 *
 * One loop over the columns with a switch on the encoding, no closure and no object per value:
 * about 10 ns a value. What a text column holds is copied as bytes.
 */

import { invariant } from '#base'
import type {
  Batch,
  BatchColumn,
  ListColumn,
  NumColumn,
  TextColumn,
  UuidColumn,
  WideColumn,
} from '#columns'
import type { Schema } from '#plan'
import { type ColumnEncoding, columnEncoding, ENCODING } from './rowbinary-encoding.ts'

const TWO_32 = 4294967296
const WORD = 0xffffffffn

/** Below this a loop over bytes beats a `subarray` and `set`. */
const COPY_LOOP_BYTES = 64

/** A byte buffer that grows. `bytes` and `view` change when it does. */
export class GrowingBytes {
  bytes: Uint8Array
  view: DataView
  used = 0

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.used + count
    if (needed <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    bytes.set(this.bytes.subarray(0, this.used))
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }

  /** What was written; valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.used)
  }

  clear(): void {
    this.used = 0
  }

  /** A varint of a length, for which there is room. */
  putLength(length: number): void {
    let rest = length
    while (rest > 127) {
      this.bytes[this.used++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.used++] = rest
  }

  /** A 64-bit integer that a double holds exactly, for which there is room. */
  putInt64(value: number): void {
    const high = Math.floor(value / TWO_32)
    this.view.setInt32(this.used, value - high * TWO_32, true)
    this.view.setInt32(this.used + 4, high, true)
    this.used += 8
  }

  /** Bytes of another buffer; reserves. */
  putBytes(from: Uint8Array, offset: number, length: number): void {
    this.reserve(length)
    const at = this.used
    if (length < COPY_LOOP_BYTES) {
      const to = this.bytes
      for (let i = 0; i < length; i++) to[at + i] = from[offset + i] as number
    } else this.bytes.set(from.subarray(offset, offset + length), at)
    this.used = at + length
  }
}

/** Writes rows of one schema. Made once per schema, used for any batch of it. */
export class RowWriter {
  readonly schema: Schema
  readonly #encodings: readonly ColumnEncoding[]

  constructor(schema: Schema) {
    this.schema = schema
    this.#encodings = schema.map(column => columnEncoding(column.type))
  }

  /** Appends row `row` of `batch`, all columns in order. */
  write(batch: Batch, row: number, out: GrowingBytes): void {
    const encodings = this.#encodings
    const { columns } = batch
    const text = batch.arena.bytes
    for (let c = 0; c < encodings.length; c++) {
      writeColumn(out, encodings[c] as ColumnEncoding, columns[c] as BatchColumn, row, text)
    }
  }

  /** Appends some columns of a row, in the order of `columns` (indices into the schema). */
  writeColumns(batch: Batch, row: number, columns: readonly number[], out: GrowingBytes): void {
    const text = batch.arena.bytes
    for (const c of columns) {
      const encoding = this.#encodings[c] as ColumnEncoding
      writeColumn(out, encoding, batch.columns[c] as BatchColumn, row, text)
    }
  }
}

function writeColumn(
  out: GrowingBytes,
  encoding: ColumnEncoding,
  column: BatchColumn,
  row: number,
  text: Uint8Array,
): void {
  if (!encoding.list) {
    writeScalar(out, encoding.encoding, encoding.nullable, column, row, text)
    return
  }
  const list = column as ListColumn
  const length = list.lengths[row] as number
  out.reserve(16)
  if (encoding.nullable) out.bytes[out.used++] = length < 0 ? 1 : 0
  if (length < 0) {
    invariant(encoding.nullable, 'a column that is not nullable has no null')
    return
  }
  out.putLength(length)
  const from = list.offsets[row] as number
  for (let i = from; i < from + length; i++) {
    writeScalar(out, encoding.encoding, encoding.itemNullable, list.items, i, text)
  }
}

function writeScalar(
  out: GrowingBytes,
  encoding: number,
  nullable: boolean,
  column: BatchColumn,
  row: number,
  text: Uint8Array,
): void {
  out.reserve(32)
  switch (encoding) {
    case ENCODING.text: {
      const length = (column as TextColumn).lengths[row] as number
      if (!putFlag(out, nullable, length < 0)) return
      out.putLength(length)
      out.putBytes(text, (column as TextColumn).offsets[row] as number, length)
      return
    }
    case ENCODING.uuid: {
      if (putFlag(out, nullable, (column as UuidColumn).nulls[row] === 1)) {
        putUuid(out, column as UuidColumn, row)
      }
      return
    }
    case ENCODING.wide64:
    case ENCODING.wide128: {
      const value = (column as WideColumn).values[row] as number
      if (!putFlag(out, nullable, Number.isNaN(value))) return
      putWide(out, column as WideColumn, row, value, encoding === ENCODING.wide128)
      return
    }
    default: {
      const value = (column as NumColumn).values[row] as number
      if (putFlag(out, nullable, Number.isNaN(value))) putNumber(out, encoding, value)
    }
  }
}

/** Writes the null flag of a nullable value; returns whether a value follows. */
function putFlag(out: GrowingBytes, nullable: boolean, isNull: boolean): boolean {
  if (nullable) out.bytes[out.used++] = isNull ? 1 : 0
  else invariant(!isNull, 'a column that is not nullable has no null')
  return !isNull
}

function putNumber(out: GrowingBytes, encoding: number, value: number): void {
  switch (encoding) {
    case ENCODING.u8:
      out.bytes[out.used++] = value
      return
    case ENCODING.u16:
      out.view.setUint16(out.used, value, true)
      out.used += 2
      return
    case ENCODING.i32:
    case ENCODING.u32:
      out.view.setInt32(out.used, value, true)
      out.used += 4
      return
    case ENCODING.f64:
      out.view.setFloat64(out.used, value, true)
      out.used += 8
      return
    default:
      out.putInt64(value)
  }
}

function putUuid(out: GrowingBytes, column: UuidColumn, row: number): void {
  const { words } = column
  const { view } = out
  const at = out.used
  view.setInt32(at, words[row * 4 + 1] as number, true)
  view.setInt32(at + 4, words[row * 4] as number, true)
  view.setInt32(at + 8, words[row * 4 + 3] as number, true)
  view.setInt32(at + 12, words[row * 4 + 2] as number, true)
  out.used = at + 16
}

function putWide(
  out: GrowingBytes,
  column: WideColumn,
  row: number,
  value: number,
  twice: boolean,
): void {
  if (Number.isFinite(value)) {
    out.putInt64(value)
    if (twice) out.putInt64(value < 0 ? -1 : 0)
    return
  }
  let rest = column.beyond.get(row)
  invariant(rest !== undefined, 'an integer beyond doubles stands aside')
  for (let i = 0; i < (twice ? 4 : 2); i++) {
    out.view.setUint32(out.used, Number(rest & WORD), true)
    out.used += 4
    rest >>= 32n
  }
}
