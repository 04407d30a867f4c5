import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addToDate,
  addToTime,
  civilFromDays,
  DATE_MAX,
  DATE_MIN,
  daysFromCivil,
  MICROS_PER_DAY,
  MICROS_PER_HOUR,
  partOfDate,
  partOfTime,
  TIME_MAX_US,
  TIME_MIN_US,
  truncDate,
  truncTime,
} from './calendar.ts'
import { isoDate, isoTime } from './time-text.ts'

const day = (text: string): number => {
  const [year = 0, month = 0, date = 0] = text.split('-').map(Number)
  return daysFromCivil(year, month, date)
}
const time = (text: string): number => isoTime.parse(text) ?? Number.NaN

test('days and dates agree with the calendar of ECMAScript over ten thousand years', () => {
  const anyDay = fc.integer({ min: DATE_MIN, max: DATE_MAX })
  fc.assert(
    fc.property(anyDay, days => {
      const date = new Date(days * 86_400_000)
      const civil = civilFromDays(days)
      assert.deepEqual(civil, {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      })
      assert.equal(daysFromCivil(civil.year, civil.month, civil.day), days)
      assert.equal(partOfDate(days, 'dayOfWeek'), ((date.getUTCDay() + 6) % 7) + 1)
    }),
    { seed: 7, numRuns: 2000 },
  )
})

test('the bounds of times and dates are the days they say', () => {
  assert.equal(isoDate.format(DATE_MIN), '0001-01-01')
  assert.equal(isoDate.format(DATE_MAX), '9999-12-31')
  assert.equal(TIME_MIN_US, Date.UTC(1700, 0, 1) * 1000)
  assert.equal(TIME_MAX_US, Date.UTC(2250, 0, 1) * 1000 - 1)
})

test('a unit starts at or before the time in it, before 1970 too', () => {
  assert.equal(truncTime(time('1969-12-31T23:59:59.5'), 'second'), time('1969-12-31T23:59:59'))
  assert.equal(truncTime(-1, 'day'), -MICROS_PER_DAY)
  assert.equal(truncTime(time('1969-12-31T22:10:00'), 'hour'), time('1969-12-31T22:00:00'))
  assert.equal(truncTime(time('1969-05-17T22:10:00'), 'quarter'), time('1969-04-01T00:00:00'))
  assert.equal(truncDate(day('2024-12-31'), 'year'), day('2024-01-01'))
  assert.equal(truncDate(day('2024-03-31'), 'month'), day('2024-03-01'))
})

test('a week begins on Monday', () => {
  assert.equal(truncDate(day('2024-09-01'), 'week'), day('2024-08-26'))
  assert.equal(truncDate(day('2024-08-26'), 'week'), day('2024-08-26'))
  assert.equal(truncDate(day('1969-12-28'), 'week'), day('1969-12-22'))
})

test('parts are as people count them', () => {
  const at = time('1969-11-09T07:08:09.000010')
  const parts = [
    'year',
    'quarter',
    'month',
    'day',
    'hour',
    'minute',
    'second',
    'microsecond',
  ] as const
  assert.deepEqual(
    parts.map(part => partOfTime(at, part)),
    [1969, 4, 11, 9, 7, 8, 9, 10],
  )
  assert.equal(partOfTime(at, 'dayOfWeek'), 7)
  assert.equal(partOfDate(day('2024-12-31'), 'dayOfYear'), 366)
})

test('months keep the day or take the last of a shorter month', () => {
  assert.equal(addToDate(day('2024-01-31'), 1, 'month'), day('2024-02-29'))
  assert.equal(addToDate(day('2024-02-29'), -1, 'year'), day('2023-02-28'))
  assert.equal(addToDate(day('2024-11-30'), 1, 'quarter'), day('2025-02-28'))
  assert.equal(addToDate(day('2024-01-15'), -13, 'month'), day('2022-12-15'))
  assert.equal(addToTime(time('1968-02-29T12:00:00'), 12, 'month'), time('1969-02-28T12:00:00'))
  assert.equal(addToTime(-1, 1, 'hour'), MICROS_PER_HOUR - 1)
})

test('what would be no date or time is not a number', () => {
  assert.ok(Number.isNaN(addToDate(DATE_MAX, 1, 'day')))
  assert.ok(Number.isNaN(addToDate(DATE_MAX, 1, 'month')))
  assert.ok(Number.isNaN(addToTime(TIME_MAX_US, 1, 'microsecond')))
  assert.ok(Number.isNaN(addToTime(TIME_MIN_US, -1, 'year')))
  assert.ok(Number.isNaN(addToDate(0, 1e300, 'month')))
})
