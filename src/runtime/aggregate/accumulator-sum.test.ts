import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RecordStore } from '../state-records.ts'
import { ExactSum, RoundedSum, rounded, unitsOf } from './accumulator-sum.ts'

function sums(): { store: RecordStore; exact: ExactSum; float: RoundedSum } {
  const store = new RecordStore()
  const exact = new ExactSum(store)
  const float = new RoundedSum(store)
  store.begin()
  store.keys.add(Int32Array.of(0), 0, 0, -1)
  return { store, exact, float }
}

/** The neighbour of a finite double, away from 0 or towards it. */
function neighbour(value: number, away: boolean): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  view.setBigInt64(0, view.getBigInt64(0) + (away ? 1n : -1n))
  return view.getFloat64(0)
}

/** Whether no double is nearer to `units` than `value`, nor as near and even. */
function isNearest(value: number, units: bigint): boolean {
  const far = (other: number): bigint => {
    const difference = unitsOf(other) - units
    return difference < 0n ? -difference : difference
  }
  return [true, false].every(away => {
    if (value === 0 && !away) return true
    const other = neighbour(value, away)
    if (!Number.isFinite(other)) return true
    const even = (unitsOf(value) & -unitsOf(value)) > (unitsOf(other) & -unitsOf(other))
    return far(value) < far(other) || (far(value) === far(other) && (even || value === 0))
  })
}

test('a sum of doubles is the exact sum rounded once, whatever the order', () => {
  const random = seededRandom(5)
  for (let round = 0; round < 300; round++) {
    const { store, float } = sums()
    const spread = [4, 40, 300, 600][round % 4] as number
    const values = Array.from(
      { length: 1 + random.int(40) },
      () => (random.next() - 0.5) * 2 ** (random.int(spread) - spread / 2),
    )
    if (round % 3 === 0) values.push(...values.slice(1).map(value => -value))
    const exact = values.reduce((total, value) => total + unitsOf(value), 0n)
    const shuffled = [...values].sort(() => random.next() - 0.5)
    const [a, b, halves] = [store.allocate(0), store.allocate(0), store.allocate(0)]
    for (const value of values) float.add(a, value)
    for (const value of shuffled) float.add(b, value)
    assert.ok(isNearest(float.read(a), exact), `round ${round}: ${float.read(a)}`)
    assert.equal(float.read(b), float.read(a))
    for (const value of values.slice(3)) float.add(halves, value)
    const other = store.allocate(0)
    for (const value of values.slice(0, 3)) float.add(other, value)
    float.merge(halves, other)
    assert.equal(float.read(halves), float.read(a), `merged, round ${round}`)
    const writer = new ByteWriter()
    float.encode(a, writer)
    const copy = store.allocate(0)
    float.decode(copy, new ByteReader(writer.take()))
    float.add(copy, 1)
    float.add(a, 1)
    assert.equal(float.read(copy), float.read(a))
  }
})

test('doubles that overflow on the way give their sum, and null where it is none', () => {
  const { store, float } = sums()
  const record = store.allocate(0)
  const max = Number.MAX_VALUE
  for (const value of [max, max, -max, 1]) float.add(record, value)
  assert.equal(float.read(record), max)
  float.add(record, max)
  assert.ok(Number.isNaN(float.read(record)))
  float.add(record, -max)
  float.add(record, -max)
  assert.equal(float.read(record), 1)
})

test('units of 2^-1074 round to the nearest double, half to even, down to the smallest', () => {
  for (const value of [5e-324, 1e-310, 2.2250738585072014e-308, 1, Math.PI, Number.MAX_VALUE]) {
    assert.equal(rounded(unitsOf(value)), value)
    assert.equal(rounded(unitsOf(-value)), -value)
  }
  const one = unitsOf(1)
  const half = unitsOf(2 ** -53)
  assert.equal(rounded(one + half), 1)
  assert.equal(rounded(one + half + 1n), 1 + 2 ** -52)
  assert.equal(rounded(one + 3n * half), 1 + 2 ** -51)
  assert.ok(Number.isNaN(rounded(unitsOf(Number.MAX_VALUE) * 2n)))
})

test('a sum of integers is exact beyond what a double holds, and back', () => {
  const { store, exact } = sums()
  const record = store.allocate(0)
  assert.ok(Number.isNaN(exact.read(record)))
  exact.add(record, Number.MAX_SAFE_INTEGER)
  assert.equal(exact.read(record), Number.MAX_SAFE_INTEGER)
  exact.add(record, 2)
  assert.equal(exact.read(record), 2n ** 53n + 1n)
  const writer = new ByteWriter()
  exact.encode(record, writer)
  const copy = store.allocate(0)
  exact.decode(copy, new ByteReader(writer.take()))
  exact.add(copy, -(2n ** 53n))
  assert.equal(exact.read(copy), 1)
  exact.merge(copy, record)
  assert.equal(exact.read(copy), 2n ** 53n + 2n)
})

test('packed numbers are what they were', () => {
  const writer = new ByteWriter(1)
  const numbers = [
    0,
    1,
    -1,
    63,
    64,
    2 ** 31,
    -(2 ** 40),
    2 ** 47,
    -(2 ** 53) + 1,
    0.5,
    1e300,
    NaN,
    Infinity,
  ]
  for (const value of numbers) writer.number(value)
  const integers = [0n, 255n, -256n, 2n ** 130n, -(2n ** 127n)]
  for (const value of integers) writer.bigint(value)
  for (const value of [0, 127, 128, 2 ** 31, 2 ** 53 - 1]) writer.unsigned(value)
  const reader = new ByteReader(writer.take())
  for (const value of numbers) assert.ok(Object.is(reader.number(), value), String(value))
  for (const value of integers) assert.equal(reader.bigint(), value)
  for (const value of [0, 127, 128, 2 ** 31, 2 ** 53 - 1]) assert.equal(reader.unsigned(), value)
  assert.ok(reader.ended)
  assert.throws(() => reader.byte(), { code: 'state.corrupt' })
})
