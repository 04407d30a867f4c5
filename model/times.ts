/** Times and dates of the model, through the Date of JavaScript and microseconds beside it. */

import type { Cell, Type } from './cells.ts'
import type { Meaning } from './functions.ts'
import { floorDivide } from './numbers.ts'

const DAY_US = 86_400_000_000
const LENGTH_US: Readonly<Record<string, number>> = {
  microsecond: 1,
  second: 1e6,
  minute: 60e6,
  hour: 3600e6,
  day: DAY_US,
  week: 7 * DAY_US,
}
const MONTHS: Readonly<Record<string, number>> = { month: 1, quarter: 3, year: 12 }
const NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Midnight of a date that may lie outside its month, in days since 1970; years below 100 too. */
export function daysOf(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return Math.floor(date.getTime() / 86_400_000)
}

/** Whether a time or date is one the platform holds: 1700 to 2249, years 1 to 9999. */
export function exists(value: number, kind: string): boolean {
  const [first, last] =
    kind === 'date'
      ? [daysOf(1, 1, 1), daysOf(9999, 12, 31)]
      : [daysOf(1700, 1, 1) * DAY_US, daysOf(2250, 1, 1) * DAY_US - 1]
  return first <= value && value <= last
}

const dateOf = (timeUs: number): Date => new Date(Math.floor(timeUs / 1000))
const toUs = (value: Cell, type: Type): number =>
  Number(value) * (type.kind === 'date' ? DAY_US : 1)
const fromUs = (timeUs: number, type: Type): number =>
  type.kind === 'date' ? Math.floor(timeUs / DAY_US) : timeUs

function truncated(timeUs: number, unit: string): number {
  const date = dateOf(timeUs)
  const months = MONTHS[unit]
  if (months !== undefined) {
    const month = date.getUTCMonth() - (date.getUTCMonth() % months)
    return daysOf(date.getUTCFullYear(), month + 1, 1) * DAY_US
  }
  const length = LENGTH_US[unit] ?? 1
  // Weeks begin on Mondays; 1970 began on a Thursday.
  const shift = unit === 'week' ? 3 * DAY_US : 0
  return Math.floor((timeUs + shift) / length) * length - shift
}

function part(timeUs: number, name: string): number {
  const date = dateOf(timeUs)
  const year = date.getUTCFullYear()
  const day = Math.floor(timeUs / DAY_US)
  const parts: Record<string, number> = {
    microsecond: timeUs - Math.floor(timeUs / 1e6) * 1e6,
    second: date.getUTCSeconds(),
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    quarter: Math.floor(date.getUTCMonth() / 3) + 1,
    year,
    dayOfWeek: ((date.getUTCDay() + 6) % 7) + 1,
    dayOfYear: day - daysOf(year, 1, 1) + 1,
  }
  return parts[name] ?? Number.NaN
}

function later(timeUs: number, amount: bigint, unit: string): number {
  const months = MONTHS[unit]
  if (months === undefined) return timeUs + Number(amount) * (LENGTH_US[unit] ?? 1)
  const date = dateOf(timeUs)
  const month = date.getUTCMonth() + 1 + Number(amount) * months
  if (Math.abs(month) > 200_000) return Number.NaN
  const last = daysOf(date.getUTCFullYear(), month + 1, 0)
  const kept = daysOf(date.getUTCFullYear(), month, 1) + date.getUTCDate() - 1
  return Math.min(last, kept) * DAY_US + (timeUs - Math.floor(timeUs / DAY_US) * DAY_US)
}

/** A pattern's pieces: letters, or text that stands for itself. */
function pieces(pattern: string): { letters: boolean; text: string }[] {
  const found = pattern.matchAll(/'((?:[^']|'')*)'|(SSSSSS|SSS|yyyy|MMM|MM|dd|HH|mm|ss|Z)|(.)/gs)
  return [...found].map(([, quoted, letters, other]) => {
    if (letters !== undefined) return { letters: true, text: letters }
    if (quoted === undefined) return { letters: false, text: other ?? '' }
    return { letters: false, text: quoted === '' ? "'" : quoted.replaceAll("''", "'") }
  })
}

