/** Whether a slice of bytes is one JSON text, by the reader that JSON records are held to. */

import { JsonReader } from '../json/reader.ts'
import { skipValue } from '../json/scan.ts'

const reader = new JsonReader()

/**
 * The scanner answers for nearly all; it knows no end, so that what it finds must lie exactly at
 * `end`, and all else is for the reader to decide.
 */
export function isJsonText(bytes: Uint8Array, start: number, end: number): boolean {
  if (skipValue(bytes, start, 0, 0) === end) return true
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return reader.read(buffer, start, end) !== undefined
}
