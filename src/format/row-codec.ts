/**
 * Single rows as bytes and back: what operators keep of a row, and what stages send each other.
 *
 * A *change* is a row on its way through a repartition topic: the row's identity, 30 bytes, then
 * its columns as RowBinary.
 *
 * ```
 * 0 at f64   8 weight i8   9 settled u8   10 origin f64   18 offset f64   26 index u32   30 RowBinary
 * ```
 */

import { invariant } from '#base'
import type { Batch } from '#columns'
import type { Schema } from '#plan'
import type { LogBlock } from '#ports'
import { RowReader } from './rowbinary-reader.ts'
import { type GrowingBytes, RowWriter } from './rowbinary-writer.ts'

const IDENTITY_BYTES = 30

/** Writes and reads rows of one schema. Made once per schema; about 10 ns a value each way. */
export class RowCodec {
  readonly schema: Schema
  readonly #writer: RowWriter
  readonly #reader: RowReader

  constructor(schema: Schema) {
    this.schema = schema
    this.#writer = new RowWriter(schema)
    this.#reader = new RowReader(schema)
  }

  /** Appends the columns of a row as RowBinary. */
  encode(batch: Batch, row: number, out: GrowingBytes): void {
    this.#writer.write(batch, row, out)
  }

  /**
   * Copies the RowBinary bytes `from … to` into the batch's arena and reads them into row `row`,
   * for which the batch has room. Row identity is the caller's.
   */
  decode(bytes: Uint8Array, from: number, to: number, batch: Batch, row: number): void {
    const { arena } = batch
    arena.reserve(to - from)
    const at = arena.used
    arena.bytes.set(bytes.subarray(from, to), at)
    arena.used = at + to - from
    invariant(this.#reader.read(at, batch, row) === arena.used, 'a row ends where its bytes do')
  }

  /** Appends a row with its identity: the value of one record of a `change` block. */
  encodeChange(batch: Batch, row: number, out: GrowingBytes): void {
    out.reserve(IDENTITY_BYTES)
    const { view, used } = out
    view.setFloat64(used, batch.at[row] as number, true)
    view.setInt8(used + 8, batch.weight[row] as number)
    view.setUint8(used + 9, batch.settled[row] as number)
    view.setFloat64(used + 10, batch.origin[row] as number, true)
    view.setFloat64(used + 18, batch.offset[row] as number, true)
    view.setUint32(used + 26, batch.index[row] as number, true)
    out.used = used + IDENTITY_BYTES
    this.#writer.write(batch, row, out)
  }

  /**
   * Reads records `from … to` of a `change` block into `batch`, which it clears first: one row a
   * record, all selected, with the identity they were sent with.
   */
  decodeChanges(
    block: Pick<LogBlock, 'values' | 'ends'>,
    from: number,
    to: number,
    batch: Batch,
  ): void {
    batch.clear()
    const count = to - from
    batch.grow(count)
    const { arena } = batch
    const { ends, values } = block
    const start = from === 0 ? 0 : (ends[from - 1] as number)
    const end = count === 0 ? start : (ends[to - 1] as number)
    arena.reserve(end - start)
    arena.bytes.set(values.subarray(start, end), 0)
    arena.used = end - start
    const { view } = arena
    let at = 0
    for (let row = 0; row < count; row++) {
      batch.at[row] = view.getFloat64(at, true)
      batch.weight[row] = view.getInt8(at + 8)
      batch.settled[row] = view.getUint8(at + 9)
      batch.origin[row] = view.getFloat64(at + 10, true)
      batch.offset[row] = view.getFloat64(at + 18, true)
      batch.index[row] = view.getUint32(at + 26, true)
      at = this.#reader.read(at + IDENTITY_BYTES, batch, row)
      invariant(at === (ends[from + row] as number) - start, 'a change ends where its record does')
    }
    batch.length = count
    batch.selectAll()
  }
}
