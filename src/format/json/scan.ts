/**
 * What generated decoders call where a value is not of the commonest form: scanners over bytes that
 * take a part of what the strict reader takes, and refuse the rest (the slow path then decides).
 *
 * All of them rely on zero bytes behind the arena's text: no scan runs past a zero.
 */

import { JSON_DEPTH_MAX } from '#base'
import type { Arena } from '#columns'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Keys of one object whose duplicates are looked for; one of more keys takes the slow path. */
const SKIP_KEYS_MAX = 32
/** Spans of the keys of each open object, by depth. */
const keySpans = new Int32Array((JSON_DEPTH_MAX + 1) * SKIP_KEYS_MAX * 2)

/** Behind any white space at `at`. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  for (;;) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at++
  }
}

/** Before any white space that ends at `end`. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  for (;;) {
    const byte = bytes[end - 1]
    if (end <= start) return end
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return end
    end--
  }
}

/** Where the JSON number at `start` ends, −1 where there is none. */
export function numberEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start] === 0x2d ? start + 1 : start
  let at = bytes[first] === 0x30 ? first + 1 : digitsEnd(bytes, first)
  if (at > 0 && bytes[at] === 0x2e) at = digitsEnd(bytes, at + 1)
  if (at < 0 || ((bytes[at] ?? 0) | 0x20) !== 0x65) return at
  const sign = bytes[at + 1]
  return digitsEnd(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1)
}

/** Where one or more digits end, −1 where there is none. */
function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start
  while (((bytes[at] ?? 0) - 0x30) >>> 0 <= 9) at++
  return at > start ? at : -1
}

/** Where the text in quotes that begins at `start` ends, at its quote; −1 with an escape in it. */
export function plainEnd(bytes: Uint8Array, start: number, highRefused: number): number {
  for (let at = start; ; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) return at
    if (byte === BACKSLASH || byte < 0x20 || (byte > 0x7f && highRefused !== 0)) return -1
  }
}

/** Behind the string whose quote stands at `at`, escapes checked; −1 where it is none. */
function skipString(bytes: Uint8Array, at: number, highRefused: number): number {
  for (at++; ; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) return at + 1
    if (byte < 0x20 || (byte > 0x7f && highRefused !== 0)) return -1
    if (byte !== BACKSLASH) continue
    const unit = escapeUnit(bytes, at)
    if (unit < 0) return -1
    at += bytes[at + 1] === 0x75 ? 5 : 1
  }
}

/**
 * Behind the JSON value at `at`, which lies `depth` containers deep; −1 where the slow path must
 * decide: no valid value, too deep, duplicate keys, or too many keys to tell.
 */
export function skipValue(
  bytes: Uint8Array,
  at: number,
  depth: number,
  highRefused: number,
): number {
  switch (bytes[at]) {
    case QUOTE:
      return skipString(bytes, at, highRefused)
    case 0x7b:
      return depth < JSON_DEPTH_MAX ? skipObject(bytes, at + 1, depth + 1, highRefused) : -1
    case 0x5b:
      return depth < JSON_DEPTH_MAX ? skipArray(bytes, at + 1, depth + 1, highRefused) : -1
    case 0x74:
      return bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65
        ? at + 4
        : -1
    case 0x66:
      return bytes[at + 1] === 0x61 &&
        bytes[at + 2] === 0x6c &&
        bytes[at + 3] === 0x73 &&
        bytes[at + 4] === 0x65
        ? at + 5
        : -1
    case 0x6e:
      return bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c
        ? at + 4
        : -1
    default:
      return numberEnd(bytes, at)
  }
}

function skipArray(bytes: Uint8Array, at: number, depth: number, highRefused: number): number {
  at = skipSpace(bytes, at)
  if (bytes[at] === 0x5d) return at + 1
  for (;;) {
    at = skipValue(bytes, at, depth, highRefused)
    if (at < 0) return -1
    at = skipSpace(bytes, at)
    if (bytes[at] === 0x5d) return at + 1
    if (bytes[at] !== 0x2c) return -1
    at = skipSpace(bytes, at + 1)
  }
}

