/**
 * Number texts to exact values: `-12.50`, `17850.0`, `1e3`.
 *
 * One scan gives sign, digits, point and exponent. Up to 15 significant digits without an exponent
 * are one exact double (the fast path); everything else goes through its digits as text, stripped
 * of the zeros that do not count, and `BigInt` where they exceed a double.
 */

import type { BatchColumn } from '#columns'
import { NARROW_PRECISION_MAX } from '#plan'
import type { TextFault, TextParser } from './text-parser.ts'

const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/** Result of the last `scan`, which is faster than an object a call. */
const scanned = { negative: false, mantissa: 0, digits: 0, fraction: 0, exponent: false }

/** Reads `[-]digits[.digits][e[±]digits]`; false where the slice is no such text. */
function scan(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  const negative = bytes[at] === 45 && at < end
  if (negative) at++
  let mantissa = 0
  let digits = 0
  let fraction = 0
  let point = -1
  const first = at
  for (; at < end; at++) {
    const byte = bytes[at] as number
    const digit = byte - 48
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit
      if (mantissa > 0) digits++
    } else if (byte === 46 && point < 0 && at > first) point = at
    else break
  }
  if (at === first) return false
  if (point >= 0) {
    fraction = at - point - 1
    if (fraction === 0) return false
  }
  scanned.exponent = at < end
  if (at < end && !exponentAt(bytes, at, end)) return false
  scanned.negative = negative
  scanned.mantissa = mantissa
  scanned.digits = digits
  scanned.fraction = fraction
  return true
}

function exponentAt(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from
  if (((bytes[at++] as number) | 32) !== 101) return false
  if (bytes[at] === 45 || bytes[at] === 43) at++
  if (at >= end) return false
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) return false
  }
  return true
}

/** Text of a slice that `scan` found to be ASCII. */
function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

/** What the slow path finds: the unscaled digits without sign, or a fault. */
interface Unscaled {
  readonly fault: TextFault
  readonly digits: string
}

const FAULT_SCALE: Unscaled = { fault: 'scale', digits: '' }
const FAULT_RANGE: Unscaled = { fault: 'range', digits: '' }
const ZERO: Unscaled = { fault: '', digits: '0' }

/** The digits of a number text times 10^scale, at most `precision` of them. */
function unscaledDigits(text: string, scale: number, precision: number): Unscaled {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const all = whole + fraction
  let first = 0
  while (first < all.length && all[first] === '0') first++
  let last = all.length
  while (last > first && all[last - 1] === '0') last--
  if (first === last) return ZERO
  const kept = all.slice(first, last)
  const shift = scale + Number(exponent) - fraction.length + (all.length - last)
  if (shift < 0) return FAULT_SCALE
  if (kept.length + shift > precision) return FAULT_RANGE
  return { fault: '', digits: kept + '0'.repeat(shift) }
}

/** Writes an integer that may exceed a double; `column` is num or wide. */
function writeInteger(column: BatchColumn, row: number, value: bigint): TextFault {
  const number = Number(value)
  if (column.kind === 'num' || (column.kind === 'wide' && Number.isSafeInteger(number))) {
    column.values[row] = number
    return ''
  }
  if (column.kind !== 'wide') return 'type'
  column.values[row] = value < 0n ? -Infinity : Infinity
  column.beyond.set(row, value)
  return ''
}

/** The slow path of all exact kinds; `min` and `max` bound the unscaled value. */
function writeExact(
  text: string,
  scale: number,
  bounds: { readonly precision: number; readonly min: bigint; readonly max: bigint },
  column: BatchColumn,
  row: number,
): TextFault {
  const found = unscaledDigits(text, scale, bounds.precision)
  if (found.fault !== '') return found.fault
  const value = text.startsWith('-') ? -BigInt(found.digits) : BigInt(found.digits)
  if (value < bounds.min || value > bounds.max) return 'range'
  return writeInteger(column, row, value)
}

/** A parser of numbers held as integers of 10^−scale. */
function exactParser(
  scale: number,
  bounds: { readonly precision: number; readonly min: bigint; readonly max: bigint },
): TextParser {
  const max = Number(bounds.max)
  const min = Number(bounds.min)
  return (bytes, start, end, column, row) => {
    if (!scan(bytes, start, end)) return 'type'
    const { mantissa, fraction } = scanned
    const shift = scale - fraction
    if (
      scanned.digits > NARROW_PRECISION_MAX ||
      scanned.exponent ||
      shift < -NARROW_PRECISION_MAX ||
      shift > 22
    ) {
      return writeExact(asciiText(bytes, start, end), scale, bounds, column, row)
    }
    let value = mantissa
    if (shift > 0) value *= POWERS[shift] as number
    else if (shift < 0) {
      value /= POWERS[-shift] as number
      if (!Number.isInteger(value)) return 'scale'
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      return writeExact(asciiText(bytes, start, end), scale, bounds, column, row)
    }
    if (scanned.negative && value !== 0) value = -value
    if (value > max || value < min) return 'range'
    if (column.kind !== 'num' && column.kind !== 'wide') return 'type'
    column.values[row] = value
    return ''
  }
}

export const int32Parser = exactParser(0, { precision: 10, min: -(2n ** 31n), max: 2n ** 31n - 1n })
export const int64Parser = exactParser(0, { precision: 19, min: -(2n ** 63n), max: 2n ** 63n - 1n })

/** The parser of decimal(precision, scale): the value is exact or refused. */
export function decimalParser(precision: number, scale: number): TextParser {
  const max = 10n ** BigInt(precision) - 1n
  return exactParser(scale, { precision, min: -max, max })
}

/** Correctly rounded: 15 digits and a power of ten up to 22 are both exact doubles. */
export const float64Parser: TextParser = (bytes, start, end, column, row) => {
  if (column.kind !== 'num' || !scan(bytes, start, end)) return 'type'
  const { mantissa, fraction } = scanned
  let value: number
  if (scanned.digits <= NARROW_PRECISION_MAX && !scanned.exponent && fraction <= 22) {
    value = mantissa / (POWERS[fraction] as number)
    if (scanned.negative) value = -value
  } else value = Number(asciiText(bytes, start, end))
  if (!Number.isFinite(value)) return 'range'
  column.values[row] = value === 0 ? 0 : value
  return ''
}
