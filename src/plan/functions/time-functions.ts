/**
 * Functions of times and dates: UTC, proleptic Gregorian, before 1970 too (module base, calendar).
 */

import { PlatformError, type TimePart, type TimeUnit, timeText } from '#base'
import {
  type Argument,
  anyNullable,
  countRefused,
  DATE,
  example,
  type FunctionSpec,
  INT32,
  INT64,
  integer,
  kindRefused,
  type Refusal,
  refused,
  STRING,
  TIMESTAMP,
  typeText,
  withNull,
} from './signature.ts'

const TRUNC_UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const
const ADD_UNITS = ['microsecond', ...TRUNC_UNITS] as const
const PARTS = [
  'microsecond',
  'second',
  'minute',
  'hour',
  'day',
  'month',
  'quarter',
  'year',
  'dayOfWeek',
  'dayOfYear',
] as const

/** Units below a day, which dates do not have. */
const OF_TIMES: ReadonlySet<string> = new Set(['microsecond', 'second', 'minute', 'hour'])

TRUNC_UNITS satisfies readonly TimeUnit[]
PARTS satisfies readonly TimePart[]

/** The refusal of a unit that is none of `units`, or none that the first argument has. */
function unitRefused(
  args: readonly Argument[],
  at: number,
  units: readonly string[],
): Refusal | undefined {
  const unit = args[at]?.literal
  if (typeof unit !== 'string' || !units.includes(unit)) {
    return refused(`takes one of ${units.join(', ')}, not ${JSON.stringify(unit) ?? 'a column'}`)
  }
  const type = args[0]?.type.kind
  return type === 'date' && OF_TIMES.has(unit) ? refused(`has no "${unit}" of a date`) : undefined
}

function patternRefused(args: readonly Argument[], unixTaken: boolean): Refusal | undefined {
  const pattern = args[1]?.literal
  if (typeof pattern !== 'string') return refused('takes a pattern as text')
  if (!unixTaken && pattern.startsWith('unix_'))
    return refused('writes no unix numbers; cast to int64')
  try {
    timeText(pattern)
    return undefined
  } catch (error) {
    if (error instanceof PlatformError) return refused(`takes no such pattern: ${error.message}`)
    throw error
  }
}

const ofTimes = (args: readonly Argument[]): Refusal | undefined =>
  kindRefused(args.slice(0, 1), ['timestamp', 'date'])

/** 2024-05-17T13:45:30.123456Z, a Friday, and 1969-11-09T22:10:09.5Z, a Sunday. */
const MAY = 1715953530123456
const NOVEMBER = -4499390500000
const DAY_US = 86_400_000_000

