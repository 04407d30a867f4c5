import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { timeText } from '#base'
import { Arena, type BatchColumn, makeColumn, readValue } from '#columns'
import type { ParseSpec, Type, Value } from '#plan'
import { compileTextParser } from './text-value.ts'

/** The value of a text, or the fault. */
function parse(text: string, type: Type, spec?: ParseSpec): Value | { fault: string } {
  const arena = new Arena(16)
  const start = arena.appendString(text)
  const end = arena.used
  arena.appendString('9'.repeat(64))
  const column: BatchColumn = makeColumn(type, 1)
  const fault = compileTextParser(type, spec)(arena.bytes, start, end, column, 0)
  return fault === '' ? readValue(column, type, arena, 0) : { fault }
}

const us = (iso: string): number => Date.parse(iso) * 1000

function table(type: Type, cases: readonly (readonly [string, Value | { fault: string }])[]): void {
  for (const [text, value] of cases) assert.deepEqual(parse(text, type), value, `"${text}"`)
}

test('a number text is taken where the type holds exactly its value', () => {
  table({ kind: 'int32' }, [
    ['0', 0],
    ['-0', 0],
    ['007', 7],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
    ['2147483648', { fault: 'range' }],
    ['17850.0', 17850],
    ['1e3', 1000],
    ['1.5', { fault: 'scale' }],
    ['', { fault: 'type' }],
    ['-', { fault: 'type' }],
    ['+1', { fault: 'type' }],
    ['1.', { fault: 'type' }],
    ['.5', { fault: 'type' }],
    ['1e', { fault: 'type' }],
    ['1 ', { fault: 'type' }],
    ['0x10', { fault: 'type' }],
  ])
  table({ kind: 'int64' }, [
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775808', { fault: 'range' }],
    ['1e18', 1000000000000000000n],
    ['1e999999999', { fault: 'range' }],
    ['0e999999999', 0n],
    ['10e-1', 1n],
  ])
  table({ kind: 'decimal', precision: 9, scale: 2 }, [
    ['2.55', '2.55'],
    ['-11062.06', '-11062.06'],
    ['0.001', { fault: 'scale' }],
    ['0.0010e1', '0.01'],
    ['12.500', '12.50'],
    ['9999999.99', '9999999.99'],
    ['10000000', { fault: 'range' }],
    ['-0.00', '0.00'],
  ])
  table({ kind: 'decimal', precision: 38, scale: 18 }, [
    ['12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
    ['-0.000000000000000001', '-0.000000000000000001'],
    ['100000000000000000000', { fault: 'range' }],
    ['0.0000000000000000001', { fault: 'scale' }],
  ])
})

test('a float is correctly rounded and never NaN, infinite or negative zero', () => {
  const numbers = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
  const property = fc.property(numbers, number => {
    assert.equal(parse(String(number), { kind: 'float64' }), number + 0)
    const fixed = number.toFixed(12)
    if (!fixed.includes('e')) assert.equal(parse(fixed, { kind: 'float64' }), Number(fixed) + 0)
  })
  fc.assert(property, { seed: 7, numRuns: 2000 })
  table({ kind: 'float64' }, [
    ['1e400', { fault: 'range' }],
    ['NaN', { fault: 'type' }],
    ['Infinity', { fault: 'type' }],
  ])
})

test('decimals of any size come back as they were written', () => {
  const shape = fc
    .record({
      scale: fc.integer({ min: 0, max: 20 }),
      digits: fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }),
      cut: fc.integer({ min: 1, max: 38 }),
      negative: fc.boolean(),
    })
    .map(({ scale, digits, cut, negative }) => {
      const text = String(digits)
        .slice(0, cut)
        .padStart(scale + 1, '0')
      const plain = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`
      const whole = plain.replace(/^0+(?=\d)/, '')
      const sign = negative && /[1-9]/.test(plain) ? '-' : ''
      return { scale, text: sign + whole }
    })
  const property = fc.property(shape, ({ scale, text }) => {
    const digits = text.replace(/\D/g, '').replace(/^0+/, '').length
    for (const precision of [15, 16, 38]) {
      if (scale > precision) continue
      const expected = digits <= precision ? text : { fault: 'range' }
      assert.deepEqual(parse(text, { kind: 'decimal', precision, scale }), expected)
    }
  })
  fc.assert(property, { seed: 11, numRuns: 3000 })
})

test('timestamps are ISO 8601, UTC where they have no zone, floored to a microsecond', () => {
  table({ kind: 'timestamp' }, [
    ['2019-10-01T00:00:00Z', us('2019-10-01T00:00:00Z')],
    ['2019-10-01 00:00:00', us('2019-10-01T00:00:00Z')],
    ['2019-10-01', us('2019-10-01T00:00:00Z')],
    ['2020-12-15 09:30', us('2020-12-15T09:30:00Z')],
    ['2022-07-25T09:15:00+05:30', us('2022-07-25T03:45:00Z')],
    ['2022-07-25T09:15:00-0330', us('2022-07-25T12:45:00Z')],
    ['2022-07-25T09:15:00+02', us('2022-07-25T07:15:00Z')],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['1969-12-31T23:59:59.9999999Z', -1],
    ['2020-02-29T12:00:00.123456789Z', us('2020-02-29T12:00:00Z') + 123456],
    ['2020-02-29T12:00:00,5Z', us('2020-02-29T12:00:00Z') + 500000],
    ['2021-02-29T12:00:00Z', { fault: 'type' }],
    ['2021-13-01T12:00:00Z', { fault: 'type' }],
    ['2021-01-01T24:00:00Z', { fault: 'type' }],
    ['2021-01-01T23:60:00Z', { fault: 'type' }],
    ['2021-01-01T12:00:00.Z', { fault: 'type' }],
    ['2021-01-01T12:00:00 Z', { fault: 'type' }],
    ['2021-01-01T12:00:00+5', { fault: 'type' }],
    ['2021-01-01T12', { fault: 'type' }],
    ['2021-1-1', { fault: 'type' }],
    ['9999-01-01T00:00:00Z', { fault: 'range' }],
    ['', { fault: 'type' }],
  ])
  table({ kind: 'date' }, [
    ['1970-01-02', 1],
    ['1969-12-31', -1],
    ['9999-12-31', 2932896],
    ['2020-01-01T00:00:00Z', { fault: 'type' }],
  ])
})

test('timestamps of the machine come back through their ISO text', () => {
  const property = fc.property(fc.integer({ min: -8e12, max: 8e12 }), ms => {
    assert.equal(parse(new Date(ms).toISOString(), { kind: 'timestamp' }), ms * 1000)
  })
  fc.assert(property, { seed: 13, numRuns: 2000 })
})

test('unix numbers keep every digit that a microsecond has', () => {
  const at = (text: string, time: string): unknown => parse(text, { kind: 'timestamp' }, { time })
  assert.equal(at('1396437466.94', 'unix_s'), 1396437466940000)
  assert.equal(at('1396438212', 'unix_s'), 1396438212000000)
  assert.equal(at('1430438404518', 'unix_ms'), 1430438404518000)
  assert.equal(at('1723161253937085', 'unix_us'), 1723161253937085)
  assert.equal(at('1723161253937085768', 'unix_ns'), 1723161253937085)
  assert.equal(at('-1', 'unix_ns'), -1)
  assert.equal(at('-0.0000001', 'unix_s'), -1)
  assert.equal(at('-1000', 'unix_ns'), -1)
  assert.equal(at('12', 'unix_ns'), 0)
  for (const bad of ['', '-', '1.', '.5', '1e9', '12x', '1.2.3']) {
    assert.deepEqual(at(bad, 'unix_s'), { fault: 'type' }, bad)
  }
  assert.deepEqual(at('99999999999999999999', 'unix_s'), { fault: 'range' })
})

test('patterns read the times of logs and exports', () => {
  const at = (text: string, time: string): unknown => parse(text, { kind: 'timestamp' }, { time })
  assert.equal(
    at('10/Oct/2000:13:55:36 -0700', 'dd/MMM/yyyy:HH:mm:ss Z'),
    us('2000-10-10T20:55:36Z'),
  )
  assert.equal(
    at('2019-10-01 00:00:00 UTC', "yyyy-MM-dd HH:mm:ss 'UTC'"),
    us('2019-10-01T00:00:00Z'),
  )
  assert.equal(
    at('20260131064900123456', 'yyyyMMddHHmmssSSSSSS'),
    us('2026-01-31T06:49:00Z') + 123456,
  )
  assert.equal(at("1990-01-02 at o'clock", "yyyy-MM-dd 'at o''clock'"), us('1990-01-02T00:00:00Z'))
  assert.deepEqual(at('31/Foo/2000', 'dd/MMM/yyyy'), { fault: 'type' })
  assert.deepEqual(at('31/Feb/2000', 'dd/MMM/yyyy'), { fault: 'type' })
  assert.deepEqual(at('2000-01-01x', 'yyyy-MM-dd'), { fault: 'type' })
  assert.deepEqual(at('2000-01-0', 'yyyy-MM-dd'), { fault: 'type' })
  assert.deepEqual(at('31/JAN/2000', 'dd/MMM/yyyy'), { fault: 'type' })
  for (const pattern of ['yyyy-QQ-dd', 'yyyy-MM-dd SSSS', 'HH:mm', "yyyy-MM-dd 'open", 'yyyy-MM']) {
    assert.throws(() => at('x', pattern), { code: 'plan.invalid' }, pattern)
  }
  const dated = { time: 'dd/MMM/yyyy HH:mm:ss Z' }
  assert.equal(parse('02/Jan/1970 23:00:00 -0500', { kind: 'date' }, dated), 1)
})

test('times are those that `timeText` reads, form by form', () => {
  const forms = [
    'unix_s',
    'unix_ms',
    'unix_us',
    'unix_ns',
    'yyyy-MM-dd HH:mm:ss.SSSSSS Z',
    "dd/MMM/yyyy'T'HH:mmZ",
    'yyyyMMddSSS',
  ]
  const change = fc.record({
    form: fc.constantFrom(...forms),
    time: fc.integer({ min: -9e15, max: 9e15 }),
    at: fc.nat(30),
    put: fc.constantFrom('', '0', '9', '-', '+0230', 'Z', ':', '.', '.5', 'x', 'Feb', ' '),
    cut: fc.nat(2),
  })
  const property = fc.property(change, ({ form, time, at, put, cut }) => {
    const other = timeText(form)
    const whole = other.format(time)
    const text = whole.slice(0, at) + put + whole.slice(at + cut)
    for (const candidate of [whole, text]) {
      const read = parse(candidate, { kind: 'timestamp' }, { time: form })
      assert.equal(typeof read === 'number' ? read : undefined, other.parse(candidate), candidate)
      const day = parse(candidate, { kind: 'date' }, { time: form })
      assert.equal(typeof day === 'number' ? day : undefined, other.parseDate(candidate), candidate)
    }
  })
  fc.assert(property, { seed: 31, numRuns: 5000 })
})

test('the other types take their text and nothing near it', () => {
  table({ kind: 'bool' }, [
    ['true', true],
    ['False', false],
    ['1', true],
    ['0', false],
    ['yes', { fault: 'type' }],
    ['', { fault: 'type' }],
  ])
  table({ kind: 'enum', values: ['view', 'cart', 'purchase'] }, [
    ['cart', 'cart'],
    ['car', { fault: 'enum' }],
    ['Cart', { fault: 'enum' }],
  ])
  table({ kind: 'uuid' }, [
    ['72D76FDE-8bb3-4e00-8c23-a032dfed738c', '72d76fde-8bb3-4e00-8c23-a032dfed738c'],
    ['72d76fde-8bb3-4e00-8c23-a032dfed738', { fault: 'type' }],
    ['72d76fde08bb3-4e00-8c23-a032dfed738c', { fault: 'type' }],
    ['72d76fdg-8bb3-4e00-8c23-a032dfed738c', { fault: 'type' }],
  ])
  table({ kind: 'ipv4' }, [
    ['192.168.0.255', '192.168.0.255'],
    ['255.255.255.255', '255.255.255.255'],
    ['192.168.0.256', { fault: 'type' }],
    ['192.168.01.2', { fault: 'type' }],
    ['1.2.3', { fault: 'type' }],
    ['1.2.3.4.', { fault: 'type' }],
    ['1.2.3.', { fault: 'type' }],
  ])
  table({ kind: 'json' }, [
    ['{"a":[1,2]}', '{"a":[1,2]}'],
    ['{"a":}', { fault: 'type' }],
  ])
  table({ kind: 'string' }, [
    ['', ''],
    ['grün', 'grün'],
  ])
  assert.throws(() => compileTextParser({ kind: 'array', of: { kind: 'bool' } }), {
    code: 'plan.unsupported',
  })
})
