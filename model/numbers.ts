/** Numbers of the model: exact integers and decimals, floats that are finite or null. */

import type { Cell, Type } from './cells.ts'
import type { Meaning } from './functions.ts'

const INT_LIMITS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
}

const scaleOf = (type: Type): number => type.scale ?? 0
const power = (exponent: number): bigint => 10n ** BigInt(exponent)
const isFloat = (type: Type): boolean => type.kind === 'float64'

/** Whether units fit an integer or decimal type. */
export function inRange(units: bigint, type: Type): boolean {
  const [least, most] = INT_LIMITS[type.kind] ?? [
    1n - power(type.precision ?? 0),
    power(type.precision ?? 0) - 1n,
  ]
  return least <= units && units <= most
}

/** n / d to the nearest integer, halves to the even one. */
export function divideHalfEven(n: bigint, d: bigint): bigint {
  const floor = floorDivide(n, d)
  const rest = 2n * (n - floor * d)
  const half = d < 0n ? rest < d : rest > d
  if (half || (rest === d && floor % 2n !== 0n)) return floor + 1n
  return floor
}

/** n / d towards −∞. */
export function floorDivide(n: bigint, d: bigint): bigint {
  const quotient = n / d
  return quotient * d !== n && n < 0n !== d < 0n ? quotient - 1n : quotient
}

/** A float that is a value: no NaN, no infinity, no −0. */
export const finite = (value: number): number | null => (Number.isFinite(value) ? value + 0 : null)

const fitting = (units: bigint, type: Type): bigint | null => (inRange(units, type) ? units : null)

/** Units of one scale brought to another, rounded half to even where digits go. */
export function rescale(units: bigint, from: number, to: number): bigint {
  return to >= from ? units * power(to - from) : divideHalfEven(units, power(from - to))
}

/** Two numbers of any types in one form: both floats, or integers of one scale. */
export function align(
  [a, b]: readonly Cell[],
  [left, right]: readonly Type[],
): [number, number] | [bigint, bigint] {
  if (left === undefined || right === undefined) throw new Error('two numbers are aligned')
  if (isFloat(left) || isFloat(right)) return [Number(a), Number(b)]
  const scale = Math.max(scaleOf(left), scaleOf(right))
  return [rescale(a as bigint, scaleOf(left), scale), rescale(b as bigint, scaleOf(right), scale)]
}

/** An operation of two numbers; null where one is null. */
function binary(
  floats: (a: number, b: number) => number,
  exact: (a: bigint, b: bigint) => bigint | null,
): Meaning {
  return (args, types, type) => {
    if (args.includes(null)) return null
    const [a, b] = align(args, types)
    if (typeof a === 'number') return finite(floats(a, b as number))
    const units = exact(a, b as bigint)
    return units === null ? null : fitting(units, type)
  }
}

/** Decimal digits of a double's exact value, rounded half to even at a scale. */
function roundFloat(value: number, scale: number): number {
  let numerator = value
  let halvings = 0
  while (!Number.isInteger(numerator)) {
    numerator *= 2
    halvings += 1
  }
  if (halvings === 0) return value
  const units = divideHalfEven(BigInt(numerator) * power(scale), 2n ** BigInt(halvings))
  return Number(`${units}e-${scale}`)
}

/** A number of no digits behind the point, by `floats` or towards −∞ with a correction. */
function whole(floats: (value: number) => number, up: bigint): Meaning {
  return ([a = null], [from]) => {
    if (a === null || from === undefined) return null
    if (isFloat(from)) return finite(floats(a as number))
    const d = power(scaleOf(from))
    return up === 0n ? floorDivide(a as bigint, d) : -floorDivide(-(a as bigint), d)
  }
}

export const NUMBERS: Readonly<Record<string, Meaning>> = {
  add: binary(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  sub: binary(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  mul: (args, types, type) => {
    if (args.includes(null)) return null
    if (types.some(isFloat)) return finite(Number(args[0]) * Number(args[1]))
    return fitting((args[0] as bigint) * (args[1] as bigint), type)
  },
  div: (args, types, type) => {
    if (args.includes(null)) return null
    const [a, b] = align(args, types)
    if (typeof a === 'number') return finite(a / (b as number))
    if (b === 0n) return null
    if (type.kind !== 'decimal') return fitting(a / (b as bigint), type)
    return fitting(divideHalfEven(a * power(scaleOf(type)), b as bigint), type)
  },
  mod: binary(
    (a, b) => a % b,
    (a, b) => (b === 0n ? null : a % b),
  ),
  neg: ([a = null], _, type) => {
    if (a === null) return null
    return typeof a === 'number' ? finite(-a) : fitting(-(a as bigint), type)
  },
  abs: ([a = null], _, type) => {
    if (a === null) return null
    if (typeof a === 'number') return Math.abs(a)
    return fitting((a as bigint) < 0n ? -(a as bigint) : (a as bigint), type)
  },
  round: ([a = null, digits = null], [from], type) => {
    if (a === null || from === undefined) return null
    if (typeof a === 'number') return finite(roundFloat(a, Number(digits)))
    return fitting(rescale(a as bigint, scaleOf(from), scaleOf(type)), type)
  },
  floor: whole(Math.floor, 0n),
  ceil: whole(Math.ceil, 1n),
}