function skipObject(bytes: Uint8Array, at: number, depth: number, highRefused: number): number {
  at = skipSpace(bytes, at)
  if (bytes[at] === 0x7d) return at + 1
  for (let keys = 0; keys < SKIP_KEYS_MAX; keys++) {
    if (bytes[at] !== QUOTE) return -1
    const end = plainEnd(bytes, at + 1, highRefused)
    if (end < 0 || !keyIsNew(bytes, at + 1, end, depth, keys)) return -1
    at = skipSpace(bytes, end + 1)
    if (bytes[at] !== 0x3a) return -1
    at = skipValue(bytes, skipSpace(bytes, at + 1), depth, highRefused)
    if (at < 0) return -1
    at = skipSpace(bytes, at)
    if (bytes[at] === 0x7d) return at + 1
    if (bytes[at] !== 0x2c) return -1
    at = skipSpace(bytes, at + 1)
  }
  return -1
}

/** Whether none of the `keys` earlier keys of the object at `depth` is this one; remembers it. */
function keyIsNew(
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
  keys: number,
): boolean {
  const first = depth * SKIP_KEYS_MAX * 2
  const length = end - start
  for (let key = 0; key < keys; key++) {
    const from = keySpans[first + key * 2] as number
    if (keySpans[first + key * 2 + 1] !== length) continue
    let i = 0
    while (i < length && bytes[from + i] === bytes[start + i]) i++
    if (i === length) return false
  }
  keySpans[first + keys * 2] = start
  keySpans[first + keys * 2 + 1] = length
  return true
}

/** The character of the escape at the backslash; −1 for none, and for surrogates. */
function escapeUnit(bytes: Uint8Array, at: number): number {
  switch (bytes[at + 1]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return bytes[at + 1] as number
    case 0x62:
      return 8
    case 0x66:
      return 12
    case 0x6e:
      return 10
    case 0x72:
      return 13
    case 0x74:
      return 9
    case 0x75: {
      let unit = 0
      for (let i = 2; i < 6; i++) {
        const digit = HEX[bytes[at + i] as number] as number
        if (digit > 15) return -1
        unit = unit * 16 + digit
      }
      return unit >= 0xd800 && unit <= 0xdfff ? -1 : unit
    }
    default:
      return -1
  }
}

/** Value of a hexadecimal digit, 255 for any other byte. */
const HEX = new Uint8Array(256).fill(255)
for (let i = 0; i < 22; i++) HEX['0123456789abcdefABCDEF'.charCodeAt(i)] = i < 16 ? i : i - 6

/** Where the last `decodeString` put its text. */
export const decoded = { start: 0, length: 0 }

/**
 * Decodes the string that begins at `start` and has its first escape at `from` behind the text of
 * the arena, which has room for it; returns the place of the closing quote, −1 where there is none
 * before `end`, the end of the record.
 */
export function decodeString(
  arena: Arena,
  start: number,
  from: number,
  end: number,
  highRefused: number,
): number {
  const { bytes } = arena
  const first = arena.used
  let to = first
  for (let i = start; i < from; i++) bytes[to++] = bytes[i] as number
  let at = from
  for (; ; at++) {
    if (at >= end) return -1
    const byte = bytes[at] as number
    if (byte === QUOTE) break
    if (byte < 0x20 || (byte > 0x7f && highRefused !== 0)) return -1
    if (byte !== BACKSLASH) {
      bytes[to++] = byte
      continue
    }
    const unit = escapeUnit(bytes, at)
    if (unit < 0) return -1
    at += bytes[at + 1] === 0x75 ? 5 : 1
    if (unit < 0x80) bytes[to++] = unit
    else {
      if (unit < 0x800) bytes[to++] = 0xc0 | (unit >> 6)
      else {
        bytes[to++] = 0xe0 | (unit >> 12)
        bytes[to++] = 0x80 | ((unit >> 6) & 0x3f)
      }
      bytes[to++] = 0x80 | (unit & 0x3f)
    }
  }
  decoded.start = first
  decoded.length = to - first
  arena.used = to
  return at
}

/** Code points of valid UTF-8. */
export function codePoints(bytes: Uint8Array, start: number, length: number): number {
  let count = 0
  for (let at = start; at < start + length; at++) {
    if (((bytes[at] as number) & 0xc0) !== 0x80) count++
  }
  return count
}

/** Decodes base64 behind the text of the arena; its length, −1 where it is not canonical. */
export function appendBase64(arena: Arena, start: number, end: number): number {
  const text = arena.buffer.toString('latin1', start, end)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) return -1
  arena.append(bytes)
  return bytes.length
}
