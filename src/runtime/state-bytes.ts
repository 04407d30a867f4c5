/**
 * Packed state: numbers and bytes one after another, as short as they are small.
 *
 * A number is one variable-length integer: 0 is NaN (null), 1 says that eight raw bytes follow, any
 * other is a zigzagged integer plus 2. Signed 32-bit words and lengths are plain variable-length
 * integers. Nothing is named: writer and reader agree by the operator they belong to.
 */

import { PlatformError } from '#base'

/** Largest magnitude that is written as an integer; its varint is at most seven bytes. */
const SHORT_MAX = 2 ** 47

export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  used = 0

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Makes room for `count` more bytes. Grows by half, so that a large snapshot wastes little. */
  reserve(count: number): void {
    if (this.used + count <= this.#bytes.length) return
    const length = Math.max(this.used + count, Math.ceil(this.#bytes.length * 1.5))
    const bytes = new Uint8Array(length)
    bytes.set(this.#bytes.subarray(0, this.used))
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }

  byte(value: number): void {
    this.reserve(1)
    this.#bytes[this.used++] = value
  }

  /** An integer of 0 … 2⁵³ − 1. */
  unsigned(value: number): void {
    this.reserve(8)
    const bytes = this.#bytes
    let rest = value
    while (rest >= 0x80000000) {
      bytes[this.used++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest >= 128) {
      bytes[this.used++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.used++] = rest
  }

  /** A double; NaN is null. */
  number(value: number): void {
    if (
      Number.isInteger(value) &&
      value < SHORT_MAX &&
      value > -SHORT_MAX &&
      !Object.is(value, -0)
    ) {
      this.unsigned((value < 0 ? -2 * value - 1 : 2 * value) + 2)
    } else if (Number.isNaN(value)) this.byte(0)
    else {
      this.reserve(9)
      this.#bytes[this.used] = 1
      this.#view.setFloat64(this.used + 1, value, true)
      this.used += 9
    }
  }

  /** Eight raw bytes. */
  double(value: number): void {
    this.reserve(8)
    this.#view.setFloat64(this.used, value, true)
    this.used += 8
  }

  /** Whole words, four bytes each. */
  words(from: Int32Array, at: number, count: number): void {
    this.reserve(count * 4)
    for (let k = 0; k < count; k++) {
      this.#view.setInt32(this.used, from[at + k] as number, true)
      this.used += 4
    }
  }

  /** The first `length` bytes of little-endian words. */
  wordBytes(from: Int32Array, at: number, length: number): void {
    this.reserve(length + 4)
    const view = this.#view
    const to = this.used
    for (let k = 0; k < length; k += 4) view.setInt32(to + k, from[at + (k >> 2)] as number, true)
    this.used = to + length
  }

  /** An integer of any size: sign and length, then its digits in base 256. */
  bigint(value: bigint): void {
    const text = (value < 0n ? -value : value).toString(16)
    const digits = Buffer.from(text.length % 2 === 0 ? text : `0${text}`, 'hex')
    this.unsigned(digits.length * 2 + (value < 0n ? 1 : 0))
    this.reserve(digits.length)
    this.#bytes.set(digits, this.used)
    this.used += digits.length
  }

  /** What was written, as the caller's own; the writer begins anew. */
  take(): Uint8Array {
    const used = this.used
    this.used = 0
    if (used < 1 << 20) return this.#bytes.slice(0, used)
    const bytes = this.#bytes.subarray(0, used)
    this.#bytes = new Uint8Array(1024)
    this.#view = new DataView(this.#bytes.buffer)
    return bytes
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#advance(1)] as number
  }

  unsigned(): number {
    const bytes = this.#bytes
    let at = this.#at
    let byte = bytes[at++]
    let value = byte === undefined ? truncated() : byte & 127
    let scale = 128
    while (byte !== undefined && byte >= 128) {
      byte = bytes[at++]
      value += (byte === undefined ? truncated() : byte & 127) * scale
      scale *= 128
    }
    this.#at = at
    return value
  }

  number(): number {
    const code = this.unsigned()
    if (code === 0) return Number.NaN
    if (code === 1) return this.double()
    const zigzag = code - 2
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  double(): number {
    return this.#view.getFloat64(this.#advance(8), true)
  }

  words(to: Int32Array, at: number, count: number): void {
    const from = this.#advance(count * 4)
    for (let k = 0; k < count; k++) to[at + k] = this.#view.getInt32(from + k * 4, true)
  }

  /** `length` bytes into little-endian words, the last one padded with zeros. */
  wordBytes(to: Int32Array, at: number, length: number): void {
    const from = this.#advance(length)
    const bytes = this.#bytes
    const whole = length >> 2
    for (let k = 0; k < whole; k++) to[at + k] = this.#view.getInt32(from + k * 4, true)
    if ((length & 3) === 0) return
    let last = 0
    for (let k = whole * 4; k < length; k++) {
      last |= (bytes[from + k] as number) << ((k & 3) * 8)
    }
    to[at + whole] = last
  }

  bigint(): bigint {
    const head = this.unsigned()
    const length = head >> 1
    const from = this.#advance(length)
    const digits = Buffer.from(this.#bytes.subarray(from, from + length)).toString('hex')
    const magnitude = BigInt(`0x${digits}`)
    return head % 2 === 1 ? -magnitude : magnitude
  }

  #advance(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) truncated()
    this.#at = at + count
    return at
  }
}

function truncated(): never {
  throw new PlatformError('state.corrupt', 'packed state ends too early', {
    hint: 'Run "millrace verify --repair", or remove the state and run the pipeline again.',
  })
}
