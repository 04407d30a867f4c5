/**
 * Functions of numbers: exact over integers and decimals, IEEE over float64.
 *
 * Integers and decimals are unscaled integers, a `number` while safe and a `bigint` beyond. Each
 * function has a fast path over safe doubles, whose results it checks, and a slow one over bigints.
 * A product or sum of doubles that comes out safe is exact: a rounded one would not be safe.
 * Generated source holds the fast path alone, without a check where the types bound the result, and
 * calls the scalar for the rest.
 */

import { decimalFits, divideHalfEven, invariant, powerOfTen } from '#base'
import type { Type } from '#plan'
import { columnKind } from '../column.ts'
import type { Atom, Emitter } from '../emitter.ts'
import { wideRegister } from '../register.ts'
import {
  argumentType,
  type Call,
  type FunctionEntry,
  literalArgument,
  type Scalar,
} from './function-entry.ts'

/** An integer or decimal that is not null. */
export type Integer = number | bigint

/** A scalar whose arguments and result are known to be of one kind; null never reaches it. */
export const integers = (scalar: (...args: readonly Integer[]) => Integer): Scalar =>
  scalar as Scalar
export const floats = (scalar: (...args: readonly number[]) => number): Scalar => scalar as Scalar

const SAFE = Number.MAX_SAFE_INTEGER

const safe = (value: number): boolean => value <= SAFE && value >= -SAFE

/** The scale of an integer or decimal type. */
export function scaleOf(type: Type): number {
  return type.kind === 'decimal' ? type.scale : 0
}

/** The least power of two or ten that no value of an integer or decimal type reaches or passes. */
export function boundOf(type: Type): bigint {
  switch (type.kind) {
    case 'int32':
      return 2n ** 31n
    case 'decimal':
      return powerOfTen(type.precision)
    default:
      return 2n ** 63n
  }
}

/** Brings an integer into `type`: NaN where it does not fit. */
export function fitter(type: Type): (value: bigint) => Integer {
  switch (type.kind) {
    case 'int32':
      return value => (BigInt.asIntN(32, value) === value ? Number(value) : Number.NaN)
    case 'int64':
      return value => (BigInt.asIntN(64, value) === value ? wideRegister(value) : Number.NaN)
    default: {
      invariant(type.kind === 'decimal', 'integers fit integers and decimals')
      const { precision } = type
      return value => (decimalFits(value, precision) ? wideRegister(value) : Number.NaN)
    }
  }
}

/** What to multiply both arguments by so that they stand at `scale`. */
function factors(call: Call, scale: number): [a: bigint, b: bigint] {
  return [
    powerOfTen(scale - scaleOf(argumentType(call, 0))),
    powerOfTen(scale - scaleOf(argumentType(call, 1))),
  ]
}

const commonScale = (call: Call): number =>
  Math.max(scaleOf(argumentType(call, 0)), scaleOf(argumentType(call, 1)))

const isFloat = (call: Call): boolean => call.args.some(arg => arg.type.kind === 'float64')

const isWide = (call: Call, index: number): boolean =>
  columnKind(argumentType(call, index)) === 'wide'

/** Whether doubles hold every value of the type, so that no result of it needs a check. */
const narrow = (type: Type): boolean => boundOf(type) <= BigInt(SAFE)

/** A float64 result: null where there is none, and never −0. */
const finite = (value: number): number => (Number.isFinite(value) ? value + 0 : Number.NaN)

/**
 * The same in source without a branch, which costs a quarter: an infinity times 0 is NaN, any
 * other number times 0 is a zero that changes nothing.
 */
function finiteSource(code: string, emitter: Emitter): string {
  const value = emitter.fresh()
  emitter.line(`const ${value} = ${code}`)
  return `(${value} + 0) + ${value} * 0`
}

/**
 * Source of a fast path that is checked: `fast` is a double, and where it is not safe the scalar
 * answers.
 */
function checked(
  call: Call,
  args: readonly Atom[],
  emitter: Emitter,
  fast: string,
  slow: () => Atom,
): string {
  const wide = args.filter((_, index) => isWide(call, index))
  if (wide.length === 0 && narrow(call.type)) return fast
  const result = emitter.fresh()
  const again = `${result} = ${slow()}(${args.join(', ')})`
  const check = narrow(call.type) ? '' : `; if (Math.abs(${result}) > ${SAFE}) ${again}`
  if (wide.length === 0) emitter.line(`let ${result} = ${fast}${check}`)
  else {
    const test = wide.map(arg => `typeof ${arg} === 'number'`).join(' && ')
    emitter.line(`let ${result} = NaN`)
    emitter.line(`if (${test}) { ${result} = ${fast}${check} } else ${again}`)
  }
  return result
}

