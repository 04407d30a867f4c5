/**
 * A block of the log as bytes: a fixed header, then the payload.
 *
 * ```
 *  0 magic "MLRB"   8 count        16 baseOffset f64   40 payload bytes      52 payload …
 *  4 version        12 header JSON 24 appendedAt f64   44 stored bytes
 *  5 kind 6 codec      bytes       32 markAt f64       48 CRC32C of 0…48 and the stored payload
 *  7 flags
 * ```
 * The payload is LZ4 where that is smaller, else as it is. Inside, all little-endian: the length of
 * each value (u32), where flagged the line of each record as a difference to the one before (u32,
 * wrapping), the headers as JSON, the values joined, and 64 zero bytes, so that what comes out of
 * the decompressor is padded without a copy.
 *
 * The checksum starts from a seed that the caller makes of the block's place, so that a block that
 * is found where another belongs fails as a damaged one does.
 */

import { compressSync, uncompressSync } from 'lz4-napi'
import { invariant } from '#base'
import type { AppendBlock, LogBlock } from '#ports'
import { crc32c } from './checksum.ts'

const MAGIC = 0x42524c4d
const VERSION = 1
const HEADER_BYTES = 52
const CHECKSUM_AT = 48
/** Bytes behind the last value of a decoded block. */
export const BLOCK_PADDING = 64
const HAS_LINES = 1
const RAW = 0
const LZ4 = 1
const KINDS = ['data', 'mark', 'change'] as const
const PAYLOAD_BYTES_MAX = 1024 * 1024 * 1024
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** What the log adds to a block when it appends it. */
export interface BlockPlace {
  readonly baseOffset: number
  readonly appendedAt: number
  /** `placeSeed` of the block's topic and partition. */
  readonly seed: number
}

/** What is wrong with bytes that should be a block; a phrase for a message. */
export interface BlockFault {
  readonly fault: string
}

export type DecodedBlock = Omit<LogBlock, 'topic' | 'partition'>

/** What a block says of itself without its payload being read. */
export interface BlockHeader {
  readonly kind: LogBlock['kind']
  readonly count: number
  readonly baseOffset: number
  readonly appendedAt: number
}

/** Where a checksum of something kept under `place` starts. */
export function placeSeed(place: string): number {
  return crc32c(Buffer.from(place))
}

/** A block whose payload is ready, so that a writer that holds a lock only puts the header in. */
export interface PackedBlock {
  /** Header and payload; the header is not filled in yet. */
  readonly bytes: Buffer
  readonly kind: LogBlock['kind']
  readonly count: number
  readonly markAt: number
}

/** Packs and compresses what an appender gives: all of the work that needs no offset. */
export function packBlock(block: AppendBlock): PackedBlock {
  const payload = payloadOf(block)
  const packed = block.kind === 'mark' ? payload : compressSync(payload)
  // The padding always shrinks; that alone is not worth a decompression at every read.
  const smaller = packed.length + BLOCK_PADDING < payload.length
  const stored = smaller ? packed : payload
  const bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + stored.length)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes[4] = VERSION
  bytes[5] = KINDS.indexOf(block.kind)
  bytes[6] = smaller ? LZ4 : RAW
  bytes[7] = block.lines === null ? 0 : HAS_LINES
  bytes.writeUInt32LE(block.count, 8)
  bytes.writeUInt32LE(headersOf(block).length, 12)
  bytes.writeDoubleLE(block.markAt, 32)
  bytes.writeUInt32LE(payload.length, 40)
  bytes.writeUInt32LE(stored.length, 44)
  bytes.set(stored, HEADER_BYTES)
  return { bytes, kind: block.kind, count: block.count, markAt: block.markAt }
}

/** Gives a packed block its place; returns its bytes, which stand in `packed`. */
export function sealBlock(packed: PackedBlock, place: BlockPlace): Buffer {
  const { bytes } = packed
  bytes.writeDoubleLE(place.baseOffset, 16)
  bytes.writeDoubleLE(place.appendedAt, 24)
  bytes.writeUInt32LE(checksumOf(bytes, place.seed), CHECKSUM_AT)
  return bytes
}

/** The bytes of a block at its place: `packBlock` and `sealBlock` at once. */
export function encodeBlock(block: AppendBlock, place: BlockPlace): Buffer {
  return sealBlock(packBlock(block), place)
}

/**
 * The block that `bytes` are, or what is wrong with them. `bytes` may be reused afterwards: nothing
 * of the result points into them.
 */
export function decodeBlock(bytes: Uint8Array, seed: number): DecodedBlock | BlockFault {
  const fault = faultOf(bytes, seed)
  if (fault !== undefined) return { fault }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const payloadBytes = view.getUint32(40, true)
  const stored = bytes.subarray(HEADER_BYTES)
  let payload: Uint8Array
  if (bytes[6] === RAW) payload = Uint8Array.prototype.slice.call(stored)
  else {
    try {
      payload = uncompressSync(stored)
    } catch (error) {
      return { fault: `a payload that does not decompress (${String(error)})` }
    }
  }
  if (payload.length !== payloadBytes) return { fault: 'a payload of another length' }
  return unpack(view, payload, bytes[7] === HAS_LINES)
}

