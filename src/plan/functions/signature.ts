/**
 * What the table of functions is made of, and the rules of types that its entries share.
 *
 * A type's `nullable` is exact: it is set where a function can give null for arguments of these
 * types, and only there. So `int32 + int32` is an `int64` that is never null, and `int64 + int64` is
 * null beyond 64 bits.
 */

import { DECIMAL_PRECISION_MAX } from '#base'
import type { DecimalType, ScalarType, Type, TypeKind, Value } from '../type.ts'

/** An argument as a signature sees it. `literal` is present for literals only. */
export interface Argument {
  readonly type: Type
  readonly literal?: Value
}

/** Why a function does not take such arguments: a fragment that follows the function's name. */
export interface Refusal {
  readonly reason: string
}

/** A call and what it gives, which every runner executes. */
export interface FunctionExample {
  readonly args: readonly Value[]
  readonly argTypes: readonly Type[]
  readonly type: Type
  readonly result: Value
}

export interface FunctionSpec {
  /** What it gives, in one sentence. */
  readonly meaning: string
  /** Whether the argument at `index` must be a literal; none where absent. */
  readonly literal?: (index: number) => boolean
  /**
   * The result type of a call, or why there is none. `wanted` is the type a `cast` asks for. Called
   * with literals where `literal` demands them.
   */
  readonly check: (args: readonly Argument[], wanted: Type | undefined) => Type | Refusal
  readonly examples: readonly FunctionExample[]
}

export const BOOL: Type = { kind: 'bool' }
export const INT32: Type = { kind: 'int32' }
export const INT64: Type = { kind: 'int64' }
export const FLOAT64: Type = { kind: 'float64' }
export const STRING: Type = { kind: 'string' }
export const TIMESTAMP: Type = { kind: 'timestamp' }
export const DATE: Type = { kind: 'date' }
export const UUID: Type = { kind: 'uuid' }
export const JSON_TEXT: Type = { kind: 'json' }
export const STRINGS: Type = { kind: 'array', of: { kind: 'string' } }

export function decimal(precision: number, scale: number): DecimalType {
  return { kind: 'decimal', precision, scale }
}

/** The type with or without null. A type that is not nullable has no `nullable` at all. */
export function withNull(type: Type, nullable = true): Type {
  const { nullable: _, ...bare } = type
  return nullable ? { ...bare, nullable: true } : bare
}

export function nullable(type: Type): boolean {
  return type.nullable === true
}

export function anyNullable(args: readonly Argument[]): boolean {
  return args.some(arg => nullable(arg.type))
}

export function refused(reason: string): Refusal {
  return { reason }
}

