import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decimalFits,
  divideHalfEven,
  formatDecimal,
  parseDecimal,
  rescaleHalfEven,
} from './decimal.ts'

test('decimal text becomes the unscaled integer of the scale', () => {
  assert.equal(parseDecimal('12.3', 2), 1230n)
  assert.equal(parseDecimal('-0.05', 2), -5n)
  assert.equal(parseDecimal('-0', 2), 0n)
  assert.equal(parseDecimal('7', 0), 7n)
  assert.equal(parseDecimal('007.50', 1), 75n)
})

test('text that is not canonical, or would have to be rounded, is no decimal', () => {
  for (const text of ['', '-', '+1', ' 1', '1 ', '1.', '.5', '1e3', '1_0', '0x10', '1.2.3', '١']) {
    assert.equal(parseDecimal(text, 2), undefined, text)
  }
  assert.equal(parseDecimal('1.235', 2), undefined)
  assert.equal(parseDecimal('1.2300', 2), 123n)
})

test('text has exactly the digits of the scale', () => {
  assert.equal(formatDecimal(1230n, 2), '12.30')
  assert.equal(formatDecimal(-5n, 2), '-0.05')
  assert.equal(formatDecimal(0n, 3), '0.000')
  assert.equal(formatDecimal(-7n, 0), '-7')
})

test('formatting and parsing are inverse', () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(10n ** 38n), 10n ** 38n),
      fc.integer({ min: 0, max: 38 }),
      (n, scale) => {
        assert.equal(parseDecimal(formatDecimal(n, scale), scale), n)
      },
    ),
    { seed: 7 },
  )
})

test('halves go to the even neighbour, for each sign of both', () => {
  const cases: [bigint, bigint, bigint][] = [
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [-5n, 2n, -2n],
    [-7n, 2n, -4n],
    [5n, -2n, -2n],
    [7n, -2n, -4n],
    [-7n, -2n, 4n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
    [-2n, 3n, -1n],
    [1n, 2n, 0n],
    [-1n, 2n, 0n],
    [6n, 3n, 2n],
  ]
  for (const [n, d, expected] of cases) assert.equal(divideHalfEven(n, d), expected, `${n} / ${d}`)
})

test('the quotient is never further than half from the exact one', () => {
  const integer = fc.bigInt(-(10n ** 40n), 10n ** 40n)
  fc.assert(
    fc.property(
      integer,
      integer.filter(d => d !== 0n),
      (n, d) => {
        const rest = n - divideHalfEven(n, d) * d
        const twice = 2n * (rest < 0n ? -rest : rest)
        assert.ok(twice <= (d < 0n ? -d : d))
      },
    ),
    { seed: 7 },
  )
})

test('a narrower scale rounds half to even, a wider one is exact', () => {
  assert.equal(rescaleHalfEven(125n, 3, 2), 12n)
  assert.equal(rescaleHalfEven(135n, 3, 2), 14n)
  assert.equal(rescaleHalfEven(-125n, 3, 2), -12n)
  assert.equal(rescaleHalfEven(12n, 1, 3), 1200n)
})

test('a precision counts digits', () => {
  assert.ok(decimalFits(999n, 3))
  assert.ok(decimalFits(-999n, 3))
  assert.ok(!decimalFits(1000n, 3))
  assert.ok(!decimalFits(-1000n, 3))
})
