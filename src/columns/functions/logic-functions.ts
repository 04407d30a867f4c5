/**
 * Functions of conditions: equality and order, three-valued logic, tests for null, and choice.
 *
 * What `prepare` leaves of them: `eq`, `lt`, `and`, `or`, `not`, `isNull`, `in`, `if`, `case` and
 * `coalesce`. The generator writes the control flow of the last three and of `and` and `or` itself.
 */

import { powerOfTen } from '#base'
import type { Type } from '#plan'
import type { Atom } from '../emitter.ts'
import { isNullRegister, nullRegister, type Register, registerKind } from '../register.ts'
import { toRegister } from '../rows.ts'
import { compareStrings } from '../text-bytes.ts'
import {
  argument,
  argumentType,
  type Call,
  type FunctionEntry,
  type Scalar,
  type Wanted,
} from './function-entry.ts'
import { type Integer, integers, scaleOf } from './number-functions.ts'

/** Registers of this type are numbers, or big integers where `wide`; NaN is null. */
export function numeric(type: Type): boolean {
  const kind = registerKind(type)
  return kind === 'num' || kind === 'wide'
}

/** What both sides of a comparison are multiplied by so that they stand at one scale. */
function scaling(call: Call): [a: bigint, b: bigint] {
  const [a, b] = [scaleOf(argumentType(call, 0)), scaleOf(argumentType(call, 1))]
  const scale = Math.max(a, b)
  return [powerOfTen(scale - a), powerOfTen(scale - b)]
}

/**
 * A comparison of integers at different scales. One side times a power of ten may be rounded, but
 * then it is beyond all safe integers, and the other side is one.
 */
function scaled(call: Call, test: (a: Integer, b: Integer) => boolean): Scalar {
  const [bigA, bigB] = scaling(call)
  const [factorA, factorB] = [Number(bigA), Number(bigB)]
  return integers((a = 0, b = 0) => {
    if (typeof a === 'number' && typeof b === 'number') {
      return Number(test(a * factorA, b * factorB))
    }
    return Number(test(BigInt(a) * bigA, BigInt(b) * bigB))
  })
}

const sameScale = (call: Call): boolean => scaling(call).every(factor => factor === 1n)

/** Sides of a comparison in source; undefined where they are scaled and a double cannot hold one. */
function sides(call: Call, [a = '', b = '']: readonly Atom[]): [string, string] | undefined {
  if (!numeric(argumentType(call, 0))) return undefined
  if (sameScale(call)) return [a, b]
  if (call.args.some(arg => registerKind(arg.type) === 'wide')) return undefined
  const [factorA, factorB] = scaling(call)
  return [factorA === 1n ? a : `${a} * ${factorA}`, factorB === 1n ? b : `${b} * ${factorB}`]
}

function comparison(
  test: (a: Register, b: Register) => boolean,
  source: (a: string, b: string, wanted: Wanted) => string,
): FunctionEntry {
  return {
    strict: true,
    scalar: call =>
      sameScale(call) ? (a = null, b = null) => Number(test(a, b)) : scaled(call, test),
    condition: (call, args, wanted) => {
      const pair = sides(call, args)
      return pair === undefined ? undefined : source(pair[0], pair[1], wanted)
    },
  }
}

const eq = comparison(
  (a, b) => a === b,
  (a, b, wanted) => (wanted === 1 ? `(${a} === ${b})` : `((${a} < ${b}) | (${a} > ${b}))`),
)

const lt = comparison(
  (a, b) =>
    typeof a === 'string' && typeof b === 'string'
      ? compareStrings(a, b) < 0
      : (a as Integer) < (b as Integer),
  (a, b, wanted) => `(${a} ${wanted === 1 ? '<' : '>='} ${b})`,
)

/** `and` where `decisive` is 0, `or` where it is 1: that argument decides, null spoils the rest. */
function junction(decisive: Wanted): FunctionEntry {
  return {
    strict: false,
    scalar:
      () =>
      (...args) => {
        let result = 1 - decisive
        for (const arg of args) {
          if (arg === decisive) return decisive
          if (arg !== 1 - decisive) result = Number.NaN
        }
        return result
      },
  }
}

const not: FunctionEntry = {
  strict: true,
  scalar:
    () =>
    (a = null) =>
      1 - (a as number),
  source: (_, args) => `1 - ${args[0]}`,
}

const isNull: FunctionEntry = {
  strict: false,
  scalar:
    () =>
    (a = null) =>
      Number(isNullRegister(a)),
  condition: (call, [a = ''], wanted) => {
    if (numeric(argumentType(call, 0))) return `(${a} ${wanted === 1 ? '!==' : '==='} ${a})`
    return `(${a} ${wanted === 1 ? '===' : '!=='} null)`
  },
}

const choose: FunctionEntry = {
  strict: false,
  scalar: call => {
    const none = nullRegister(call.type)
    return (...args) => {
      let at = 0
      while (at < args.length - 1 && args[at] !== 1) at += 2
      return args[at < args.length - 1 ? at + 1 : args.length - 1] ?? none
    }
  },
}

const coalesce: FunctionEntry = {
  strict: false,
  scalar: call => {
    const none = nullRegister(call.type)
    return (...args) => args.find(arg => !isNullRegister(arg)) ?? none
  },
}

/** The registers of the literals of `in`. */
export function literalsOf(call: Call): Register[] {
  const { type } = argument(call, 0)
  return call.args.slice(1).map(arg => {
    const value = arg.node === 'literal' ? arg.value : null
    return toRegister(value, arg.type) ?? nullRegister(type)
  })
}

/** More literals than this are looked up in a set. */
const TESTED_MAX = 8

const within: FunctionEntry = {
  strict: true,
  scalar: call => {
    const known = new Set(literalsOf(call))
    return (a = null) => Number(known.has(a))
  },
  condition: (call, [a = '', ...literals], wanted) => {
    if (!numeric(argumentType(call, 0)) || literals.length > TESTED_MAX) return undefined
    if (wanted === 1) return `(${literals.map(literal => `(${a} === ${literal})`).join(' | ')})`
    const others = literals.map(literal => `(${a} !== ${literal})`)
    return `((${a} === ${a}) & ${others.join(' & ')})`
  },
}

export const LOGIC_ENTRIES = {
  eq,
  lt,
  and: junction(0),
  or: junction(1),
  not,
  isNull,
  if: choose,
  case: choose,
  coalesce,
  in: within,
} as const satisfies Record<string, FunctionEntry>
