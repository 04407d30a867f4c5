/**
 * Decimals as unscaled integers: text to bigint and back, and the two roundings there are.
 *
 * `12.30` at scale 2 is 1230n. Canonical text has an optional minus, at least one digit, and a
 * point followed by digits where the scale is not 0; no plus, spaces or exponent.
 */

import { invariant } from './errors.ts'

/** Digits a decimal has at most. */
export const DECIMAL_PRECISION_MAX = 38

const POWERS: readonly bigint[] = Array.from(
  { length: 2 * DECIMAL_PRECISION_MAX + 1 },
  (_, exponent) => 10n ** BigInt(exponent),
)

const DECIMAL_TEXT = /^-?[0-9]+(?:\.[0-9]+)?$/

/** 10 to the `exponent`, 0 to 76 without computing it. */
export function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent)
}

/**
 * The unscaled integer of decimal text, or undefined where the text is not canonical or has digits
 * other than 0 behind the scale: reading never rounds. Says nothing of the precision: `decimalFits`.
 */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  if (!DECIMAL_TEXT.test(text)) return undefined
  const point = text.indexOf('.')
  if (point < 0) return BigInt(text) * powerOfTen(scale)
  const fraction = text.slice(point + 1)
  for (let i = scale; i < fraction.length; i++) if (fraction[i] !== '0') return undefined
  return BigInt(text.slice(0, point) + fraction.slice(0, scale).padEnd(scale, '0'))
}

/** Text with exactly `scale` fraction digits. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString()
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Whether an unscaled integer has at most `precision` digits. */
export function decimalFits(unscaled: bigint, precision: number): boolean {
  const bound = powerOfTen(precision)
  return -bound < unscaled && unscaled < bound
}

/** n / d to the nearest integer, halves to the even one. `d` is not 0. */
export function divideHalfEven(n: bigint, d: bigint): bigint {
  invariant(d !== 0n, 'a divisor is not zero')
  const quotient = n / d
  const rest = n - quotient * d
  const twice = 2n * (rest < 0n ? -rest : rest)
  const whole = d < 0n ? -d : d
  const away = twice > whole || (twice === whole && quotient % 2n !== 0n)
  if (!away) return quotient
  return n < 0n === d < 0n ? quotient + 1n : quotient - 1n
}

/** The same number at another scale; a narrower one rounds half to even. */
export function rescaleHalfEven(unscaled: bigint, from: number, to: number): bigint {
  if (to >= from) return unscaled * powerOfTen(to - from)
  return divideHalfEven(unscaled, powerOfTen(from - to))
}
