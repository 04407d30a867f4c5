/**
 * Rows of one table and one table partition on their way into units: blocks cut at the bounds of a
 * unit, with what the manifest says of each (reliability.md, R1: boundaries are fixed once).
 */

import { UNIT_BYTES_MAX, UNIT_ROWS_MAX } from '#base'
import type { Batch } from '#columns'
import { crc32c, NativeBlock, type TableLayout } from '#format'
import type { Unit } from '#ports'

/** A unit without its place: the epoch gives it an id, the spool a place. */
export interface EncodedUnit {
  readonly unit: Omit<Unit, 'id' | 'at'>
  /** Valid until the writer's rows of the next epoch are finished. */
  readonly bytes: Uint8Array
}

/** Text bytes appended at once at most, so that a unit passes its bound by little. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024
/** Rows appended at once at most: a chunk's text stays in the second-level cache. */
const CHUNK_ROWS_MAX = 1_024

export class UnitWriter {
  readonly #block: NativeBlock
  #done: EncodedUnit[] = []
  readonly #chunk = new Int32Array(CHUNK_ROWS_MAX)

  constructor(layout: TableLayout) {
    this.#block = new NativeBlock(layout)
  }

  /** Whether rows wait to be finished. */
  get used(): boolean {
    return this.#block.rows > 0 || this.#done.length > 0
  }

  append(batch: Batch, rows: Int32Array, count: number, epoch: number): void {
    const rowBytes = batch.arena.used / Math.max(1, batch.length)
    const size = Math.max(1, Math.min(CHUNK_ROWS_MAX, Math.floor(CHUNK_BYTES_MAX / rowBytes)))
    if (count <= size) {
      this.#append(batch, rows, count, epoch)
      return
    }
    for (let from = 0; from < count; from += size) {
      const length = Math.min(size, count - from)
      for (let k = 0; k < length; k++) this.#chunk[k] = rows[from + k] as number
      this.#append(batch, this.#chunk, length, epoch)
    }
  }

  /** The units of the epoch's rows; the next epoch begins empty. */
  finish(): readonly EncodedUnit[] {
    if (this.#block.rows > 0) this.#done.push(this.#encode())
    const done = this.#done
    this.#done = []
    return done
  }

  #append(batch: Batch, rows: Int32Array, count: number, epoch: number): void {
    const block = this.#block
    if (block.rows + count > UNIT_ROWS_MAX || block.bytes >= UNIT_BYTES_MAX) {
      const { unit, bytes } = this.#encode()
      this.#done.push({ unit, bytes: bytes.slice() })
    }
    block.append(batch, rows, count, { epoch })
  }

  #encode(): EncodedUnit {
    const { layout, rows, positionHash, ranges } = this.#block
    const bytes = this.#block.flush()
    const { table, upsert } = layout
    return {
      unit: {
        table,
        upsert,
        rows,
        positionHash,
        bytes: bytes.length,
        crc32c: crc32c(bytes),
        ranges,
      },
      bytes,
    }
  }
}