export const TIME_FUNCTIONS = {
  timeTrunc: {
    meaning:
      'The start of the second, minute, hour, day, week (from Monday), month, quarter or year.',
    literal: index => index === 1,
    check: args => {
      const wrong = countRefused(args, 2) ?? ofTimes(args) ?? unitRefused(args, 1, TRUNC_UNITS)
      return wrong ?? args[0]?.type ?? refused('takes a time')
    },
    examples: [
      ...example(
        [TIMESTAMP, STRING],
        TIMESTAMP,
        [[MAY, 'second'], 1715953530000000],
        [[MAY, 'minute'], 1715953500000000],
        [[MAY, 'hour'], 1715950800000000],
        [[MAY, 'day'], 19860 * DAY_US],
        [[MAY, 'week'], 19856 * DAY_US],
        [[MAY, 'month'], 19844 * DAY_US],
        [[MAY, 'quarter'], 19814 * DAY_US],
        [[MAY, 'year'], 19723 * DAY_US],
        [[NOVEMBER, 'hour'], -4500000000000],
        [[NOVEMBER, 'day'], -53 * DAY_US],
        [[NOVEMBER, 'week'], -59 * DAY_US],
        [[NOVEMBER, 'month'], -61 * DAY_US],
        [[NOVEMBER, 'quarter'], -92 * DAY_US],
        [[NOVEMBER, 'year'], -365 * DAY_US],
        [[-1, 'second'], -1000000],
      ),
      ...example(
        [DATE, STRING],
        DATE,
        [[19860, 'week'], 19856],
        [[-53, 'month'], -61],
        [[19860, 'day'], 19860],
      ),
      ...example([withNull(TIMESTAMP), STRING], withNull(TIMESTAMP), [[null, 'day'], null]),
    ],
  },
  timePart: {
    meaning:
      'A part as a number: microsecond (in its second), second, minute, hour, day, month, quarter, year, dayOfWeek (1 is Monday), dayOfYear.',
    literal: index => index === 1,
    check: args =>
      countRefused(args, 2) ??
      ofTimes(args) ??
      unitRefused(args, 1, PARTS) ??
      withNull(INT32, anyNullable(args)),
    examples: [
      ...example(
        [TIMESTAMP, STRING],
        INT32,
        [[MAY, 'microsecond'], 123456],
        [[MAY, 'second'], 30],
        [[MAY, 'minute'], 45],
        [[MAY, 'hour'], 13],
        [[MAY, 'day'], 17],
        [[MAY, 'month'], 5],
        [[MAY, 'quarter'], 2],
        [[MAY, 'year'], 2024],
        [[MAY, 'dayOfWeek'], 5],
        [[MAY, 'dayOfYear'], 138],
        [[NOVEMBER, 'microsecond'], 500000],
        [[NOVEMBER, 'second'], 9],
        [[NOVEMBER, 'hour'], 22],
        [[NOVEMBER, 'year'], 1969],
        [[NOVEMBER, 'dayOfWeek'], 7],
        [[NOVEMBER, 'dayOfYear'], 313],
      ),
      ...example(
        [DATE, STRING],
        INT32,
        [[-1, 'day'], 31],
        [[19782, 'dayOfYear'], 60],
        [[-719162, 'year'], 1],
      ),
      ...example([withNull(DATE), STRING], withNull(INT32), [[null, 'year'], null]),
    ],
  },
  timeAdd: {
    meaning:
      'The time an integer number of units later, or earlier where it is negative; months keep the day, or take the last of a shorter month.',
    literal: index => index === 2,
    check: args => {
      const wrong = countRefused(args, 3) ?? ofTimes(args) ?? unitRefused(args, 2, ADD_UNITS)
      const [time, amount] = args
      if (wrong !== undefined || time === undefined || amount === undefined)
        return wrong ?? refused('takes a time')
      if (!integer(amount.type)) return refused(`adds integers, not ${typeText(amount.type)}`)
      return withNull(time.type)
    },
    examples: [
      ...example(
        [TIMESTAMP, INT32, STRING],
        withNull(TIMESTAMP),
        [[-1, 1, 'microsecond'], 0],
        [[0, -2, 'hour'], -7200000000],
        [[0, 1, 'week'], 7 * DAY_US],
        [[19753 * DAY_US + 5, 1, 'month'], 19782 * DAY_US + 5],
        [[0, 1, 'quarter'], 90 * DAY_US],
        [[0, -1, 'year'], -365 * DAY_US],
        [[0, 2000, 'year'], null],
      ),
      ...example(
        [TIMESTAMP, INT64, STRING],
        withNull(TIMESTAMP),
        [[0, 9223372036854775807n, 'day'], null],
        [[0, 1n, 'second'], 1000000],
      ),
      ...example(
        [DATE, INT32, STRING],
        withNull(DATE),
        [[19753, 1, 'month'], 19782],
        [[19782, -1, 'year'], 19416],
        [[2932896, 1, 'day'], null],
      ),
      ...example([DATE, withNull(INT32), STRING], withNull(DATE), [[0, null, 'day'], null]),
    ],
  },
  timeParse: {
    meaning:
      'The time that text of a pattern says: unix_s, unix_ms, unix_us, unix_ns, or letters yyyy MM MMM dd HH mm ss SSS SSSSSS Z; null for other text.',
    literal: index => index === 1,
    check: args =>
      countRefused(args, 2) ??
      kindRefused(args, ['string']) ??
      patternRefused(args, true) ??
      withNull(TIMESTAMP),
    examples: [
      ...example(
        [STRING, STRING],
        withNull(TIMESTAMP),
        [['2010-12-01 08:26:00', 'yyyy-MM-dd HH:mm:ss'], 1291191960000000],
        [['2019-10-01 00:00:00 UTC', "yyyy-MM-dd HH:mm:ss 'UTC'"], 1569888000000000],
        [['10/Oct/2000:13:55:36 -0700', 'dd/MMM/yyyy:HH:mm:ss Z'], 971211336000000],
        [['20240229', 'yyyyMMdd'], 1709164800000000],
        [['20230229', 'yyyyMMdd'], null],
        [['2024-02-29 ', 'yyyy-MM-dd'], null],
        [['1396321200.781', 'unix_s'], 1396321200781000],
        [['-1', 'unix_ns'], -1],
        [['1723112400123', 'unix_ms'], 1723112400123000],
        [['', 'unix_s'], null],
      ),
      ...example([withNull(STRING), STRING], withNull(TIMESTAMP), [[null, 'unix_s'], null]),
    ],
  },
  timeFormat: {
    meaning: 'The time or date as text of a pattern of letters (see timeParse); Z is `+0000`.',
    literal: index => index === 1,
    check: args =>
      countRefused(args, 2) ??
      ofTimes(args) ??
      kindRefused(args.slice(1), ['string']) ??
      patternRefused(args, false) ??
      withNull(STRING, anyNullable(args)),
    examples: [
      ...example(
        [TIMESTAMP, STRING],
        STRING,
        [[MAY, 'dd MMM yyyy, HH:mm:ss.SSS Z'], '17 May 2024, 13:45:30.123 +0000'],
        [[-1, 'yyyy-MM-dd HH:mm:ss.SSSSSS'], '1969-12-31 23:59:59.999999'],
      ),
      ...example(
        [DATE, STRING],
        STRING,
        [[-719162, 'yyyy-MM-dd'], '0001-01-01'],
        [[19860, "yyyyMMdd'T'HHmm"], '20240517T0000'],
      ),
      ...example([withNull(DATE), STRING], withNull(STRING), [[null, 'yyyyMMdd'], null]),
    ],
  },
} as const satisfies Record<string, FunctionSpec>
