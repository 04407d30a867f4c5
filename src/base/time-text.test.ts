import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TIME_MAX_US, TIME_MIN_US } from './calendar.ts'
import { isoDate, isoTime, timeText } from './time-text.ts'

test('ISO text of a time reads back as the time', () => {
  fc.assert(
    fc.property(fc.integer({ min: TIME_MIN_US, max: TIME_MAX_US }), time => {
      assert.equal(isoTime.parse(isoTime.format(time)), time)
    }),
    { seed: 7, numRuns: 1000 },
  )
})

test('ISO times may have a space, a fraction and an offset', () => {
  assert.equal(isoTime.parse('1970-01-01 00:00:01'), 1_000_000)
  assert.equal(isoTime.parse('1970-01-01T01:00:00+01:00'), 0)
  assert.equal(isoTime.parse('1969-12-31T23:59:59.9999999Z'), -1)
  assert.equal(isoTime.parse('1970-01-01T00:00:00.5Z'), 500_000)
  assert.equal(isoTime.format(-1), '1969-12-31T23:59:59.999999Z')
})

test('text that is no time or date is undefined', () => {
  const bad = [
    '',
    '1970-01-01',
    '1970-02-30T00:00:00',
    '1970-01-01T24:00:00',
    '1970-01-01T00:60:00',
    '1970-01-01T00:00:60',
    '1970-01-01T00:00:00 ',
    '1970-01-01T00:00:00+1:00',
    '1970-01-01T00:00:00+19:00',
    '1600-01-01T00:00:00',
    '9999-12-31T23:59:59',
    '70-01-01T00:00:00',
  ]
  for (const text of bad) assert.equal(isoTime.parse(text), undefined, text)
  for (const text of ['', '0000-01-01', '2023-02-29', '2024-2-01', '2024-02-01T00:00:00']) {
    assert.equal(isoDate.parse(text), undefined, text)
  }
  assert.equal(isoDate.parse('2024-02-29'), 19_782)
  assert.equal(isoDate.format(-1), '1969-12-31')
})

test('patterns read and write the same text', () => {
  const cases: [pattern: string, text: string, iso: string][] = [
    ['yyyy-MM-dd HH:mm:ss', '2010-12-01 08:26:00', '2010-12-01T08:26:00Z'],
    ["yyyy-MM-dd HH:mm:ss 'UTC'", '2019-10-01 00:00:00 UTC', '2019-10-01T00:00:00Z'],
    ['dd/MMM/yyyy:HH:mm:ss Z', '10/Oct/2000:13:55:36 +0000', '2000-10-10T13:55:36Z'],
    ['yyyyMMdd', '19691231', '1969-12-31T00:00:00Z'],
    ["dd.MM.yyyy HH 'o''clock'", "01.02.2003 04 o'clock", '2003-02-01T04:00:00Z'],
    ['yyyy-MM-dd HH:mm:ss.SSSSSS', '1969-12-31 23:59:59.999999', '1969-12-31T23:59:59.999999Z'],
    ['yyyy-MM-dd HH:mm:ss.SSS', '1969-12-31 23:59:59.250', '1969-12-31T23:59:59.25Z'],
  ]
  for (const [pattern, text, iso] of cases) {
    const form = timeText(pattern)
    assert.equal(form.parse(text), isoTime.parse(iso), pattern)
    assert.equal(form.format(isoTime.parse(iso) ?? Number.NaN), text, pattern)
    assert.equal(form.parse(`${text}.`), undefined, pattern)
  }
  const zoned = timeText('dd/MMM/yyyy:HH:mm:ss Z')
  assert.equal(zoned.parse('10/Oct/2000:13:55:36 -0700'), isoTime.parse('2000-10-10T20:55:36Z'))
  assert.equal(zoned.parse('10/oct/2000:13:55:36 -0700'), undefined)
  assert.equal(timeText('yyyyMMdd').parseDate('99991231'), isoDate.parse('9999-12-31'))
})

test('unix numbers drop what is finer than a microsecond, towards the past', () => {
  assert.equal(timeText('unix_s').parse('1396321200.7810001'), 1_396_321_200_781_000)
  assert.equal(timeText('unix_s').parse('-1.5'), -1_500_000)
  assert.equal(timeText('unix_s').parse('-0.0000001'), -1)
  assert.equal(timeText('unix_ms').parse('1723112400123'), 1_723_112_400_123_000)
  assert.equal(timeText('unix_us').parse('-1'), -1)
  assert.equal(timeText('unix_ns').parse('1723112400123456789'), 1_723_112_400_123_456)
  assert.equal(timeText('unix_ns').parse('-1'), -1)
  for (const text of ['', '1e9', '+1', '1.', ' 1']) {
    assert.equal(timeText('unix_s').parse(text), undefined, text)
  }
  assert.equal(timeText('unix_s').parse('99999999999'), undefined)
})

test('a pattern that gives no date, or has an unknown letter, is refused', () => {
  assert.throws(() => timeText('HH:mm'), { code: 'plan.invalid' })
  assert.throws(() => timeText('yyyy-MM-ddTHH:mm'), { code: 'plan.invalid', message: /"T"/ })
  assert.throws(() => timeText("yyyy-MM-dd 'open"), { code: 'plan.invalid' })
})
