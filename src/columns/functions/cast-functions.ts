/**
 * `cast`: a value as another type, null where that type cannot hold it.
 *
 * Exact numbers go by their unscaled integers; a float64 by its exact binary value. Digits that go
 * are rounded half to even. Text is the canonical text and nothing else.
 */

import {
  calendar,
  decimalFits,
  divideHalfEven,
  formatDecimal,
  invariant,
  isoDate,
  isoTime,
  MICROS_PER_DAY,
  parseDecimal,
  powerOfTen,
} from '#base'
import type { Type } from '#plan'
import { ipv4Text, isUuid, parseIpv4 } from '../rows.ts'
import { argumentType, type FunctionEntry, type Scalar } from './function-entry.ts'
import {
  boundOf,
  dropping,
  fitter,
  floats,
  type Integer,
  integers,
  scaleOf,
} from './number-functions.ts'
import { texts } from './text-functions.ts'

const EXACT: ReadonlySet<Type['kind']> = new Set(['int32', 'int64', 'decimal'])

const identity: Scalar = (value = null) => value

/** The scalar that casts; null never reaches it. Casts that the plan refuses are not asked for. */
export function castScalar(from: Type, to: Type): Scalar {
  if (EXACT.has(from.kind) && EXACT.has(to.kind)) return exactToExact(from, to)
  if (to.kind === 'string') return toText(from)
  if (from.kind === 'string') return fromText(to)
  switch (`${from.kind} ${to.kind}`) {
    case 'int64 float64':
      return integers((value = 0) => Number(value))
    case 'decimal float64': {
      const scale = scaleOf(from)
      return integers((value = 0) => Number(formatDecimal(BigInt(value), scale)))
    }
    case 'float64 int32':
    case 'float64 int64':
    case 'float64 decimal':
      return fromFloat(to)
    case 'timestamp date':
      return floats((time = 0) => calendar.dayOfTime(time))
    case 'date timestamp':
      return floats((days = 0) => existing(days * MICROS_PER_DAY, calendar.timeExists))
    case 'int64 timestamp':
      return integers((value = 0) => existing(Number(value), calendar.timeExists))
    case 'int32 date':
      return floats((days = 0) => existing(days, calendar.dateExists))
    case 'enum enum':
      return enumToEnum(from, to)
    default:
      return identity
  }
}

const existing = (value: number, exists: (value: number) => boolean): number =>
  exists(value) ? value : Number.NaN

function exactToExact(from: Type, to: Type): Scalar {
  const drop = scaleOf(from) - scaleOf(to)
  const fit = fitter(to)
  const bound = boundOf(to)
  const limit = bound > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(bound)
  const within = (value: number): boolean =>
    to.kind === 'int32' ? (value | 0) === value : value < limit && value > -limit
  if (drop > 0) {
    const rounded = dropping({ kind: 'decimal', precision: 38, scale: 0 }, drop, 'halfEven')
    return integers((value = 0) => {
      const whole = rounded(value) as Integer
      return typeof whole === 'number' && within(whole) ? whole : fit(BigInt(whole))
    })
  }
  const big = powerOfTen(-drop)
  const factor = Number(big)
  return integers((value = 0) => {
    if (typeof value === 'number' && within(value * factor)) return value * factor
    return fit(BigInt(value) * big)
  })
}

/** A double as m · 2^e, exactly. */
function binaryParts(value: number): [mantissa: bigint, exponent: number] {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const high = bits.getUint32(0)
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4))
  const exponent = (high >>> 20) & 0x7ff
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  return [value < 0 ? -mantissa : mantissa, Math.max(exponent, 1) - 1075]
}

/** A float64 rounded half to even at the scale of `to`. */
function fromFloat(to: Type): Scalar {
  const fit = fitter(to)
  const scale = powerOfTen(scaleOf(to))
  return floats((value = 0) => {
    if (Math.abs(value) >= 1e39) return Number.NaN
    const [mantissa, exponent] = binaryParts(value)
    const scaled = mantissa * scale
    const unscaled =
      exponent >= 0 ? scaled << BigInt(exponent) : divideHalfEven(scaled, 1n << BigInt(-exponent))
    return fit(unscaled) as number
  })
}

