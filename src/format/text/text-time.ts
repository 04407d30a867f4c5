/**
 * Time texts to integer microseconds and days: ISO 8601, unix numbers, and patterns.
 *
 * The bytes twin of `timeText` of `base`: forms and values are the same, no string is made.
 * A pattern is compiled to a list of steps once; parsing walks the bytes and fills one scratch
 * record of fields. What is finer than a microsecond is floored, before 1970 too.
 */

import { calendar, MICROS_PER_DAY, PlatformError } from '#base'
import type { TextFault, TextParser } from './text-parser.ts'

/** Offsets from UTC of up to 18 hours. */
const ZONE_MINUTES_MAX = 18 * 60

/** Fields of the text being parsed; one record for all, as parsing never nests. */
const fields = { year: 0, month: 1, day: 1, seconds: 0, micros: 0, zoneMinutes: 0 }

function clearFields(): void {
  fields.year = 1970
  fields.month = 1
  fields.day = 1
  fields.seconds = 0
  fields.micros = 0
  fields.zoneMinutes = 0
}

/** µs since 1970 of the fields; NaN where there is no such day. */
function fieldsUs(): number {
  const { year, month, day } = fields
  if (!calendar.civilExists(year, month, day)) return Number.NaN
  const seconds =
    calendar.daysFromCivil(year, month, day) * 86_400 + fields.seconds - fields.zoneMinutes * 60
  return seconds * 1_000_000 + fields.micros
}

/** The two digits at `at`, −1 where they are none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - 48
  const ones = (bytes[at + 1] as number) - 48
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones
}

/** Reads `yyyy-MM-dd`. */
function isoDate(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 10 || bytes[start + 4] !== 45 || bytes[start + 7] !== 45) return false
  const century = twoDigits(bytes, start)
  const year = twoDigits(bytes, start + 2)
  fields.month = twoDigits(bytes, start + 5)
  fields.day = twoDigits(bytes, start + 8)
  fields.year = century * 100 + year
  return (century | year | fields.month | fields.day) >= 0
}

/** Reads `HH:mm[:ss[.fraction]]` from `start`; where it ends, −1 where it is none. */
function isoClock(bytes: Uint8Array, start: number, end: number): number {
  const hour = twoDigits(bytes, start)
  const minute = twoDigits(bytes, start + 3)
  if (start + 5 > end || bytes[start + 2] !== 58) return -1
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1
  fields.seconds = hour * 3600 + minute * 60
  if (start + 8 > end || bytes[start + 5] !== 58) return start + 5
  const second = twoDigits(bytes, start + 6)
  if (second < 0 || second > 59) return -1
  fields.seconds += second
  const point = bytes[start + 8]
  if (start + 8 >= end || (point !== 46 && point !== 44)) return start + 8
  return fraction(bytes, start + 9, end, 9)
}

/** Reads up to `digits` fraction digits; where they end, −1 where there is none. */
function fraction(bytes: Uint8Array, start: number, end: number, digits: number): number {
  let micros = 0
  let unit = 100_000
  let at = start
  for (; at < end && at - start < digits; at++) {
    const digit = (bytes[at] as number) - 48
    if (digit < 0 || digit > 9) break
    if (unit >= 1) micros += digit * unit
    unit /= 10
  }
  if (at === start) return -1
  fields.micros = micros
  return at
}

/** Reads `Z`, `±hh`, `±hhmm` or `±hh:mm`; where it ends, −1 where it is none. */
function zone(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1
  const sign = bytes[start] as number
  if (sign === 90 || sign === 122) return start + 1
  if (sign !== 43 && sign !== 45) return -1
  const hours = twoDigits(bytes, start + 1)
  if (start + 3 > end || hours < 0) return -1
  const colon = bytes[start + 3] === 58 ? 1 : 0
  let minutes = 0
  let at = start + 3
  if (start + 5 + colon <= end) {
    minutes = twoDigits(bytes, start + 3 + colon)
    if (minutes < 0 || minutes > 59) return -1
    at = start + 5 + colon
  } else if (start + 3 < end) return -1
  const total = hours * 60 + minutes
  if (total > ZONE_MINUTES_MAX) return -1
  fields.zoneMinutes = sign === 45 ? -total : total
  return at
}

