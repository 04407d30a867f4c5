/**
 * The text of a batch: one growing byte buffer that text columns point into.
 *
 * The raw text of records stands at its front, so that decoding copies no string; what expressions
 * and the slow path make is appended behind. `bytes` and `view` change when it grows: hold the
 * arena across a call that may append, never its `bytes`.
 */

/** Readable zero bytes behind the text, so that a scanner needs no bounds test. */
export const ARENA_PADDING = 64

export class Arena {
  bytes: Uint8Array
  view: DataView
  /** A `Buffer` over the same memory, for its native string functions. */
  buffer: Buffer
  used = 0

  constructor(capacity = 64 * 1024) {
    this.buffer = Buffer.alloc(capacity + ARENA_PADDING)
    this.bytes = new Uint8Array(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length)
  }

  /** Makes room for `count` more bytes, and the padding behind them. */
  reserve(count: number): void {
    const needed = this.used + count + ARENA_PADDING
    if (needed <= this.bytes.length) return
    const buffer = Buffer.alloc(Math.max(needed, this.bytes.length * 2))
    buffer.set(this.bytes.subarray(0, this.used))
    this.buffer = buffer
    this.bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  }

  /** Appends bytes; returns where they begin. */
  append(bytes: Uint8Array): number {
    this.reserve(bytes.length)
    const at = this.used
    this.bytes.set(bytes, at)
    this.used = at + bytes.length
    return at
  }

  /** Appends a string as UTF-8; returns where it begins. Its length is `used` minus that. */
  appendString(text: string): number {
    this.reserve(text.length * 3)
    const at = this.used
    this.used = at + this.buffer.write(text, at, 'utf8')
    return at
  }

  /** The string of a slice. */
  string(offset: number, length: number): string {
    return this.buffer.toString('utf8', offset, offset + length)
  }

  clear(): void {
    this.used = 0
  }
}
