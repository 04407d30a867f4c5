/**
 * Text of times and dates: ISO 8601, unix numbers, and patterns as logs and exports have them.
 *
 * A pattern is made of the letters of `LETTERS`, text in single quotes (`''` is a quote) and any
 * other characters, which stand for themselves. UTC where it has no zone.
 */

import {
  civilExists,
  civilFromDays,
  dayOfTime,
  daysFromCivil,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
  MICROS_PER_SECOND,
  timeExists,
} from './calendar.ts'
import { PlatformError } from './errors.ts'

const MONTH_NAMES = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
]

/** What is known while text is read and written. */
interface Fields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  micros: number
  zoneMinutes: number
}

interface Letters {
  readonly source: string
  read(text: string, fields: Fields): void
  write(fields: Fields): string
}

const digits = (length: number, field: keyof Fields): Letters => ({
  source: `[0-9]{${length}}`,
  read: (text, fields) => {
    fields[field] = Number(text)
  },
  write: fields => String(fields[field]).padStart(length, '0'),
})

/** The letters of patterns; longer ones are looked for first. */
const LETTERS: Readonly<Record<string, Letters>> = {
  SSSSSS: digits(6, 'micros'),
  yyyy: digits(4, 'year'),
  SSS: {
    source: '[0-9]{3}',
    read: (text, fields) => {
      fields.micros = Number(text) * 1000
    },
    write: fields => String(Math.floor(fields.micros / 1000)).padStart(3, '0'),
  },
  MMM: {
    source: MONTH_NAMES.join('|'),
    read: (text, fields) => {
      fields.month = MONTH_NAMES.indexOf(text) + 1
    },
    write: fields => MONTH_NAMES[fields.month - 1] ?? '',
  },
  MM: digits(2, 'month'),
  dd: digits(2, 'day'),
  HH: digits(2, 'hour'),
  mm: digits(2, 'minute'),
  ss: digits(2, 'second'),
  Z: {
    source: 'Z|[+-][0-9]{2}:?[0-9]{2}',
    read: (text, fields) => {
      fields.zoneMinutes = zoneMinutes(text)
    },
    write: () => '+0000',
  },
}

/** Reads and writes times in one form. */
export interface TimeText {
  /** µs since 1970, or undefined where the text is not of this form or is no time. */
  parse(text: string): number | undefined
  /** Days since 1970 of the day the text names (years 1 to 9999), its zone not applied. */
  parseDate(text: string): number | undefined
  format(timeUs: number): string
}

const UNIX: Readonly<Record<string, { pattern: RegExp; fractionDigits: number }>> = {
  unix_s: { pattern: /^-?[0-9]+(?:\.[0-9]+)?$/, fractionDigits: 6 },
  unix_ms: { pattern: /^-?[0-9]+$/, fractionDigits: 3 },
  unix_us: { pattern: /^-?[0-9]+$/, fractionDigits: 0 },
  unix_ns: { pattern: /^-?[0-9]+$/, fractionDigits: -3 },
}

/**
 * The form of `unix_s` (fraction allowed), `unix_ms`, `unix_us`, `unix_ns` or a pattern of `yyyy MM
 * dd HH mm ss SSS SSSSSS MMM Z`. Digits finer than a microsecond are dropped, towards the past.
 *
 * @throws PlatformError `plan.invalid` for a pattern without a year, month and day, or with a letter
 *   that stands for nothing
 */
export function timeText(form: string): TimeText {
  const unix = UNIX[form]
  return unix === undefined ? patternText(form) : unixText(unix.pattern, unix.fractionDigits)
}

function unixText(pattern: RegExp, fractionDigits: number): TimeText {
  const parse = (text: string): number | undefined => {
    if (!pattern.test(text)) return undefined
    const [whole = '', fraction = ''] = text.split('.')
    const negative = whole.startsWith('-')
    const micros =
      fractionDigits < 0
        ? floorDivide(BigInt(whole), 1000n)
        : BigInt(whole + fraction.slice(0, fractionDigits).padEnd(fractionDigits, '0'))
    const cut = negative && /[1-9]/.test(fraction.slice(Math.max(fractionDigits, 0)))
    const time = Number(cut ? micros - 1n : micros)
    return timeExists(time) ? time + 0 : undefined
  }
  return {
    parse,
    parseDate: text => {
      const time = parse(text)
      return time === undefined ? undefined : dayOfTime(time)
    },
    format: timeUs => {
      if (fractionDigits <= 0) return `${timeUs}${fractionDigits < 0 ? '000' : ''}`
      return String(Math.floor(timeUs / 10 ** fractionDigits))
    },
  }
}

function floorDivide(n: bigint, d: bigint): bigint {
  const quotient = n / d
  return n % d < 0n ? quotient - 1n : quotient
}

/** A pattern's pieces: letters, or text that stands for itself. */
function piecesOf(pattern: string): (Letters | string)[] {
  const pieces: (Letters | string)[] = []
  for (let at = 0; at < pattern.length; ) {
    const quoted = /^'((?:[^']|'')*)'/.exec(pattern.slice(at))
    const name = Object.keys(LETTERS).find(letters => pattern.startsWith(letters, at))
    const letters = name === undefined ? undefined : LETTERS[name]
    if (quoted !== null) {
      pieces.push(quoted[1] === '' ? "'" : (quoted[1] ?? '').replaceAll("''", "'"))
      at += quoted[0].length
    } else if (name !== undefined && letters !== undefined) {
      pieces.push(letters)
      at += name.length
    } else {
      const character = pattern[at] ?? ''
      if (/[a-zA-Z']/.test(character)) {
        throw new PlatformError('plan.invalid', `"${character}" in the time pattern "${pattern}"`, {
          hint: `Letters are ${Object.keys(LETTERS).join(', ')}; other text stands in single quotes.`,
        })
      }
      pieces.push(character)
      at++
    }
  }
  return pieces
}

