/**
 * How values lie in RowBinary and Native, little-endian: the same for one value in both.
 *
 * | encoding | bytes | of |
 * | --- | --- | --- |
 * | u8 | 1 | bool, enum of at most 128 values |
 * | u16 | 2 | larger enums |
 * | i32 | 4 | int32, date, decimal to 9 digits |
 * | u32 | 4 | ipv4 |
 * | i64 | 8 | timestamp, decimal of 10 to 15 digits (num columns) |
 * | wide64 | 8 | int64, decimal of 16 to 18 digits (wide columns) |
 * | wide128 | 16 | decimal of 19 to 38 digits (wide columns) |
 * | f64 | 8 | float64 |
 * | text | varint length, bytes | string, json, bytes |
 * | uuid | 16 | high half, then low half, each little-endian |
 */

import type { ScalarType, Type } from '#plan'
import { enumBytes } from './table-layout.ts'

/** Numbers, because the loops over columns switch on them. */
export const ENCODING = {
  u8: 0,
  u16: 1,
  i32: 2,
  u32: 3,
  i64: 4,
  wide64: 5,
  wide128: 6,
  f64: 7,
  text: 8,
  uuid: 9,
} as const

export type Encoding = (typeof ENCODING)[keyof typeof ENCODING]

/** Bytes of one value by encoding; 0 where it varies. */
export const ENCODED_BYTES: readonly number[] = [1, 2, 4, 4, 8, 8, 16, 8, 0, 16]

/** A column as the readers and writers see it. */
export interface ColumnEncoding {
  readonly list: boolean
  /** Whether a row may be null: the list itself where it is one. */
  readonly nullable: boolean
  /** Whether an item of a list may be null; equal to `nullable` otherwise. */
  readonly itemNullable: boolean
  /** Of a value, or of an item of a list. */
  readonly encoding: Encoding
}

export function columnEncoding(type: Type): ColumnEncoding {
  const nullable = type.nullable === true
  if (type.kind !== 'array') {
    return { list: false, nullable, itemNullable: nullable, encoding: scalarEncoding(type) }
  }
  const itemNullable = type.of.nullable === true
  return { list: true, nullable, itemNullable, encoding: scalarEncoding(type.of) }
}

function scalarEncoding(type: ScalarType): Encoding {
  switch (type.kind) {
    case 'bool':
      return ENCODING.u8
    case 'enum':
      return enumBytes(type.values.length) === 1 ? ENCODING.u8 : ENCODING.u16
    case 'int32':
    case 'date':
      return ENCODING.i32
    case 'ipv4':
      return ENCODING.u32
    case 'timestamp':
      return ENCODING.i64
    case 'int64':
      return ENCODING.wide64
    case 'float64':
      return ENCODING.f64
    case 'uuid':
      return ENCODING.uuid
    case 'decimal':
      return decimalEncoding(type.precision)
    default:
      return ENCODING.text
  }
}

function decimalEncoding(precision: number): Encoding {
  if (precision <= 9) return ENCODING.i32
  if (precision <= 15) return ENCODING.i64
  return precision <= 18 ? ENCODING.wide64 : ENCODING.wide128
}
