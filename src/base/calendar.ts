/**
 * The calendar: days and microseconds to years, months and days, and text to both.
 *
 * UTC and proleptic Gregorian, before 1970 too. A time is integer µs since 1970 (from 1700 to 2249,
 * so that windows around it stay safe integers), a date is days since 1970 (years 1 to 9999).
 * Days and years convert by the algorithms of H. Hinnant, "chrono-compatible low-level date
 * algorithms": a year begins in March, so that the leap day is its last.
 */

export const MICROS_PER_SECOND = 1_000_000
export const MICROS_PER_MINUTE = 60_000_000
export const MICROS_PER_HOUR = 3_600_000_000
export const MICROS_PER_DAY = 86_400_000_000

/** First and last time there is: 1700-01-01T00:00:00Z and 2249-12-31T23:59:59.999999Z. */
export const TIME_MIN_US = -98_615 * MICROS_PER_DAY
export const TIME_MAX_US = 102_268 * MICROS_PER_DAY - 1

/** First and last date there is: 0001-01-01 and 9999-12-31. */
export const DATE_MIN = -719_162
export const DATE_MAX = 2_932_896

export interface CivilDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
}

export type TimeUnit =
  | 'microsecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'quarter'
  | 'year'

export type TimePart = Exclude<TimeUnit, 'week'> | 'dayOfWeek' | 'dayOfYear'

/** Units of one length each, in µs. */
const LENGTH_US: Partial<Record<TimeUnit, number>> = {
  microsecond: 1,
  second: MICROS_PER_SECOND,
  minute: MICROS_PER_MINUTE,
  hour: MICROS_PER_HOUR,
  day: MICROS_PER_DAY,
  week: 7 * MICROS_PER_DAY,
}

/** Units that are months. */
const MONTHS: Partial<Record<TimeUnit, number>> = { month: 1, quarter: 3, year: 12 }

/** Days since 1970 of a date; `day` may lie outside its month. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The date of days since 1970. */
export function civilFromDays(days: number): CivilDate {
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const dayOfEra = z - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shifted = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shifted < 10 ? shifted + 3 : shifted - 9
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Whether there is such a date in the years 1 to 9999. */
export function civilExists(year: number, month: number, day: number): boolean {
  return (
    year >= 1 &&
    year <= 9999 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(year, month)
  )
}

/** Whether an integer is a time. */
export function timeExists(timeUs: number): boolean {
  return timeUs >= TIME_MIN_US && timeUs <= TIME_MAX_US
}

/** Whether an integer is a date. */
export function dateExists(days: number): boolean {
  return days >= DATE_MIN && days <= DATE_MAX
}

/** The day a time lies in. */
export function dayOfTime(timeUs: number): number {
  return Math.floor(timeUs / MICROS_PER_DAY)
}

/** The first day of the `unit` (day or longer; weeks begin on Monday) that `days` lies in. */
export function truncDate(days: number, unit: TimeUnit): number {
  if (unit === 'week') return days - floorMod(days + 3, 7)
  const months = MONTHS[unit]
  if (months === undefined) return days
  const { year, month } = civilFromDays(days)
  return daysFromCivil(year, month - ((month - 1) % months), 1)
}

/** The start of the `unit` that a time lies in. May lie before `TIME_MIN_US` by less than a week. */
export function truncTime(timeUs: number, unit: TimeUnit): number {
  const length = LENGTH_US[unit]
  if (length !== undefined && unit !== 'week') return timeUs - floorMod(timeUs, length)
  return truncDate(dayOfTime(timeUs), unit) * MICROS_PER_DAY
}

/** A part of a date as people count it: months and days from 1, `dayOfWeek` 1 is Monday. */
export function partOfDate(days: number, part: TimePart): number {
  if (part === 'dayOfWeek') return floorMod(days + 3, 7) + 1
  const { year, month, day } = civilFromDays(days)
  switch (part) {
    case 'day':
      return day
    case 'month':
      return month
    case 'quarter':
      return Math.floor((month + 2) / 3)
    case 'year':
      return year
    case 'dayOfYear':
      return days - daysFromCivil(year, 1, 1) + 1
    default:
      return 0
  }
}

/** A part of a time; `microsecond` is within the second. */
export function partOfTime(timeUs: number, part: TimePart): number {
  switch (part) {
    case 'microsecond':
      return floorMod(timeUs, MICROS_PER_SECOND)
    case 'second':
      return floorMod(Math.floor(timeUs / MICROS_PER_SECOND), 60)
    case 'minute':
      return floorMod(Math.floor(timeUs / MICROS_PER_MINUTE), 60)
    case 'hour':
      return floorMod(Math.floor(timeUs / MICROS_PER_HOUR), 24)
    default:
      return partOfDate(dayOfTime(timeUs), part)
  }
}

/**
 * A date plus `amount` of a `unit` (day or longer). Months keep the day, or take the last of a
 * shorter month. NaN where that is no date.
 */
export function addToDate(days: number, amount: number, unit: TimeUnit): number {
  if (unit === 'day' || unit === 'week') {
    const sum = days + amount * (unit === 'week' ? 7 : 1)
    return dateExists(sum) ? sum : Number.NaN
  }
  const { year, month, day } = civilFromDays(days)
  const months = year * 12 + month - 1 + amount * (MONTHS[unit] ?? 1)
  const toYear = Math.floor(months / 12)
  if (!(toYear >= 1 && toYear <= 9999)) return Number.NaN
  const toMonth = floorMod(months, 12) + 1
  return daysFromCivil(toYear, toMonth, Math.min(day, daysInMonth(toYear, toMonth)))
}

/** A time plus `amount` of a `unit`, the time of day kept. NaN where that is no time. */
export function addToTime(timeUs: number, amount: number, unit: TimeUnit): number {
  const length = LENGTH_US[unit]
  if (length !== undefined) {
    const sum = timeUs + amount * length
    return timeExists(sum) ? sum : Number.NaN
  }
  const days = dayOfTime(timeUs)
  const sum = addToDate(days, amount, unit) * MICROS_PER_DAY + (timeUs - days * MICROS_PER_DAY)
  return timeExists(sum) ? sum : Number.NaN
}

/** The arithmetic of this file in one name, for other modules. */
export const calendar = {
  TIME_MIN_US,
  TIME_MAX_US,
  DATE_MIN,
  DATE_MAX,
  timeExists,
  dateExists,
  civilExists,
  daysFromCivil,
  civilFromDays,
  dayOfTime,
  truncTime,
  truncDate,
  partOfTime,
  partOfDate,
  addToTime,
  addToDate,
} as const

function floorMod(n: number, d: number): number {
  const rest = n % d
  return rest < 0 ? rest + d : rest + 0
}