/** `decimal(12, 2)?`: a type as people write it; `?` for nullable. */
export function typeText(type: Type): string {
  const mark = nullable(type) ? '?' : ''
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})${mark}`
    case 'enum':
      return `enum(${type.values.map(value => `'${value}'`).join(', ')})${mark}`
    case 'array':
      return `array(${typeText(type.of)})${mark}`
    default:
      return `${type.kind}${mark}`
  }
}

/** Whether two types are equal, null apart. */
export function sameKind(a: Type, b: Type): boolean {
  return typeText(withNull(a, false)) === typeText(withNull(b, false))
}

export function sameType(a: Type, b: Type): boolean {
  return typeText(a) === typeText(b)
}

const NUMERIC: ReadonlySet<TypeKind> = new Set(['int32', 'int64', 'float64', 'decimal'])

export function numeric(type: Type): boolean {
  return NUMERIC.has(type.kind)
}

export function integer(type: Type): boolean {
  return type.kind === 'int32' || type.kind === 'int64'
}

/** An integer or decimal as a decimal: int32 has 10 digits, int64 has 19. */
export function asDecimal(type: Type): DecimalType | undefined {
  if (type.kind === 'decimal') return type
  if (type.kind === 'int32') return decimal(10, 0)
  return type.kind === 'int64' ? decimal(19, 0) : undefined
}

/** How two numbers meet in one operation, or undefined where a cast must say. */
export type Meeting =
  | { readonly kind: 'integer' }
  | { readonly kind: 'float' }
  | { readonly kind: 'decimal'; readonly left: DecimalType; readonly right: DecimalType }

/** int32 widens to float64 by itself; int64 and decimal do not, since digits would be lost. */
export function meet(left: Type, right: Type): Meeting | undefined {
  if (!numeric(left) || !numeric(right)) return undefined
  if (integer(left) && integer(right)) return { kind: 'integer' }
  if (left.kind === 'float64' || right.kind === 'float64') {
    const other = left.kind === 'float64' ? right : left
    return other.kind === 'float64' || other.kind === 'int32' ? { kind: 'float' } : undefined
  }
  const [a, b] = [asDecimal(left), asDecimal(right)]
  return a === undefined || b === undefined ? undefined : { kind: 'decimal', left: a, right: b }
}

/**
 * The type that holds values of all of `types`, and is null where one of them is: equal types, or
 * numbers that meet. A decimal that would need over 38 digits keeps its scale and is null beyond.
 */
export function unify(types: readonly Type[]): Type | undefined {
  const [first, ...rest] = types
  if (first === undefined) return undefined
  let unified = withNull(first, false)
  let overflow = false
  for (const type of rest) {
    const next = unifyPair(unified, type)
    if (next === undefined) return undefined
    overflow ||= nullable(next)
    unified = withNull(next, false)
  }
  return withNull(unified, overflow || types.some(nullable))
}

function unifyPair(a: Type, b: Type): Type | undefined {
  if (sameKind(a, b)) return withNull(a, false)
  const meeting = meet(a, b)
  switch (meeting?.kind) {
    case 'integer':
      return INT64
    case 'float':
      return FLOAT64
    case 'decimal': {
      const { left, right } = meeting
      const scale = Math.max(left.scale, right.scale)
      const whole = Math.max(left.precision - left.scale, right.precision - right.scale)
      return boundedDecimal(whole + scale, scale)
    }
    default:
      return undefined
  }
}

/** A decimal of `precision` digits, or of 38 and null beyond. */
export function boundedDecimal(precision: number, scale: number): Type {
  const type = decimal(Math.min(DECIMAL_PRECISION_MAX, precision), scale)
  return withNull(type, precision > DECIMAL_PRECISION_MAX)
}

/** Whether `eq` compares values of both: of one type, or numbers that meet. */
export function comparable(a: Type, b: Type): boolean {
  return a.kind !== 'json' && a.kind !== 'array' && unifyPair(a, b) !== undefined
}

/** The element type of an array. */
export function elementOf(type: Type): ScalarType | undefined {
  return type.kind === 'array' ? type.of : undefined
}

/** The refusal of a call with too few or many arguments; undefined where the number is right. */
export function countRefused(
  args: readonly Argument[],
  min: number,
  max = min,
): Refusal | undefined {
  if (args.length >= min && args.length <= max) return undefined
  const wanted = min === max ? `${min}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`
  return refused(`takes ${wanted} arguments and has ${args.length}`)
}

/** The refusal of the first argument whose type is none of `kinds`. */
export function kindRefused(
  args: readonly Argument[],
  kinds: readonly TypeKind[],
): Refusal | undefined {
  for (const [index, { type }] of args.entries()) {
    if (kinds.includes(type.kind)) continue
    return refused(`takes ${kinds.join(' or ')} as argument ${index + 1}, not ${typeText(type)}`)
  }
  return undefined
}

/** Whether a call was refused. */
export function isRefusal(result: Type | Refusal): result is Refusal {
  return 'reason' in result
}

/** An example, with the type `null` for arguments that are null made nullable. */
export function example(
  argTypes: readonly Type[],
  type: Type,
  ...rows: readonly (readonly [args: readonly Value[], result: Value])[]
): FunctionExample[] {
  return rows.map(([args, result]) => ({ args, argTypes, type, result }))
}
