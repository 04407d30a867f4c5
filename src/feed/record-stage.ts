/** Records on their way from text to blocks: bytes side by side, as a log block holds them. */

import { BATCH_ROWS_MAX } from '#base'

/** Readable bytes behind the last record, as a log block has them. */
const PADDING = 64

/** Bytes at which a stage is drained before it holds all the records it may. */
const FULL_BYTES = 4 * 1024 * 1024

/** A record over the limit of the log. */
export interface LargeSummary {
  /** 1-based line it begins on. */
  readonly line: number
  /** Its first part. */
  readonly kept: Uint8Array
  /** All its bytes, and the SHA-256 of them. */
  readonly bytes: number
  readonly sha256: string
}

export class RecordStage {
  values: Buffer
  ends: Uint32Array
  lines: Uint32Array
  count = 0
  /** Bytes of the records. */
  used = 0
  /** A record over the limit, which comes behind the others. */
  large: LargeSummary | undefined

  constructor(records = BATCH_ROWS_MAX, bytes = 512 * 1024) {
    this.values = Buffer.alloc(bytes + PADDING)
    this.ends = new Uint32Array(records)
    this.lines = new Uint32Array(records)
  }

  get full(): boolean {
    return this.used >= FULL_BYTES
  }

  /** Appends the record `bytes[start … end)`. */
  add(bytes: Buffer, start: number, end: number, line: number): void {
    const used = this.used + end - start
    if (used + PADDING > this.values.length || this.count === this.ends.length) this.grow(used)
    bytes.copy(this.values, this.used, start, end)
    this.used = used
    this.ends[this.count] = used
    this.lines[this.count] = line
    this.count++
  }

  private grow(used: number): void {
    if (used + PADDING > this.values.length) {
      const values = Buffer.alloc(Math.max(used + PADDING, this.values.length * 2))
      this.values.copy(values, 0, 0, this.used)
      this.values = values
    }
    if (this.count < this.ends.length) return
    const ends = new Uint32Array(this.ends.length * 2)
    const lines = new Uint32Array(this.ends.length * 2)
    ends.set(this.ends)
    lines.set(this.lines)
    this.ends = ends
    this.lines = lines
  }

  clear(): void {
    this.count = 0
    this.used = 0
    this.large = undefined
  }
}
