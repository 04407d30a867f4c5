/**
 * Registers: what one value is inside an expression, and how it comes out of a column and goes in.
 *
 * | column | register | null |
 * | --- | --- | --- |
 * | num | `number`, as in the column | NaN |
 * | wide | `number` while safe, `bigint` beyond | NaN |
 * | text of string, json | `string` | `null` |
 * | text of bytes | `string` of one UTF-16 unit per byte | `null` |
 * | uuid | `string`, 36 lower-case characters | `null` |
 * | list | array of registers | `null` |
 *
 * A value has one register only, so `===` is equality within a type; and `<` is its order, numbers
 * against big integers included, except for strings, which `compareStrings` orders by their bytes.
 */

import { invariant } from '#base'
import type { Type } from '#plan'
import type { Arena } from './arena.ts'
import {
  type BatchColumn,
  type ColumnKind,
  columnKind,
  growItems,
  type ListColumn,
  type ScalarColumn,
  type WideColumn,
} from './column.ts'

export type Register = number | bigint | string | null | readonly Register[]

/** How registers of a type are told apart where their column does not. */
export type RegisterKind = ColumnKind | 'bytes'

export function registerKind(type: Type): RegisterKind {
  return type.kind === 'bytes' ? 'bytes' : columnKind(type)
}

/** The register of null, for values of `type`. */
export function nullRegister(type: Type): Register {
  const kind = registerKind(type)
  return kind === 'num' || kind === 'wide' ? Number.NaN : null
}

/** Whether a register of any type is null. */
export function isNullRegister(register: Register): boolean {
  return register === null || Number.isNaN(register)
}

/** An integer as the register of a wide column. */
export function wideRegister(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
}

export function readWide(column: WideColumn, row: number): number | bigint {
  const value = column.values[row] ?? Number.NaN
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
    ? beyondOf(column, row)
    : value
}

function beyondOf(column: WideColumn, row: number): bigint {
  const value = column.beyond.get(row)
  invariant(value !== undefined, 'an unsafe integer stands in beyond')
  return value
}

export function writeWide(column: WideColumn, row: number, value: number | bigint): void {
  if (typeof value === 'number') {
    column.values[row] = value
    return
  }
  column.values[row] = value < 0n ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  column.beyond.set(row, value)
}

/** The register of one place of a column that holds values of `type`. */
export function readRegister(column: BatchColumn, type: Type, arena: Arena, row: number): Register {
  switch (column.kind) {
    case 'num':
      return column.values[row] ?? Number.NaN
    case 'wide':
      return readWide(column, row)
    case 'text': {
      const length = column.lengths[row] ?? -1
      if (length < 0) return null
      const offset = column.offsets[row] ?? 0
      return type.kind === 'bytes'
        ? arena.buffer.toString('latin1', offset, offset + length)
        : arena.string(offset, length)
    }
    case 'uuid':
      return column.nulls[row] === 1 ? null : uuidText(column.words, row)
    case 'list':
      return readList(column, type, arena, row)
  }
}

function readList(column: ListColumn, type: Type, arena: Arena, row: number): Register {
  const length = column.lengths[row] ?? -1
  if (length < 0) return null
  invariant(type.kind === 'array', 'lists hold arrays')
  const items: Register[] = []
  const offset = column.offsets[row] ?? 0
  for (let i = 0; i < length; i++) {
    items.push(readRegister(column.items, type.of, arena, offset + i))
  }
  return items
}

/** Writes a register to one place of a column that holds values of `type`. */
export function writeRegister(
  column: BatchColumn,
  type: Type,
  arena: Arena,
  row: number,
  register: Register,
): void {
  if (column.kind !== 'list') {
    writeScalar(column, type, arena, row, register)
    return
  }
  if (register === null) {
    column.lengths[row] = -1
    column.offsets[row] = 0
    return
  }
  invariant(type.kind === 'array' && Array.isArray(register), 'an array register')
  const at = column.itemCount
  growItems(column, at + register.length)
  column.offsets[row] = at
  column.lengths[row] = register.length
  column.itemCount = at + register.length
  for (let i = 0; i < register.length; i++) {
    writeScalar(column.items, type.of, arena, at + i, register[i] ?? null)
  }
}

function writeScalar(
  column: ScalarColumn,
  type: Type,
  arena: Arena,
  row: number,
  register: Register,
): void {
  switch (column.kind) {
    case 'num':
      invariant(typeof register === 'number', 'a number register')
      column.values[row] = register
      return
    case 'wide':
      invariant(typeof register === 'number' || typeof register === 'bigint', 'an integer register')
      writeWide(column, row, register)
      return
    case 'text': {
      if (register === null) {
        column.offsets[row] = 0
        column.lengths[row] = -1
        return
      }
      invariant(typeof register === 'string', 'a string register')
      const at = type.kind === 'bytes' ? appendBytes(arena, register) : appendText(arena, register)
      column.offsets[row] = at
      column.lengths[row] = arena.used - at
      return
    }
    case 'uuid':
      if (typeof register === 'string') {
        column.nulls[row] = 0
        uuidWords(register, column.words, row)
      } else {
        column.nulls[row] = 1
      }
  }
}

/** Below this a loop over character codes is cheaper than the native call. */
const LOOP_CHARACTERS_MAX = 24

/** Appends a string as UTF-8; returns where it begins. */
export function appendText(arena: Arena, text: string): number {
  const length = text.length
  if (length > LOOP_CHARACTERS_MAX) return arena.appendString(text)
  arena.reserve(length * 3)
  const at = arena.used
  const bytes = arena.bytes
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return arena.appendString(text)
    bytes[at + i] = unit
  }
  arena.used = at + length
  return at
}

/** Appends a string of bytes; returns where it begins. */
export function appendBytes(arena: Arena, register: string): number {
  arena.reserve(register.length)
  const at = arena.used
  arena.used = at + arena.buffer.write(register, at, 'latin1')
  return at
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const hex32 = (word: number): string =>
  `${HEX[word >>> 24]}${HEX[(word >>> 16) & 255]}${HEX[(word >>> 8) & 255]}${HEX[word & 255]}`

/** The 36 characters of the UUID in words `4·row …`. */
export function uuidText(words: Int32Array, row: number): string {
  const at = row * 4
  const second = hex32(words[at + 1] ?? 0)
  const third = hex32(words[at + 2] ?? 0)
  return `${hex32(words[at] ?? 0)}-${second.slice(0, 4)}-${second.slice(4)}-${third.slice(0, 4)}-${third.slice(4)}${hex32(words[at + 3] ?? 0)}`
}

/** Where the 32 digits of a UUID stand in its text. */
const DIGITS = Uint8Array.from([
  0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30,
  31, 32, 33, 34, 35,
])

/** Writes the words of a UUID of 36 lower-case characters. */
export function uuidWords(text: string, words: Int32Array, row: number): void {
  invariant(text.length === 36, 'a UUID has 36 characters')
  for (let word = 0; word < 4; word++) {
    let bits = 0
    for (let digit = word * 8; digit < word * 8 + 8; digit++) {
      const code = text.charCodeAt(DIGITS[digit] ?? 0)
      bits = (bits << 4) | (code < 0x3a ? code - 0x30 : code - 0x57)
    }
    words[row * 4 + word] = bits
  }
}
