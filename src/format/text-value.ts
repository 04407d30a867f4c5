/**
 * Text to values: the bytes of one field become one row of one column, by its type.
 *
 * Shared by the CSV, log-line and JSON readers. A parser is made once per column (`ifs up`) and
 * called per field; it makes no object and, outside its rare slow paths, no string. What it accepts:
 *
 * | type | text |
 * | --- | --- |
 * | bool | `true false TRUE FALSE True False 1 0` |
 * | int32, int64, decimal | a decimal number, exponent allowed, whose exact value the type holds: `17850.0` is an int64, `1.25` no decimal(9, 1) |
 * | float64 | a decimal number; no NaN, no infinity; −0 is 0 |
 * | string, bytes | the bytes themselves |
 * | enum | one of its values |
 * | timestamp | ISO 8601, a date alone being its midnight, UTC where no zone is given; or as `ParseSpec` says; finer than 1 µs is floored |
 * | date | `yyyy-MM-dd`; by a pattern the day that the text names; of a unix time the UTC day |
 * | uuid | 36 characters, either case |
 * | ipv4 | dotted quad without leading zeros |
 * | json | one JSON text |
 */

import { PlatformError } from '#base'
import type { BatchColumn } from '#columns'
import type { ParseSpec, Type } from '#plan'
import { isJsonText } from './text/json-text.ts'
import { decimalParser, float64Parser, int32Parser, int64Parser } from './text/text-number.ts'
import type { TextParser } from './text/text-parser.ts'
import { dateParser, timestampParser } from './text/text-time.ts'

export type { TextFault, TextParser } from './text/text-parser.ts'

/**
 * The parser of one column.
 *
 * @throws PlatformError `plan.invalid` for a time pattern that cannot be read, `plan.unsupported`
 * for arrays, which have no text form
 */
export function compileTextParser(type: Type, parse?: ParseSpec): TextParser {
  switch (type.kind) {
    case 'bool':
      return parseBool
    case 'int32':
      return int32Parser
    case 'int64':
      return int64Parser
    case 'float64':
      return float64Parser
    case 'decimal':
      return decimalParser(type.precision, type.scale)
    case 'string':
    case 'bytes':
      return parseSlice
    case 'enum':
      return enumParser(type.values)
    case 'timestamp':
      return timestampParser(parse?.time)
    case 'date':
      return dateParser(parse?.time)
    case 'uuid':
      return parseUuid
    case 'ipv4':
      return parseIpv4
    case 'json':
      return parseJson
    case 'array':
      throw new PlatformError('plan.unsupported', 'an array has no form as a field of text', {
        hint: 'Declare the raw column as json and split or extract it in the mapping.',
      })
  }
}

/** Makes row `row` of `column` null. */
export function writeNull(column: BatchColumn, row: number): void {
  switch (column.kind) {
    case 'num':
    case 'wide':
      column.values[row] = Number.NaN
      return
    case 'uuid':
      column.nulls[row] = 1
      return
    default:
      column.offsets[row] = 0
      column.lengths[row] = -1
  }
}

const parseSlice: TextParser = (_bytes, start, end, column, row) => {
  if (column.kind !== 'text') return 'type'
  column.offsets[row] = start
  column.lengths[row] = end - start
  return ''
}

const parseJson: TextParser = (bytes, start, end, column, row) =>
  isJsonText(bytes, start, end) ? parseSlice(bytes, start, end, column, row) : 'type'

const TRUE_TEXTS = texts(['true', 'TRUE', 'True', '1'])
const FALSE_TEXTS = texts(['false', 'FALSE', 'False', '0'])

const parseBool: TextParser = (bytes, start, end, column, row) => {
  if (column.kind !== 'num') return 'type'
  const value = findText(TRUE_TEXTS, bytes, start, end) >= 0 ? 1 : 0
  if (value === 0 && findText(FALSE_TEXTS, bytes, start, end) < 0) return 'type'
  column.values[row] = value
  return ''
}

function enumParser(values: readonly string[]): TextParser {
  const known = texts(values)
  return (bytes, start, end, column, row) => {
    if (column.kind !== 'num') return 'type'
    const index = findText(known, bytes, start, end)
    if (index < 0) return 'enum'
    column.values[row] = index
    return ''
  }
}

function texts(values: readonly string[]): readonly Uint8Array[] {
  return values.map(value => Buffer.from(value, 'utf8'))
}

/** Which of `known` the slice is, −1 for none. */
function findText(
  known: readonly Uint8Array[],
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start
  for (let i = 0; i < known.length; i++) {
    const text = known[i] as Uint8Array
    if (text.length !== length) continue
    let at = 0
    while (at < length && text[at] === bytes[start + at]) at++
    if (at === length) return i
  }
  return -1
}

/** Value of a hexadecimal digit, 255 for any other byte. */
const HEX = new Uint8Array(256).fill(255)
for (let i = 0; i < 10; i++) HEX[48 + i] = i
for (let i = 0; i < 6; i++) {
  HEX[65 + i] = 10 + i
  HEX[97 + i] = 10 + i
}

/** Where the eight hexadecimal digits of each of the four words begin, in two groups of four. */
const UUID_GROUPS = [0, 4, 9, 14, 19, 24, 28, 32] as const

const parseUuid: TextParser = (bytes, start, end, column, row) => {
  if (column.kind !== 'uuid' || end - start !== 36) return 'type'
  if (bytes[start + 8] !== 45 || bytes[start + 13] !== 45) return 'type'
  if (bytes[start + 18] !== 45 || bytes[start + 23] !== 45) return 'type'
  for (let word = 0; word < 4; word++) {
    const high = hexGroup(bytes, start + (UUID_GROUPS[word * 2] as number))
    const low = hexGroup(bytes, start + (UUID_GROUPS[word * 2 + 1] as number))
    if (high < 0 || low < 0) return 'type'
    column.words[row * 4 + word] = (high << 16) | low
  }
  column.nulls[row] = 0
  return ''
}

/** Four hexadecimal digits, −1 where one is not. */
function hexGroup(bytes: Uint8Array, at: number): number {
  const a = HEX[bytes[at] as number] as number
  const b = HEX[bytes[at + 1] as number] as number
  const c = HEX[bytes[at + 2] as number] as number
  const d = HEX[bytes[at + 3] as number] as number
  return (a | b | c | d) > 15 ? -1 : (a << 12) | (b << 8) | (c << 4) | d
}

const parseIpv4: TextParser = (bytes, start, end, column, row) => {
  if (column.kind !== 'num') return 'type'
  let at = start
  let value = 0
  for (let part = 0; part < 4; part++) {
    if (part > 0 && bytes[at++] !== 46) return 'type'
    const first = at
    let octet = 0
    while (at < end && at - first < 3) {
      const digit = (bytes[at] as number) - 48
      if (digit < 0 || digit > 9) break
      octet = octet * 10 + digit
      at++
    }
    if (at === first || octet > 255) return 'type'
    if (at - first > 1 && bytes[first] === 48) return 'type'
    value = value * 256 + octet
  }
  if (at !== end) return 'type'
  column.values[row] = value
  return ''
}