/** Reads the header alone, without any check of the payload. */
export function peekBlock(bytes: Uint8Array): BlockHeader | BlockFault {
  if (bytes.length < HEADER_BYTES) return { fault: `${bytes.length} bytes where a header has 52` }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const kind = KINDS[view.getUint8(5)]
  if (view.getUint32(0, true) !== MAGIC || kind === undefined) return { fault: 'no block header' }
  return {
    kind,
    count: view.getUint32(8, true),
    baseOffset: view.getFloat64(16, true),
    appendedAt: view.getFloat64(24, true),
  }
}

function faultOf(bytes: Uint8Array, seed: number): string | undefined {
  if (bytes.length < HEADER_BYTES) return `${bytes.length} bytes where a header has ${HEADER_BYTES}`
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(0, true) !== MAGIC) return 'no magic number'
  const version = view.getUint8(4)
  if (version !== VERSION) return `version ${version}, where this program reads ${VERSION}`
  const storedBytes = view.getUint32(44, true)
  if (bytes.length !== HEADER_BYTES + storedBytes) {
    return `${bytes.length - HEADER_BYTES} bytes of payload where the header says ${storedBytes}`
  }
  if (view.getUint32(CHECKSUM_AT, true) !== checksumOf(bytes, seed)) return 'a wrong checksum'
  if (view.getUint8(5) >= KINDS.length) return 'an unknown kind'
  if (view.getUint8(6) > LZ4 || view.getUint8(7) > HAS_LINES) return 'an unknown codec or flag'
  return undefined
}

function checksumOf(bytes: Uint8Array, seed: number): number {
  const header = crc32c(bytes.subarray(0, CHECKSUM_AT), seed)
  return crc32c(bytes.subarray(HEADER_BYTES), header)
}

function headersOf(block: AppendBlock): Buffer {
  return Buffer.from(JSON.stringify(block.headers))
}

function payloadOf(block: AppendBlock): Buffer {
  const { count, ends, lines } = block
  invariant(ends.length >= count, 'a block has an end for each record')
  invariant(lines === null || lines.length >= count, 'a block has a line for each record, or none')
  const headers = headersOf(block)
  const valueBytes = count === 0 ? 0 : (ends[count - 1] ?? 0)
  const numbers = count * (lines === null ? 4 : 8)
  const length = numbers + headers.length + valueBytes + BLOCK_PADDING
  invariant(length <= PAYLOAD_BYTES_MAX, 'a block has at most 1 GiB')
  invariant(block.values.length >= valueBytes, 'the ends of a block lie in its values')
  const payload = Buffer.allocUnsafeSlow(length)
  const words = new Uint32Array(payload.buffer, payload.byteOffset, numbers / 4)
  differences(ends, count, words, 0)
  if (lines !== null) differences(lines, count, words, count)
  payload.set(headers, numbers)
  payload.set(block.values.subarray(0, valueBytes), numbers + headers.length)
  payload.fill(0, length - BLOCK_PADDING)
  return payload
}

function differences(from: Uint32Array, count: number, to: Uint32Array, at: number): void {
  let before = 0
  for (let i = 0; i < count; i++) {
    const value = from[i] as number
    to[at + i] = value - before
    before = value
  }
}

/** Sums of `count` words from `at` bytes on, wrapping; unaligned bytes are read one by one. */
function sums(view: DataView, at: number, count: number): Uint32Array {
  const to = new Uint32Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum = (sum + view.getUint32(at + i * 4, true)) >>> 0
    to[i] = sum
  }
  return to
}

function unpack(view: DataView, payload: Uint8Array, hasLines: boolean): DecodedBlock | BlockFault {
  const count = view.getUint32(8, true)
  const headerBytes = view.getUint32(12, true)
  const numbers = count * (hasLines ? 8 : 4)
  const valuesAt = numbers + headerBytes
  if (valuesAt + BLOCK_PADDING > payload.length) return { fault: 'a count beyond the payload' }
  const words = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const ends = sums(words, 0, count)
  const valueBytes = payload.length - BLOCK_PADDING - valuesAt
  if ((count === 0 ? 0 : ends[count - 1]) !== valueBytes) return { fault: 'ends beyond the values' }
  let headers: Readonly<Record<string, string>>
  try {
    headers = JSON.parse(UTF8.decode(payload.subarray(numbers, valuesAt)))
  } catch (error) {
    return { fault: `headers that are no JSON (${String(error)})` }
  }
  return {
    baseOffset: view.getFloat64(16, true),
    count,
    appendedAt: view.getFloat64(24, true),
    kind: KINDS[view.getUint8(5)] as LogBlock['kind'],
    markAt: view.getFloat64(32, true),
    // No `Buffer`, whose `slice` does not copy.
    values: new Uint8Array(payload.buffer, payload.byteOffset + valuesAt, valueBytes),
    ends,
    headers,
    lines: hasLines ? sums(words, count * 4, count) : null,
  }
}