/** The time of its parts by letter, or null where there is no such time. */
export function timeOf(parts: Readonly<Record<string, string>>): number | null {
  const number = (name: string): number => Number(parts[name] ?? 0)
  const month = parts['MMM'] === undefined ? number('MM') : NAMES.indexOf(parts['MMM']) + 1
  const days = daysOf(number('yyyy'), month, number('dd'))
  const date = new Date(days * 86_400_000)
  const same = date.getUTCMonth() + 1 === month && date.getUTCDate() === number('dd')
  if (!same || number('yyyy') < 1 || number('HH') > 23 || number('mm') > 59 || number('ss') > 59) {
    return null
  }
  const [, sign = '+', hours = '0', minutes = '0'] =
    /^([+-])(\d\d):?(\d\d)$/.exec(parts['Z'] ?? '') ?? []
  const zone = Number(hours) * 60 + Number(minutes)
  if (Number(minutes) > 59 || zone > 18 * 60) return null
  const micros = parts['SSSSSS'] === undefined ? number('SSS') * 1000 : number('SSSSSS')
  const local =
    days * DAY_US + (number('HH') * 3600 + number('mm') * 60 + number('ss')) * 1e6 + micros
  const timeUs = local - (sign === '-' ? -zone : zone) * 60e6
  return exists(timeUs, 'timestamp') ? timeUs : null
}

function parsed(text: string, pattern: string): number | null {
  const unix = { unix_s: 6, unix_ms: 3, unix_us: 0, unix_ns: -3 }[pattern]
  if (unix !== undefined) return unixTime(text, unix)
  const parts = pieces(pattern)
  const forms: Record<string, string> = { MMM: NAMES.join('|'), Z: 'Z|[+-]\\d\\d:?\\d\\d' }
  const source = parts.map(piece =>
    piece.letters
      ? `(${forms[piece.text] ?? `\\d{${piece.text.length}}`})`
      : piece.text.replace(/[^\w]/gs, '\\$&'),
  )
  const found = new RegExp(`^${source.join('')}$`).exec(text)
  const names = parts.filter(piece => piece.letters).map(piece => piece.text)
  return found && timeOf(Object.fromEntries(names.map((name, j) => [name, found[j + 1] ?? ''])))
}

/** Digits of a unix time of 10^`digits` µs a unit; what is finer goes, towards the past. */
function unixTime(text: string, digits: number): number | null {
  const form = digits === 6 ? /^(-?)(\d+)(?:\.(\d+))?$/ : /^(-?)(\d+)()$/
  const found = form.exec(text)
  if (found === null) return null
  const [, sign, whole, fraction = ''] = found
  const power = 10n ** BigInt(fraction.length)
  const units = BigInt(`${sign}${whole}${fraction}`)
  const micros =
    digits < 0
      ? floorDivide(units, 1000n * power)
      : floorDivide(units * 10n ** BigInt(digits), power)
  const timeUs = Number(micros)
  return exists(timeUs, 'timestamp') ? timeUs + 0 : null
}

/** A time as text of a pattern. */
export function formatted(timeUs: number, pattern: string): string {
  const date = dateOf(timeUs)
  const micros = part(timeUs, 'microsecond')
  const padded = (value: number, width: number): string => String(value).padStart(width, '0')
  const letters: Record<string, string> = {
    yyyy: padded(date.getUTCFullYear(), 4),
    MMM: NAMES[date.getUTCMonth()] ?? '',
    MM: padded(date.getUTCMonth() + 1, 2),
    dd: padded(date.getUTCDate(), 2),
    HH: padded(date.getUTCHours(), 2),
    mm: padded(date.getUTCMinutes(), 2),
    ss: padded(date.getUTCSeconds(), 2),
    SSS: padded(Math.floor(micros / 1000), 3),
    SSSSSS: padded(micros, 6),
    Z: '+0000',
  }
  return pieces(pattern)
    .map(piece => (piece.letters ? letters[piece.text] : piece.text))
    .join('')
}

export const TIMES: Readonly<Record<string, Meaning>> = {
  timeTrunc: ([a = null, unit], [type]) =>
    a === null ? null : fromUs(truncated(toUs(a, type as Type), unit as string), type as Type),
  timePart: ([a = null, name], [type]) =>
    a === null ? null : BigInt(part(toUs(a, type as Type), name as string)),
  timeAdd: ([a = null, amount = null, unit], [type]) => {
    if (a === null || amount === null) return null
    const value = fromUs(
      later(toUs(a, type as Type), amount as bigint, unit as string),
      type as Type,
    )
    return exists(value, (type as Type).kind) ? value : null
  },
  timeParse: ([a = null, pattern]) => (a === null ? null : parsed(a as string, pattern as string)),
  timeFormat: ([a = null, pattern], [type]) =>
    a === null ? null : formatted(toUs(a, type as Type), pattern as string),
}
