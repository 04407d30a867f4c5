/**
 * Which partition a record belongs to: murmur2 of its key bytes, exactly as Kafka's default
 * partitioner computes it.
 *
 * Key bytes of one column are the text of its value, without quotes: UTF-8 of a string, json or
 * bytes value as it is, an enum's value, `true` or `false`, decimal digits of integers (timestamps
 * in µs, dates in days), decimals with all their fraction digits, 36 lower-case characters of a
 * uuid, a dotted quad, the shortest text of a float. Null is no bytes. Several columns are their
 * texts with one byte 0x1f between them. Equal keys therefore meet in one partition, nulls
 * included, and a producer of Kafka that keys by the same text chooses the same one.
 */

import { InvariantError, invariant } from '#base'
import type { Batch, BatchColumn } from '#columns'
import type { Column, Type } from '#plan'

const SEED = 0x9747b28c | 0
const M = 0x5bd1e995
const SEPARATOR = 0x1f
const MINUS = 0x2d
const DASH = 0x2d
const DOT = 0x2e

/** murmur2 of `bytes[start … end)` as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const length = end - start
  let h = SEED ^ length
  let at = start
  for (const whole = start + (length & ~3); at < whole; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    const k = Math.imul(word, M)
    h = Math.imul(h, M) ^ Math.imul(k ^ (k >>> 24), M)
  }
  const rest = length & 3
  if (rest === 3) h ^= (bytes[at + 2] as number) << 16
  if (rest >= 2) h ^= (bytes[at + 1] as number) << 8
  if (rest >= 1) h = Math.imul(h ^ (bytes[at] as number), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

/** The partition of `n` that the key `bytes[start … end)` belongs to. */
export function partitionOf(bytes: Uint8Array, start: number, end: number, n: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % n
}

/** Key bytes of the row being placed; grows for long composite keys. */
let scratch = new Uint8Array(4096)

/** Appends the text of one value to `scratch` at `at`; returns where it ends. */
type KeyWriter = (batch: Batch, row: number, at: number) => number

/**
 * The partition of each selected row of `batch` by its key columns, into `out[row]`. Makes nothing
 * per row but for keys of float64, wide or list columns.
 */
export function partitionRows(
  batch: Batch,
  key: readonly string[],
  n: number,
  out: Int32Array,
): void {
  const { selection, selected } = batch
  const columns = key.map(name => batch.column(name))
  const only = columns.length === 1 ? columns[0] : undefined
  if (only?.kind === 'text') {
    const { offsets, lengths } = only
    const bytes = batch.arena.bytes
    for (let i = 0; i < selected; i++) {
      const row = selection[i] as number
      const start = offsets[row] as number
      out[row] = partitionOf(bytes, start, start + Math.max(lengths[row] as number, 0), n)
    }
    return
  }
  const writers = key.map((name, i) => keyWriter(columnOf(batch, name), columns[i] as BatchColumn))
  for (let i = 0; i < selected; i++) {
    const row = selection[i] as number
    let at = 0
    for (let k = 0; k < writers.length; k++) {
      if (k > 0) scratch[at++] = SEPARATOR
      at = (writers[k] as KeyWriter)(batch, row, at)
    }
    out[row] = partitionOf(scratch, 0, at, n)
  }
}

function columnOf(batch: Batch, name: string): Column {
  const column = batch.schema.find(entry => entry.name === name)
  invariant(column !== undefined, `a batch has the key column "${name}"`)
  return column
}

function keyWriter({ type }: Column, column: BatchColumn): KeyWriter {
  switch (column.kind) {
    case 'text':
      return (batch, row, at) => {
        const length = column.lengths[row] as number
        if (length <= 0) return at
        const start = column.offsets[row] as number
        reserve(at, length)
        scratch.set(batch.arena.bytes.subarray(start, start + length), at)
        return at + length
      }
    case 'uuid':
      return (_batch, row, at) =>
        column.nulls[row] === 1 ? at : writeUuid(column.words, row * 4, at)
    case 'num':
    case 'wide':
      return numberWriter(type, column.values, column.kind === 'wide' ? column.beyond : undefined)
    case 'list':
      throw new InvariantError('a key column is no array')
  }
}

function numberWriter(
  type: Type,
  values: Float64Array,
  beyond: ReadonlyMap<number, bigint> | undefined,
): KeyWriter {
  const scale = type.kind === 'decimal' ? type.scale : 0
  const words = type.kind === 'enum' ? type.values : ['false', 'true']
  return (_batch, row, at) => {
    const value = values[row] as number
    if (Number.isNaN(value)) return at
    reserve(at, 64)
    switch (type.kind) {
      case 'enum':
      case 'bool':
        return writeText(words[value] ?? '', at)
      case 'float64':
        return writeText(String(value), at)
      case 'ipv4':
        return writeQuad(value, at)
      default:
        return Number.isSafeInteger(value)
          ? writeInteger(value, scale, at)
          : writeText(scaledText(beyond?.get(row) ?? 0n, scale), at)
    }
  }
}

/** Makes room for `count` bytes from `at`. */
function reserve(at: number, count: number): void {
  if (at + count + 1 <= scratch.length) return
  const grown = new Uint8Array(Math.max(scratch.length * 2, at + count + 1))
  grown.set(scratch.subarray(0, at))
  scratch = grown
}

function writeText(text: string, at: number): number {
  reserve(at, text.length * 3)
  return at + Buffer.from(scratch.buffer).write(text, at, 'utf8')
}

function writeInteger(value: number, scale: number, from: number): number {
  let at = from
  let rest = value
  if (rest < 0) {
    scratch[at++] = MINUS
    rest = -rest
  }
  let digits = 1
  for (let power = 10; power <= rest; power *= 10) digits++
  if (digits <= scale) digits = scale + 1
  const end = at + digits + (scale > 0 ? 1 : 0)
  for (let written = 0, to = end - 1; to >= at; to--, written++) {
    if (scale > 0 && written === scale) {
      scratch[to--] = DOT
    }
    const next = Math.floor(rest / 10)
    scratch[to] = 48 + (rest - next * 10)
    rest = next
  }
  return end
}

function scaledText(value: bigint, scale: number): string {
  const sign = value < 0n ? '-' : ''
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  const point = digits.length - scale
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

function writeQuad(value: number, from: number): number {
  let at = from
  for (let shift = 24; shift >= 0; shift -= 8) {
    at = writeInteger((value >>> shift) & 255, 0, at)
    if (shift > 0) scratch[at++] = DOT
  }
  return at
}

function writeUuid(words: Int32Array, first: number, from: number): number {
  reserve(from, 36)
  let at = from
  for (let digit = 0; digit < 32; digit++) {
    if (digit === 8 || digit === 12 || digit === 16 || digit === 20) scratch[at++] = DASH
    const nibble = ((words[first + (digit >> 3)] as number) >>> (28 - (digit & 7) * 4)) & 15
    scratch[at++] = nibble < 10 ? 48 + nibble : 87 + nibble
  }
  return at
}