/** Whether the slice is an ISO 8601 date, or date and time; fills the fields. */
function isoTime(bytes: Uint8Array, start: number, end: number): boolean {
  clearFields()
  if (!isoDate(bytes, start, end)) return false
  if (end === start + 10) return true
  const separator = bytes[start + 10] as number
  if (separator !== 84 && separator !== 116 && separator !== 32) return false
  const at = isoClock(bytes, start + 11, end)
  return at === end || (at > 0 && zone(bytes, at, end) === end)
}

type TimeReader = (bytes: Uint8Array, start: number, end: number) => number

/** Fills the fields where the slice is of its form. */
type FieldReader = (bytes: Uint8Array, start: number, end: number) => boolean

/** Digits before the microsecond in each unix unit; negative where some go. */
const UNIX_SHIFTS: ReadonlyMap<string, number> = new Map([
  ['unix_s', 6],
  ['unix_ms', 3],
  ['unix_us', 0],
  ['unix_ns', -3],
])

/** Microseconds of a number of units of 10^shift µs, floored; NaN where it is none. */
function unixReader(shift: number): TimeReader {
  return (bytes, start, end) => {
    const negative = start < end && bytes[start] === 45
    const first = negative ? start + 1 : start
    let point = first
    while (point < end && isDigit(bytes[point] as number)) point++
    if (point === first) return Number.NaN
    let wanted = point - first + shift
    let value = 0
    let below = false
    for (let at = first; at < end; at++) {
      if (at === point) {
        if (bytes[at] !== 46 || at + 1 === end || shift !== 6) return Number.NaN
        continue
      }
      const digit = (bytes[at] as number) - 48
      if (digit < 0 || digit > 9) return Number.NaN
      if (wanted > 0) value = value * 10 + digit
      else if (digit > 0) below = true
      wanted--
    }
    for (; wanted > 0; wanted--) value *= 10
    if (!negative) return value
    return below ? -value - 1 : -value
  }
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57
}

/** One step of a pattern: a field, or a byte that must stand there. */
type Step =
  | { readonly kind: 'literal'; readonly byte: number }
  | { readonly kind: 'fraction'; readonly digits: number }
  | PlainStep

interface PlainStep {
  readonly kind: 'yyyy' | 'MMM' | 'MM' | 'dd' | 'HH' | 'mm' | 'ss' | 'Z'
}

const PATTERN_TOKENS = /'((?:[^']|'')*)'|(yyyy|MMM|MM|dd|HH|mm|ss|Z)|S+|[^a-zA-Z']/y

function patternSteps(pattern: string): readonly Step[] {
  const steps: Step[] = []
  PATTERN_TOKENS.lastIndex = 0
  while (PATTERN_TOKENS.lastIndex < pattern.length) {
    const at = PATTERN_TOKENS.lastIndex
    const match = PATTERN_TOKENS.exec(pattern)
    if (match === null) throw invalidPattern(pattern, pattern[at] ?? '')
    const token = match[0]
    if (match[2] !== undefined) steps.push({ kind: match[2] as PlainStep['kind'] })
    else if (token === 'SSS' || token === 'SSSSSS') {
      steps.push({ kind: 'fraction', digits: token.length })
    } else if (token.startsWith('S')) throw invalidPattern(pattern, 'S')
    else {
      const text = token === "''" ? "'" : (match[1]?.replaceAll("''", "'") ?? token)
      for (const byte of Buffer.from(text)) steps.push({ kind: 'literal', byte })
    }
  }
  const has = (kind: Step['kind']): boolean => steps.some(step => step.kind === kind)
  if (!has('yyyy') || !has('dd') || !(has('MM') || has('MMM'))) throw invalidPattern(pattern, '')
  return steps
}

function invalidPattern(pattern: string, letter: string): PlatformError {
  const what = letter === '' ? 'has no full date' : `has the unknown letter "${letter}"`
  return new PlatformError('plan.invalid', `the time pattern "${pattern}" ${what}`, {
    hint: 'Use yyyy, MM or MMM, dd, HH, mm, ss, SSS or SSSSSS, Z, and text in single quotes; or unix_s, unix_ms, unix_us, unix_ns.',
  })
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** The three letters of each month as one number. */
const MONTH_CODES = MONTHS.map(name => monthCode(Buffer.from(name), 0))

function monthCode(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]]
  return (a << 16) | (b << 8) | c
}

/** Whether the whole slice is as the pattern says; fills the fields. */
function patternReader(pattern: string): FieldReader {
  const steps = patternSteps(pattern)
  return (bytes, start, end) => {
    clearFields()
    let at = start
    for (let i = 0; i < steps.length && at >= 0; i++) at = take(steps[i] as Step, bytes, at, end)
    return at === end
  }
}

