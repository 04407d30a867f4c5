/**
 * The types of columns, as plain data, and the values a user meets for each.
 *
 * | kind | value of a user (`Value`) | held in a batch as (module `columns`) |
 * | --- | --- | --- |
 * | bool | `boolean` | num 0 or 1 |
 * | int32 | `number` | num |
 * | int64 | `bigint` | wide |
 * | float64 | `number`, finite, never −0 | num |
 * | decimal(p, s) | text with exactly s fraction digits, `'12.30'` | num while p ≤ 15, else wide; unscaled |
 * | string | well-formed `string` | text, UTF-8 |
 * | enum | one of its values | num, index of the value |
 * | timestamp | `number`, integer µs since 1970 UTC | num |
 * | date | `number`, days since 1970 | num |
 * | uuid | 36 lower-case characters | uuid |
 * | ipv4 | dotted quad | num, unsigned 32 bits |
 * | json | JSON text, as it was written | text |
 * | bytes | `Uint8Array` | text |
 * | array | array of values of its element type (elements may be nullable; no nesting) | list |
 *
 * `nullable` adds `null` to any of them.
 */

export type TypeKind = Type['kind']

interface Nullable {
  readonly nullable?: boolean
}

interface Simple<K extends string> extends Nullable {
  readonly kind: K
}

export interface DecimalType extends Nullable {
  readonly kind: 'decimal'
  /** Digits in all, 1 to 38. */
  readonly precision: number
  /** Digits after the point, 0 to `precision`. */
  readonly scale: number
}

export interface EnumType extends Nullable {
  readonly kind: 'enum'
  /** The values in order; an index into them is what a batch holds. At most 250. */
  readonly values: readonly string[]
}

export interface ArrayType extends Nullable {
  readonly kind: 'array'
  readonly of: ScalarType
}

export type ScalarType =
  | Simple<'bool'>
  | Simple<'int32'>
  | Simple<'int64'>
  | Simple<'float64'>
  | DecimalType
  | Simple<'string'>
  | EnumType
  | Simple<'timestamp'>
  | Simple<'date'>
  | Simple<'uuid'>
  | Simple<'ipv4'>
  | Simple<'json'>
  | Simple<'bytes'>

export type Type = ScalarType | ArrayType

/** A value as users, the test kit and the model see it. */
export type Value = boolean | number | bigint | string | Uint8Array | null | readonly Value[]

/** A row as users, the test kit and the model see it. */
export type Row = Readonly<Record<string, Value>>

export interface Column {
  /** `^[a-zA-Z_][a-zA-Z0-9_]*$`, at most 64 characters; a leading `_` is the platform's own. */
  readonly name: string
  readonly type: Type
}

/** Columns in output order. */
export type Schema = readonly Column[]

/** A decimal of at most this precision is a double of its unscaled digits, exactly. */
export const NARROW_PRECISION_MAX = 15

/** The column `name` of `schema`, if there. */
export function findColumn(schema: Schema, name: string): Column | undefined {
  return schema.find(column => column.name === name)
}