const times = (atom: Atom, factor: bigint): string => (factor === 1n ? atom : `${atom} * ${factor}`)

/**
 * `add` and `sub`. One side may be multiplied by a power of ten, which is even: so it is exact up to
 * 2⁵⁴, and beyond that no safe number brings the result back to the safe ones.
 */
function sum(sign: 1 | -1): FunctionEntry {
  return {
    strict: true,
    scalar: call => {
      if (isFloat(call)) return floats((a = 0, b = 0) => finite(a + sign * b))
      const [bigA, bigB] = factors(call, scaleOf(call.type))
      const [factorA, factorB] = [Number(bigA), sign * Number(bigB)]
      const fit = fitter(call.type)
      return integers((a = 0, b = 0) => {
        if (typeof a === 'number' && typeof b === 'number') {
          const result = a * factorA + b * factorB
          if (safe(result)) return result
        }
        return fit(BigInt(a) * bigA + BigInt(sign) * BigInt(b) * bigB)
      })
    },
    source: (call, args, emitter, slow) => {
      const [a = '', b = ''] = args
      const operator = sign === 1 ? '+' : '-'
      if (isFloat(call)) return finiteSource(`${a} ${operator} ${b}`, emitter)
      const [factorA, factorB] = factors(call, scaleOf(call.type))
      const fast = `${times(a, factorA)} ${operator} ${times(b, factorB)}`
      return checked(call, args, emitter, fast, slow)
    },
  }
}

const mul: FunctionEntry = {
  strict: true,
  scalar: call => {
    if (isFloat(call)) return floats((a = 0, b = 0) => finite(a * b))
    const fit = fitter(call.type)
    return integers((a = 0, b = 0) => {
      if (typeof a === 'number' && typeof b === 'number') {
        const product = a * b
        if (safe(product)) return product + 0
      }
      return fit(BigInt(a) * BigInt(b))
    })
  },
  source: (call, args, emitter, slow) => {
    const product = `${args[0]} * ${args[1]}`
    if (isFloat(call)) return finiteSource(product, emitter)
    return checked(call, args, emitter, `${product} + 0`, slow)
  },
}

/** n / d half to even, over safe doubles. */
function divideDoubles(n: number, d: number): number {
  const rest = n % d
  const quotient = (n - rest) / d
  const twice = 2 * Math.abs(rest)
  const whole = Math.abs(d)
  if (twice < whole || (twice === whole && quotient % 2 === 0)) return quotient + 0
  return quotient + (n < 0 === d < 0 ? 1 : -1)
}

const div: FunctionEntry = {
  strict: true,
  scalar: call => {
    if (isFloat(call)) return floats((a = 0, b = 0) => finite(a / b))
    const fit = fitter(call.type)
    if (call.type.kind !== 'decimal') {
      return integers((a = 0, b = 0) => {
        if (b === 0) return Number.NaN
        if (typeof a === 'number' && typeof b === 'number') return (a - (a % b)) / b + 0
        return fit(BigInt(a) / BigInt(b))
      })
    }
    const scale = call.type.scale - scaleOf(argumentType(call, 0)) + scaleOf(argumentType(call, 1))
    const big = powerOfTen(scale)
    const factor = Number(big)
    return integers((a = 0, b = 0) => {
      if (b === 0) return Number.NaN
      if (typeof a === 'number' && typeof b === 'number' && safe(a * factor)) {
        return divideDoubles(a * factor, b)
      }
      return fit(divideHalfEven(BigInt(a) * big, BigInt(b)))
    })
  },
  source: (call, args, emitter) =>
    isFloat(call) ? finiteSource(`${args[0]} / ${args[1]}`, emitter) : undefined,
}

const mod: FunctionEntry = {
  strict: true,
  scalar: call => {
    if (isFloat(call)) return floats((a = 0, b = 0) => finite(a % b))
    const fit = fitter(call.type)
    const [bigA, bigB] = factors(call, commonScale(call))
    const [factorA, factorB] = [Number(bigA), Number(bigB)]
    return integers((a = 0, b = 0) => {
      if (b === 0) return Number.NaN
      if (typeof a === 'number' && typeof b === 'number') {
        const x = a * factorA
        const y = b * factorB
        if (safe(x) && safe(y)) return (x % y) + 0
      }
      return fit((BigInt(a) * bigA) % (BigInt(b) * bigB))
    })
  },
  source: (call, args, emitter) => {
    if (isFloat(call)) return finiteSource(`${args[0]} % ${args[1]}`, emitter)
    const narrowArgs = !isWide(call, 0) && !isWide(call, 1)
    const plain = factors(call, commonScale(call)).every(factor => factor === 1n)
    return narrowArgs && plain ? `${args[0]} % ${args[1]} + 0` : undefined
  },
}