/** Reads what a step says at `at`; where it ends, −1 where it is not there. */
function take(step: Step, bytes: Uint8Array, at: number, end: number): number {
  switch (step.kind) {
    case 'literal':
      return at < end && bytes[at] === step.byte ? at + 1 : -1
    case 'fraction':
      return fraction(bytes, at, end, step.digits) === at + step.digits ? at + step.digits : -1
    case 'yyyy': {
      const century = twoDigits(bytes, at)
      const year = twoDigits(bytes, at + 2)
      if (at + 4 > end || century < 0 || year < 0) return -1
      fields.year = century * 100 + year
      return at + 4
    }
    case 'MMM':
      fields.month = at + 3 > end ? 0 : MONTH_CODES.indexOf(monthCode(bytes, at)) + 1
      return fields.month === 0 ? -1 : at + 3
    case 'Z':
      return fullZone(bytes, at, end)
    default:
      return takeNumber(step.kind, bytes, at, end)
  }
}

/** A zone as patterns have it: `Z`, `±hhmm` or `±hh:mm`. */
function fullZone(bytes: Uint8Array, at: number, end: number): number {
  const stop = bytes[at + 3] === 58 ? at + 6 : at + 5
  if (at < end && bytes[at] === 90) return at + 1
  return stop <= end && bytes[at] !== 122 && zone(bytes, at, stop) === stop ? stop : -1
}

function takeNumber(
  kind: 'MM' | 'dd' | 'HH' | 'mm' | 'ss',
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const value = at + 2 <= end ? twoDigits(bytes, at) : -1
  if (value < 0) return -1
  if (kind === 'MM') fields.month = value
  else if (kind === 'dd') fields.day = value
  else {
    if (value > (kind === 'HH' ? 23 : 59)) return -1
    fields.seconds += value * (kind === 'HH' ? 3600 : kind === 'mm' ? 60 : 1)
  }
  return at + 2
}

function timeFault(us: number): TextFault {
  if (Number.isNaN(us)) return 'type'
  return calendar.timeExists(us) ? '' : 'range'
}

/** The parser of timestamps; `spec` is `ParseSpec.time`. */
export function timestampParser(spec: string | undefined): TextParser {
  const reader = timeReader(spec)
  return (bytes, start, end, column, row) => {
    const us = reader(bytes, start, end)
    const fault = column.kind === 'num' ? timeFault(us) : 'type'
    if (fault === '' && column.kind === 'num') column.values[row] = us + 0
    return fault
  }
}

function timeReader(spec: string | undefined): TimeReader {
  const shift = UNIX_SHIFTS.get(spec ?? '')
  if (shift !== undefined) return unixReader(shift)
  const fill = spec === undefined ? isoTime : patternReader(spec)
  return (bytes, start, end) => (fill(bytes, start, end) ? fieldsUs() : Number.NaN)
}

/**
 * The parser of dates: `yyyy-MM-dd`; by a pattern the day that the text names, whatever its zone; or
 * the UTC day of a unix time.
 */
export function dateParser(spec: string | undefined): TextParser {
  const read = dayReader(spec)
  return (bytes, start, end, column, row) => {
    const days = read(bytes, start, end)
    if (Number.isNaN(days) || column.kind !== 'num') return 'type'
    if (!calendar.dateExists(days)) return 'range'
    column.values[row] = days + 0
    return ''
  }
}

function dayReader(spec: string | undefined): TimeReader {
  const shift = UNIX_SHIFTS.get(spec ?? '')
  if (shift !== undefined) {
    const unix = unixReader(shift)
    return (bytes, start, end) => {
      const us = unix(bytes, start, end)
      return calendar.timeExists(us) ? Math.floor(us / MICROS_PER_DAY) : us
    }
  }
  const fill = spec === undefined ? isoDay : patternReader(spec)
  return (bytes, start, end) => (fill(bytes, start, end) ? fieldsDay() : Number.NaN)
}

/** Whether the whole slice is `yyyy-MM-dd`. */
const isoDay: FieldReader = (bytes, start, end) => {
  clearFields()
  return end === start + 10 && isoDate(bytes, start, end)
}

/** Days since 1970 of the fields; NaN where there is no such day. */
function fieldsDay(): number {
  const { year, month, day } = fields
  if (!calendar.civilExists(year, month, day)) return Number.NaN
  return calendar.daysFromCivil(year, month, day)
}
