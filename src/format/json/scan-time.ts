/**
 * Times of records for generated decoders: RFC 3339 and unix numbers, over bytes.
 *
 * Records come nearly in order, so the calendar day that was read last is kept: a time of the same
 * day costs ten compared bytes and no calendar. What is not of the commonest form is refused.
 */

import { calendar } from '#base'

const { civilExists, daysFromCivil } = calendar

const DAY_US = 86_400_000_000

/** Offsets from UTC of up to 18 hours. */
const ZONE_MINUTES_MAX = 18 * 60

/** Years in which no offset leads out of the range of times. */
const YEAR_MIN = 1701
const YEAR_MAX = 2248

/** The last unix time there is, 2249-12-31T23:59:59.999999Z, in µs. */
const UNIX_MAX_US = 102_268 * DAY_US - 1

export class TimeScanner {
  /** The first four, next four and last two bytes of the day that is known. */
  a = 0
  b = 0
  c = 0
  /** The day in days and its midnight in µs since 1970. */
  days = 0
  midnightUs = 0
  /** What the last scan found. */
  us = 0

  /** Makes `yyyy-MM-dd` at `at` the known day; false where it is none that every type holds. */
  day(bytes: Uint8Array, view: DataView, at: number): boolean {
    const a = view.getInt32(at, true)
    const b = view.getInt32(at + 4, true)
    const c = view.getInt16(at + 8, true)
    if (a === this.a && b === this.b && c === this.c) return true
    if (bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d) return false
    const year = two(bytes, at) * 100 + two(bytes, at + 2)
    const month = two(bytes, at + 5)
    const day = two(bytes, at + 8)
    if (!(year >= YEAR_MIN && year <= YEAR_MAX) || !civilExists(year, month, day)) return false
    this.a = a
    this.b = b
    this.c = c
    this.days = daysFromCivil(year, month, day)
    this.midnightUs = this.days * DAY_US
    return true
  }

  /**
   * Reads `yyyy-MM-ddTHH:mm:ss[.ffffff](Z|±HH:mm)` at `at` into `us`; where it ends, −1 where the
   * slow path must decide.
   */
  time(bytes: Uint8Array, view: DataView, at: number): number {
    if (bytes[at + 10] !== 0x54 || bytes[at + 13] !== 0x3a || bytes[at + 16] !== 0x3a) return -1
    if (!this.day(bytes, view, at)) return -1
    const hour = two(bytes, at + 11)
    const minute = two(bytes, at + 14)
    const second = two(bytes, at + 17)
    if (!(hour <= 23 && minute <= 59 && second <= 59)) return -1
    let end = at + 19
    let micros = 0
    if (bytes[end] === 0x2e) {
      let unit = 100_000
      const first = ++end
      for (; unit >= 1; end++, unit /= 10) {
        const digit = ((bytes[end] as number) - 0x30) >>> 0
        if (digit > 9) break
        micros += digit * unit
      }
      if (end === first) return -1
      // Digits finer than a microsecond do no harm where they are zeros.
      while (end < first + 9 && bytes[end] === 0x30) end++
    }
    this.us = this.midnightUs + ((hour * 60 + minute) * 60 + second) * 1e6 + micros
    return this.#zone(bytes, end)
  }

  #zone(bytes: Uint8Array, at: number): number {
    const sign = bytes[at]
    if (sign === 0x5a) return at + 1
    if ((sign !== 0x2b && sign !== 0x2d) || bytes[at + 3] !== 0x3a) return -1
    const hours = two(bytes, at + 1)
    const minutes = two(bytes, at + 4)
    const total = hours * 60 + minutes
    if (!(minutes <= 59 && total <= ZONE_MINUTES_MAX)) return -1
    const offsetUs = total * 60_000_000
    this.us += sign === 0x2b ? -offsetUs : offsetUs
    return at + 6
  }

  /**
   * Reads a unix time in units of 10^shift µs at `at` into `us`, floored; where it ends, −1 where
   * the slow path must decide, which negative ones are.
   */
  unix(bytes: Uint8Array, at: number, shift: number): number {
    let end = at
    while (((bytes[end] as number) - 0x30) >>> 0 <= 9) end++
    const digits = end - at
    if (digits === 0 || digits > 19 || (digits > 1 && bytes[at] === 0x30)) return -1
    let value = 0
    for (let i = at, stop = shift < 0 ? end + shift : end; i < stop; i++) {
      value = value * 10 + (bytes[i] as number) - 0x30
    }
    for (let i = 0; i < shift; i++) value *= 10
    if (bytes[end] === 0x2e) {
      // Only seconds may have a fraction.
      if (shift !== 6) return -1
      const first = ++end
      for (let unit = 100_000; ; end++, unit /= 10) {
        const digit = ((bytes[end] as number) - 0x30) >>> 0
        if (digit > 9) break
        if (unit >= 1) value += digit * unit
      }
      if (end === first) return -1
    }
    this.us = value
    return value <= UNIX_MAX_US && ((bytes[end] as number) | 0x20) !== 0x65 ? end : -1
  }
}

/** The two digits at `at`, NaN where they are none. */
function two(bytes: Uint8Array, at: number): number {
  const tens = ((bytes[at] as number) - 0x30) >>> 0
  const ones = ((bytes[at + 1] as number) - 0x30) >>> 0
  return tens > 9 || ones > 9 ? Number.NaN : tens * 10 + ones
}