const neg: FunctionEntry = {
  strict: true,
  scalar: call => {
    if (isFloat(call)) return floats((a = 0) => 0 - a)
    const fit = fitter(call.type)
    return integers((a = 0) => (typeof a === 'number' ? 0 - a : fit(-a)))
  },
  source: (call, args) => (isWide(call, 0) ? undefined : `0 - ${args[0]}`),
}

const abs: FunctionEntry = {
  strict: true,
  scalar: call => {
    if (isFloat(call)) return floats((a = 0) => Math.abs(a))
    const fit = fitter(call.type)
    return integers((a = 0) => (typeof a === 'number' ? Math.abs(a) : fit(a < 0n ? -a : a)))
  },
  source: (call, args) => (isWide(call, 0) ? undefined : `Math.abs(${args[0]})`),
}

/** An integer divided by a power of ten in one of three ways. */
type Division = 'floor' | 'ceil' | 'halfEven'

function divideBig(value: bigint, by: bigint, how: Division): bigint {
  if (how === 'halfEven') return divideHalfEven(value, by)
  const quotient = value / by
  const rest = value - quotient * by
  if (rest === 0n || rest < 0n === (how === 'ceil')) return quotient
  return how === 'ceil' ? quotient + 1n : quotient - 1n
}

/** Drops `digits` digits from an unscaled integer. */
export function dropping(type: Type, digits: number, how: Division): Scalar {
  const big = powerOfTen(digits)
  const by = Number(big)
  const fit = fitter(type)
  return integers((value = 0) => {
    if (typeof value !== 'number' || !safe(by)) return fit(divideBig(BigInt(value), big, how))
    if (how === 'halfEven') return divideDoubles(value, by)
    const rest = value % by
    const quotient = (value - rest) / by + 0
    if (rest === 0 || rest < 0 === (how === 'ceil')) return quotient
    return how === 'ceil' ? quotient + 1 : quotient - 1
  })
}

const identity: Scalar = (value = null) => value

/** `floor` and `ceil`. */
function toWhole(how: 'floor' | 'ceil'): FunctionEntry {
  return {
    strict: true,
    scalar: call => {
      if (isFloat(call)) return floats((a = 0) => Math[how](a) + 0)
      const scale = scaleOf(argumentType(call, 0))
      return scale === 0 ? identity : dropping(call.type, scale, how)
    },
    source: (call, args) => (isFloat(call) ? `Math.${how}(${args[0]}) + 0` : undefined),
  }
}

/** Digits that the text of a double can need behind the point to show that a half is exact. */
const EXACT_DIGITS = 100

/**
 * A float64 at `digits` fraction digits, the exact binary value rounded half to even.
 *
 * `toFixed` rounds the exact value, halves up; a half is one whose digits all end in a 5.
 */
export function roundFloat(value: number, digits: number): number {
  const size = Math.abs(value)
  if (size >= 2 ** 53) return value
  const exact = size.toFixed(EXACT_DIGITS)
  const point = exact.indexOf('.')
  const half = exact[point + digits + 1] === '5' && /^0*$/.test(exact.slice(point + digits + 2))
  const odd = Number(exact[digits === 0 ? point - 1 : point + digits]) % 2 === 1
  const rounded =
    half && !odd ? Number(exact.slice(0, point + digits + 1)) : Number(size.toFixed(digits))
  return (value < 0 ? -rounded : rounded) + 0
}

const round: FunctionEntry = {
  strict: true,
  scalar: call => {
    const digits = Number(literalArgument(call, 1))
    if (isFloat(call)) return floats((a = 0) => roundFloat(a, digits))
    const drop = scaleOf(argumentType(call, 0)) - digits
    return drop <= 0 ? identity : dropping(call.type, drop, 'halfEven')
  },
}

export const NUMBER_ENTRIES = {
  add: sum(1),
  sub: sum(-1),
  mul,
  div,
  mod,
  neg,
  abs,
  round,
  floor: toWhole('floor'),
  ceil: toWhole('ceil'),
} as const satisfies Record<string, FunctionEntry>
