/** Rules of types, schemas and values. */

import {
  calendar,
  DECIMAL_PRECISION_MAX,
  decimalFits,
  parseDecimal,
  SCHEMA_COLUMNS_MAX,
} from '#base'
import { typeText } from '../functions/signature.ts'
import type { ScalarType, Schema, Type, Value } from '../type.ts'
import {
  flag,
  integer,
  invalid,
  later,
  list,
  matching,
  object,
  optional,
  type Rule,
  tagged,
  text,
} from './shape.ts'

const ENUM_VALUES_MAX = 250

/** Columns of tables and streams; those of the platform itself begin with `_`. */
export const columnName = matching('a column name', /^[a-zA-Z_][a-zA-Z0-9_]*$/, 64)

/** A declared column, which no name of the platform's own may hide. */
export const ownName = matching('a column name', /^[a-zA-Z][a-zA-Z0-9_]*$/, 64)

const nullable = optional(flag)

function simple<K extends string>(
  kind: K,
): Rule<{ readonly kind: K; readonly nullable?: boolean }> {
  const rule = object({ kind: text, nullable })
  return (value, place) => {
    const { nullable } = rule(value, place)
    return Object.freeze(nullable === true ? { kind, nullable } : { kind })
  }
}

const decimalType: Rule<ScalarType> = (value, place) => {
  const rule = object({
    kind: text,
    precision: integer(1, DECIMAL_PRECISION_MAX),
    scale: integer(0, DECIMAL_PRECISION_MAX),
    nullable,
  })
  const { precision, scale, nullable: none } = rule(value, place)
  if (scale > precision)
    throw invalid(place, `a decimal of ${precision} digits has no scale ${scale}`)
  return Object.freeze({
    kind: 'decimal',
    precision,
    scale,
    ...(none === true && { nullable: true }),
  })
}

const enumType: Rule<ScalarType> = (value, place) => {
  const rule = object({ kind: text, values: list(text, ENUM_VALUES_MAX, 1), nullable })
  const { values, nullable: none } = rule(value, place)
  if (new Set(values).size < values.length) throw invalid(place, 'an enum has a value twice')
  return Object.freeze({ kind: 'enum', values, ...(none === true && { nullable: true }) })
}

const SCALARS = {
  bool: simple('bool'),
  int32: simple('int32'),
  int64: simple('int64'),
  float64: simple('float64'),
  decimal: decimalType,
  string: simple('string'),
  enum: enumType,
  timestamp: simple('timestamp'),
  date: simple('date'),
  uuid: simple('uuid'),
  ipv4: simple('ipv4'),
  json: simple('json'),
  bytes: simple('bytes'),
} as const satisfies Record<ScalarType['kind'], Rule<ScalarType>>

const scalarType: Rule<ScalarType> = tagged('kind', SCALARS)

/** A type, with `nullable` absent where it is false. */
export const type: Rule<Type> = tagged('kind', {
  ...SCALARS,
  array: (value: unknown, place: string): Type => {
    const rule = object({ kind: text, of: later(() => scalarType), nullable })
    const { of, nullable: none } = rule(value, place)
    return Object.freeze({ kind: 'array', of, ...(none === true && { nullable: true }) })
  },
})

/** Columns with different names. */
export const schema: Rule<Schema> = (value, place) => {
  const columns = list(object({ name: columnName, type }), SCHEMA_COLUMNS_MAX, 1)(value, place)
  const seen = new Set<string>()
  for (const { name } of columns) {
    if (seen.has(name)) throw invalid(place, `column "${name}" is there twice`)
    seen.add(name)
  }
  return columns
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)

function whole(min: number, max: number): (value: unknown) => boolean {
  return value => Number.isInteger(value) && Number(value) >= min && Number(value) <= max
}

/** Whether a value that is not null is one of the type; `int64` and `bytes` are as from JSON too. */
const MEMBERS: { readonly [K in Type['kind']]: (value: unknown, type: Type) => boolean } = {
  bool: value => typeof value === 'boolean',
  int32: whole(-(2 ** 31), 2 ** 31 - 1),
  int64: value => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  float64: value => Number.isFinite(value) && !Object.is(value, -0),
  decimal: (value, type) => {
    if (type.kind !== 'decimal' || typeof value !== 'string') return false
    const fraction = value.includes('.') ? value.length - value.indexOf('.') - 1 : 0
    const unscaled = parseDecimal(value, type.scale)
    return (
      fraction === type.scale && unscaled !== undefined && decimalFits(unscaled, type.precision)
    )
  },
  string: value => typeof value === 'string' && value.isWellFormed(),
  enum: (value, type) => type.kind === 'enum' && type.values.some(entry => entry === value),
  timestamp: whole(calendar.TIME_MIN_US, calendar.TIME_MAX_US),
  date: whole(calendar.DATE_MIN, calendar.DATE_MAX),
  uuid: value => typeof value === 'string' && UUID.test(value),
  ipv4: value => typeof value === 'string' && IPV4.test(value),
  json: value => typeof value === 'string' && value.isWellFormed() && parses(value),
  bytes: value => value instanceof Uint8Array,
  array: (value, type) =>
    type.kind === 'array' && Array.isArray(value) && value.every(item => isValue(type.of, item)),
}

function parses(json: string): boolean {
  try {
    JSON.parse(json)
    return true
  } catch {
    return false
  }
}

/** Whether `value` is one that a user may give for `type`, as the table of type.ts says. */
export function isValue(type: Type, value: unknown): value is Value {
  if (value === null) return type.nullable === true
  return MEMBERS[type.kind](value, type)
}

/** A value of `type`. Digits are taken for an int64 and hexadecimal text for bytes, as JSON has them. */
export function valueRule(type: Type): Rule<Value> {
  return (value, place) => {
    const given = fromJson(type, value)
    if (!isValue(type, given)) throw invalid(place, `the value is no ${typeText(type)}`)
    return given
  }
}

/** Digits as an int64 and hexadecimal text as bytes, where `type` says so; else the value itself. */
export function fromJson(type: Type, value: unknown): unknown {
  if (type.kind === 'array' && Array.isArray(value))
    return value.map(item => fromJson(type.of, item))
  if (typeof value !== 'string') return value
  if (type.kind === 'int64' && /^-?[0-9]{1,19}$/.test(value)) return BigInt(value)
  if (type.kind === 'bytes' && /^(?:[0-9a-f]{2})*$/.test(value)) {
    return Uint8Array.from(Buffer.from(value, 'hex'))
  }
  return value
}
