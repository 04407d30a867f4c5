/**
 * Text as bytes of an arena: order, equality, hash and search without making a string.
 *
 * Words are read past the end of a slice, which the padding of an arena allows; what lies behind
 * the slice is masked, so it never counts. Slices are valid UTF-8, so the order of their bytes is
 * the order of their code points, and any equal bytes are equal text.
 */

import type { Arena } from './arena.ts'

/**
 * Orders two slices by their bytes: negative, 0 or positive. Neither may be null.
 *
 * 4 bytes a step; 3–6 ns for short text.
 */
export function compareText(
  arenaA: Arena,
  offsetA: number,
  lengthA: number,
  arenaB: Arena,
  offsetB: number,
  lengthB: number,
): number {
  const viewA = arenaA.view
  const viewB = arenaB.view
  const common = Math.min(lengthA, lengthB)
  let at = 0
  for (; at + 4 <= common; at += 4) {
    const a = viewA.getUint32(offsetA + at)
    const b = viewB.getUint32(offsetB + at)
    if (a !== b) return a < b ? -1 : 1
  }
  const bytesA = arenaA.bytes
  const bytesB = arenaB.bytes
  for (; at < common; at++) {
    const difference = (bytesA[offsetA + at] ?? 0) - (bytesB[offsetB + at] ?? 0)
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}

/** Whether two slices hold the same bytes. Neither may be null. */
export function equalText(
  arenaA: Arena,
  offsetA: number,
  lengthA: number,
  arenaB: Arena,
  offsetB: number,
  lengthB: number,
): boolean {
  if (lengthA !== lengthB) return false
  const viewA = arenaA.view
  const viewB = arenaB.view
  let at = 0
  for (; at + 4 <= lengthA; at += 4) {
    if (viewA.getInt32(offsetA + at, true) !== viewB.getInt32(offsetB + at, true)) return false
  }
  const rest = lengthA - at
  if (rest === 0) return true
  const difference = viewA.getInt32(offsetA + at, true) ^ viewB.getInt32(offsetB + at, true)
  return (difference & ((1 << (rest << 3)) - 1)) === 0
}

/**
 * A 32-bit hash of a slice: murmur3 with 4 bytes a step, seed 0. Equal on every machine, but not a
 * format: nothing durable may hold it, and partitions are not placed by it.
 */
export function hashText(arena: Arena, offset: number, length: number): number {
  const view = arena.view
  let hash = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    hash ^= mixed(view.getInt32(offset + at, true))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  const rest = length - at
  if (rest > 0) hash ^= mixed(view.getInt32(offset + at, true) & ((1 << (rest << 3)) - 1))
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function mixed(word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51)
  return Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593)
}

/** Whether the `length` bytes of `bytes` at `offset` are those of `text`. */
export function sameBytes(
  bytes: Uint8Array,
  offset: number,
  length: number,
  text: Uint8Array,
): boolean {
  return length === text.length && beginsWith(bytes, offset, length, text)
}

/** Whether the slice begins with `text`. */
export function beginsWith(
  bytes: Uint8Array,
  offset: number,
  length: number,
  text: Uint8Array,
): boolean {
  const count = text.length
  if (length < count) return false
  for (let at = 0; at < count; at++) if (bytes[offset + at] !== text[at]) return false
  return true
}

/** Whether `text` lies within the slice; the empty text always does. */
export function holdsBytes(
  bytes: Uint8Array,
  offset: number,
  length: number,
  text: Uint8Array,
): boolean {
  const count = text.length
  if (count === 0) return true
  const first = text[0]
  for (let at = offset, last = offset + length - count; at <= last; at++) {
    if (bytes[at] === first && beginsWith(bytes, at, count, text)) return true
  }
  return false
}

/** How many code points the slice has. */
export function countCharacters(bytes: Uint8Array, offset: number, length: number): number {
  let count = 0
  for (let at = offset; at < offset + length; at++) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) count++
  }
  return count
}

/**
 * Orders two strings as their UTF-8 bytes are: by code points, where `<` of JavaScript goes by
 * UTF-16 units and puts U+1F600 before U+FF5E.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const common = Math.min(a.length, b.length)
  for (let at = 0; at < common; at++) {
    const unitA = a.charCodeAt(at)
    const unitB = b.charCodeAt(at)
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB)
  }
  return a.length - b.length
}

/** A UTF-16 unit ranked so that surrogates come after the rest of the basic plane. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
