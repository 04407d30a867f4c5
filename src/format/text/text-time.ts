/**
 * Time texts to integer microseconds and days: ISO 8601, unix numbers, and patterns.
 *
 * A pattern is compiled to a list of steps once; parsing walks the bytes and fills one scratch
 * record of fields. What is finer than a microsecond is floored, before 1970 too.
 */

import { calendar, MICROS_PER_DAY, PlatformError } from '#base'
import type { TextFault, TextParser } from './text-parser.ts'

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
  if (start + 3 > end || hours < 0 || hours > 23) return -1
  const colon = bytes[start + 3] === 58 ? 1 : 0
  let minutes = 0
  let at = start + 3
  if (start + 5 + colon <= end) {
    minutes = twoDigits(bytes, start + 3 + colon)
    if (minutes < 0 || minutes > 59) return -1
    at = start + 5 + colon
  } else if (start + 3 < end) return -1
  fields.zoneMinutes = (hours * 60 + minutes) * (sign === 45 ? -1 : 1)
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

const isoUs: TimeReader = (bytes, start, end) =>
  isoTime(bytes, start, end) ? fieldsUs() : Number.NaN

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
        if (bytes[at] !== 46 || at + 1 === end) return Number.NaN
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
  | { readonly kind: 'yyyy' | 'MMM' | 'Z' }
  | { readonly kind: 'M' | 'd' | 'H' | 'm' | 's'; readonly digitsMin: number }

const PATTERN_TOKENS = /'((?:[^']|'')*)'|yyyy|MMM|S+|(MM?|dd?|HH?|mm|ss)|Z|[^a-zA-Z]/y

function patternSteps(pattern: string): readonly Step[] {
  const steps: Step[] = []
  PATTERN_TOKENS.lastIndex = 0
  while (PATTERN_TOKENS.lastIndex < pattern.length) {
    const at = PATTERN_TOKENS.lastIndex
    const match = PATTERN_TOKENS.exec(pattern)
    if (match === null) throw invalidPattern(pattern, pattern[at] ?? '')
    const token = match[0]
    if (token === 'yyyy' || token === 'MMM' || token === 'Z') steps.push({ kind: token })
    else if (match[2] !== undefined) {
      const kind = token[0] as 'M' | 'd' | 'H' | 'm' | 's'
      steps.push({ kind, digitsMin: token.length })
    } else if (token.startsWith('S')) steps.push({ kind: 'fraction', digits: token.length })
    else {
      const text = token === "''" ? "'" : (match[1]?.replaceAll("''", "'") ?? token)
      for (const byte of Buffer.from(text)) steps.push({ kind: 'literal', byte })
    }
  }
  const has = (kind: Step['kind']): boolean => steps.some(step => step.kind === kind)
  if (!has('yyyy') || !has('d') || !(has('M') || has('MMM'))) throw invalidPattern(pattern, '')
  return steps
}

function invalidPattern(pattern: string, letter: string): PlatformError {
  const what = letter === '' ? 'has no full date' : `has the unknown letter "${letter}"`
  return new PlatformError('plan.invalid', `the time pattern "${pattern}" ${what}`, {
    hint: "Use yyyy, MM or M or MMM, dd or d, HH or H, mm, ss, S…, Z, and literal text in '…'; or unix_s, unix_ms, unix_us, unix_ns.",
  })
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
/** The three letters of each month as one number. */
const MONTH_CODES = MONTHS.map(name => monthCode(Buffer.from(name), 0))

function monthCode(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]]
  return ((a | 32) << 16) | ((b | 32) << 8) | (c | 32)
}

function patternReader(pattern: string): TimeReader {
  const steps = patternSteps(pattern)
  return (bytes, start, end) => {
    clearFields()
    let at = start
    for (let i = 0; i < steps.length && at >= 0; i++) at = take(steps[i] as Step, bytes, at, end)
    return at === end ? fieldsUs() : Number.NaN
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
      return zone(bytes, at, end)
    default:
      return takeNumber(step.kind, step.digitsMin, bytes, at, end)
  }
}

function takeNumber(
  kind: 'M' | 'd' | 'H' | 'm' | 's',
  digitsMin: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  let value = at + 2 <= end ? twoDigits(bytes, at) : -1
  let next = at + 2
  if (value < 0) {
    if (digitsMin === 2 || at >= end || !isDigit(bytes[at] as number)) return -1
    value = (bytes[at] as number) - 48
    next = at + 1
  }
  if (kind === 'M') fields.month = value
  else if (kind === 'd') fields.day = value
  else {
    if (value > (kind === 'H' ? 23 : 59)) return -1
    fields.seconds += value * (kind === 'H' ? 3600 : kind === 'm' ? 60 : 1)
  }
  return next
}

function timeReader(spec: string | undefined): TimeReader {
  if (spec === undefined) return isoUs
  const shift = UNIX_SHIFTS.get(spec)
  return shift === undefined ? patternReader(spec) : unixReader(shift)
}

function timeFault(us: number): TextFault {
  if (Number.isNaN(us)) return 'type'
  return calendar.timeExists(us) ? '' : 'range'
}

/** The parser of timestamps; `spec` is `ParseSpec.time`. */
export function timestampParser(spec: string | undefined): TextParser {
  const read = timeReader(spec)
  return (bytes, start, end, column, row) => {
    const us = read(bytes, start, end)
    const fault = column.kind === 'num' ? timeFault(us) : 'type'
    if (fault === '' && column.kind === 'num') column.values[row] = us
    return fault
  }
}

/** The parser of dates: `yyyy-MM-dd`, or the UTC day of what `spec` reads. */
export function dateParser(spec: string | undefined): TextParser {
  const read = timeReader(spec)
  return (bytes, start, end, column, row) => {
    if (spec === undefined && end - start !== 10) return 'type'
    const days = Math.floor(read(bytes, start, end) / MICROS_PER_DAY)
    if (Number.isNaN(days) || column.kind !== 'num') return 'type'
    if (!calendar.dateExists(days)) return 'range'
    column.values[row] = days
    return ''
  }
}