function enumToEnum(from: Type, to: Type): Scalar {
  invariant(from.kind === 'enum' && to.kind === 'enum', 'both are enums')
  const indexes = from.values.map(value => to.values.indexOf(value))
  return floats((index = 0) => {
    const there = indexes[index] ?? -1
    return there < 0 ? Number.NaN : there
  })
}

/** The canonical text of a value that is not null. */
function toText(from: Type): Scalar {
  switch (from.kind) {
    case 'bool':
      return (value = null) => (value === 1 ? 'true' : 'false')
    case 'decimal':
      return (value = 0) => formatDecimal(BigInt(value as Integer), from.scale)
    case 'enum':
      return (value = 0) => from.values[value as number] ?? null
    case 'timestamp':
      return (value = 0) => isoTime.format(value as number)
    case 'date':
      return (value = 0) => isoDate.format(value as number)
    case 'ipv4':
      return (value = 0) => ipv4Text(value as number)
    case 'int32':
    case 'int64':
    case 'float64':
      return (value = 0) => String(value)
    default:
      return identity
  }
}

const INTEGER_TEXT = /^-?[0-9]+$/
const FLOAT_TEXT = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

/** Characters of a number that is read: what is longer has leading zeros or is not a value. */
const NUMBER_TEXT_MAX = 1_000

const BOOLS: Readonly<Record<string, number>> = { true: 1, false: 0 }

function fromText(to: Type): Scalar {
  switch (to.kind) {
    case 'bool':
      return texts((text = '') => (Object.hasOwn(BOOLS, text) ? (BOOLS[text] ?? 0) : Number.NaN))
    case 'int32':
    case 'int64':
      return integerFromText(to)
    case 'float64':
      return texts((text = '') => (FLOAT_TEXT.test(text) ? finiteOf(Number(text)) : Number.NaN))
    case 'decimal':
      return decimalFromText(to.precision, to.scale, fitter(to))
    case 'enum': {
      const indexes = new Map(to.values.map((value, index) => [value, index]))
      return texts((text = '') => indexes.get(text) ?? Number.NaN)
    }
    case 'timestamp':
      return texts((text = '') => isoTime.parse(text) ?? Number.NaN)
    case 'date':
      return texts((text = '') => isoDate.parse(text) ?? Number.NaN)
    case 'uuid':
      return texts((text = '') => (isUuid(text) ? text : null))
    case 'ipv4':
      return texts((text = '') => parseIpv4(text) ?? Number.NaN)
    default:
      return identity
  }
}

const finiteOf = (value: number): number => (Number.isFinite(value) ? value + 0 : Number.NaN)

/** Digits that every safe integer has at most. */
const SAFE_DIGITS = 15

function integerFromText(to: Type): Scalar {
  const fit = fitter(to)
  return ((text = ''): Integer => {
    const digits = text as string
    if (digits.length > NUMBER_TEXT_MAX || !INTEGER_TEXT.test(digits)) return Number.NaN
    if (digits.length > SAFE_DIGITS) return fit(BigInt(digits))
    const value = Number(digits) + 0
    return to.kind === 'int32' && (value | 0) !== value ? Number.NaN : value
  }) as Scalar
}

function decimalFromText(
  precision: number,
  scale: number,
  fit: (value: bigint) => Integer,
): Scalar {
  return ((text = ''): Integer => {
    const digits = text as string
    if (digits.length > NUMBER_TEXT_MAX) return Number.NaN
    const unscaled = parseDecimal(digits, scale)
    return unscaled === undefined || !decimalFits(unscaled, precision) ? Number.NaN : fit(unscaled)
  }) as Scalar
}

export const CAST_ENTRIES = {
  cast: {
    strict: true,
    scalar: call => castScalar(argumentType(call, 0), call.type),
    source: (call, [value = '']) => {
      const from = argumentType(call, 0)
      const to = call.type
      const whole = `${from.kind} ${to.kind}`
      if (whole === 'timestamp date') return `Math.floor(${value} / ${MICROS_PER_DAY})`
      if (from.kind === 'bool' || whole === 'int32 float64' || whole === 'date int32') return value
      if (whole === 'timestamp int64' || whole === 'int32 int64') return value
      return undefined
    },
  },
} as const satisfies Record<string, FunctionEntry>