function patternText(pattern: string): TimeText {
  const pieces = piecesOf(pattern)
  const letters = pieces.filter(piece => typeof piece !== 'string')
  const has = (...names: string[]) => names.some(name => letters.some(l => l === LETTERS[name]))
  if (!(has('yyyy') && has('MM', 'MMM') && has('dd'))) {
    throw new PlatformError('plan.invalid', `the time pattern "${pattern}" gives no date`, {
      hint: 'It needs yyyy, MM or MMM, and dd.',
    })
  }
  const source = pieces.map(piece =>
    typeof piece === 'string' ? escaped(piece) : `(${piece.source})`,
  )
  const text = new RegExp(`^${source.join('')}$`)
  const read = (input: string): Fields | undefined => {
    const found = text.exec(input)
    if (found === null) return undefined
    const fields = emptyFields()
    for (const [index, letter] of letters.entries()) letter.read(found[index + 1] ?? '', fields)
    return clockExists(fields) ? fields : undefined
  }
  return {
    parse: input => {
      const fields = read(input)
      return fields === undefined ? undefined : timeOfFields(fields)
    },
    parseDate: input => {
      const fields = read(input)
      return fields === undefined ? undefined : daysFromCivil(fields.year, fields.month, fields.day)
    },
    format: timeUs => {
      const fields = fieldsOfTime(timeUs)
      return pieces.map(piece => (typeof piece === 'string' ? piece : piece.write(fields))).join('')
    },
  }
}

const ISO_TIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?$/
const ISO_DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/

/**
 * µs since 1970 of `2024-05-01T12:30:00`, with a space for the `T`, a fraction, and `Z` or an offset
 * `+01:00` where it has them; undefined for other text. Digits finer than µs are dropped.
 */
function parseIsoTime(text: string): number | undefined {
  const found = ISO_TIME.exec(text)
  if (found === null) return undefined
  const fields = emptyFields()
  fields.year = Number(found[1])
  fields.month = Number(found[2])
  fields.day = Number(found[3])
  fields.hour = Number(found[4])
  fields.minute = Number(found[5])
  fields.second = Number(found[6])
  fields.micros = Number((found[7] ?? '').slice(0, 6).padEnd(6, '0'))
  fields.zoneMinutes = zoneMinutes(found[8] ?? 'Z')
  return clockExists(fields) ? timeOfFields(fields) : undefined
}

/** `2024-05-01T12:30:00.000000Z`: the canonical text of a time. */
function formatIsoTime(timeUs: number): string {
  const f = fieldsOfTime(timeUs)
  return `${isoDay(f)}T${two(f.hour)}:${two(f.minute)}:${two(f.second)}.${String(f.micros).padStart(6, '0')}Z`
}

/** Days since 1970 of `2024-05-01`, or undefined. */
function parseIsoDate(text: string): number | undefined {
  const found = ISO_DATE.exec(text)
  if (found === null) return undefined
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])]
  return civilExists(year, month, day) ? daysFromCivil(year, month, day) : undefined
}

/** `2024-05-01`: the canonical text of a date. */
function formatIsoDate(days: number): string {
  return isoDay(civilFromDays(days))
}

/** The canonical text of times, and what is read as one. */
export const isoTime = { parse: parseIsoTime, format: formatIsoTime } as const

/** The canonical text of dates, the only one that is read. */
export const isoDate = { parse: parseIsoDate, format: formatIsoDate } as const

function isoDay(date: { year: number; month: number; day: number }): string {
  return `${String(date.year).padStart(4, '0')}-${two(date.month)}-${two(date.day)}`
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n)
}

function emptyFields(): Fields {
  return { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0, zoneMinutes: 0 }
}

function fieldsOfTime(timeUs: number): Fields {
  const days = Math.floor(timeUs / MICROS_PER_DAY)
  const rest = timeUs - days * MICROS_PER_DAY
  const seconds = Math.floor(rest / MICROS_PER_SECOND)
  return {
    ...civilFromDays(days),
    hour: Math.floor(seconds / 3600),
    minute: Math.floor(seconds / 60) % 60,
    second: seconds % 60,
    micros: rest % MICROS_PER_SECOND,
    zoneMinutes: 0,
  }
}

function clockExists(f: Fields): boolean {
  if (!civilExists(f.year, f.month, f.day)) return false
  return f.hour <= 23 && f.minute <= 59 && f.second <= 59 && !Number.isNaN(f.zoneMinutes)
}

function timeOfFields(f: Fields): number | undefined {
  const seconds = (f.hour * 60 + f.minute) * 60 + f.second
  const local =
    daysFromCivil(f.year, f.month, f.day) * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + f.micros
  const time = local - f.zoneMinutes * MICROS_PER_MINUTE
  return timeExists(time) ? time : undefined
}

/** Minutes east of UTC of `Z`, `+01:00` or `+0100`; NaN where there is no such zone. */
function zoneMinutes(text: string): number {
  if (text === 'Z') return 0
  const plain = text.replace(':', '')
  const minutes = Number(plain.slice(3))
  const total = Number(plain.slice(1, 3)) * 60 + minutes
  if (minutes > 59 || total > 18 * 60) return Number.NaN
  return text.startsWith('-') ? -total : total
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
