/**
 * Sums that depend on no order: exact for integers, correctly rounded for doubles.
 *
 * An exact sum is a double while it is safe (|s| ≤ 2⁵³ − 1); else the double is Infinity and the
 * integer stands beside, by record. A sum of doubles is a pair hi + lo without overlap, which is
 * exact while the addition that made it left no rest; else it moves to one integer in units of
 * 2⁻¹⁰⁷⁴ beside. Either way `hi`, or the integer rounded once, half to even, is the sum rounded
 * once. NaN is the sum of nothing.
 */

import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import type { RecordStore } from '../state-records.ts'

const SAFE = Number.MAX_SAFE_INTEGER

/** A sum of integers, in one double of a record. */
export class ExactSum {
  readonly store: RecordStore
  /** Place of the double within a record, in doubles. */
  readonly double: number
  readonly #beside = new Map<number, bigint>()

  constructor(store: RecordStore) {
    this.store = store
    this.double = store.layout.double(Number.NaN)
  }

  add(record: number, value: number | bigint): void {
    const { doubles, stride } = this.store
    const at = (record * stride) / 2 + this.double
    const sum = doubles[at] as number
    if (typeof value === 'number') {
      if (Number.isNaN(sum)) {
        doubles[at] = value
        return
      }
      const total = sum + value
      if (total <= SAFE && total >= -SAFE) {
        doubles[at] = total
        return
      }
    }
    const before = Number.isNaN(sum) ? 0n : this.#integer(record, sum)
    this.set(record, before + BigInt(value))
  }

  /** NaN where nothing was added. */
  read(record: number): number | bigint {
    const sum = this.store.doubles[(record * this.store.stride) / 2 + this.double] as number
    return sum === Infinity ? (this.#beside.get(record) as bigint) : sum
  }

  set(record: number, value: number | bigint): void {
    const at = (record * this.store.stride) / 2 + this.double
    const safe = typeof value === 'number' || (value <= BigInt(SAFE) && value >= -BigInt(SAFE))
    this.store.doubles[at] = safe ? Number(value) : Infinity
    if (safe) this.#beside.delete(record)
    else this.#beside.set(record, value)
  }

  merge(into: number, from: number): void {
    const value = this.read(from)
    if (!Number.isNaN(value)) this.add(into, value)
  }

  encode(record: number, writer: ByteWriter): void {
    const value = this.read(record)
    writer.number(typeof value === 'number' ? value : Infinity)
    if (typeof value === 'bigint') writer.bigint(value)
  }

  decode(record: number, reader: ByteReader): void {
    const value = reader.number()
    this.set(record, value === Infinity ? reader.bigint() : value)
  }

  release(record: number): void {
    if (this.#beside.size > 0) this.#beside.delete(record)
  }

  #integer(record: number, sum: number): bigint {
    return sum === Infinity ? (this.#beside.get(record) as bigint) : BigInt(sum)
  }
}

/** A sum of doubles, in two doubles of a record. */
export class RoundedSum {
  readonly #store: RecordStore
  readonly #hi: number
  readonly #lo: number
  readonly #beside = new Map<number, bigint>()

  constructor(store: RecordStore) {
    this.#store = store
    this.#hi = store.layout.double(Number.NaN)
    this.#lo = store.layout.double(0)
  }

  add(record: number, value: number): void {
    const { doubles, stride } = this.#store
    const base = (record * stride) / 2
    const hi = doubles[base + this.#hi] as number
    const lo = doubles[base + this.#lo] as number
    if (Number.isNaN(hi)) {
      doubles[base + this.#hi] = value
      return
    }
    if (hi === Infinity) {
      this.#beside.set(record, (this.#beside.get(record) as bigint) + unitsOf(value))
      return
    }
    const s = hi + value
    const t = lo + rest(hi, value, s)
    const sum = s + t
    if (rest(lo, rest(hi, value, s), t) !== 0 || sum - sum !== 0) {
      this.#move(record, unitsOf(hi) + unitsOf(lo) + unitsOf(value))
      return
    }
    doubles[base + this.#hi] = sum
    doubles[base + this.#lo] = rest(s, t, sum)
  }

  /** NaN where nothing was added, and where the sum is no double. */
  read(record: number): number {
    const hi = this.#store.doubles[(record * this.#store.stride) / 2 + this.#hi] as number
    return hi === Infinity ? rounded(this.#beside.get(record) as bigint) : hi
  }

  merge(into: number, from: number): void {
    const { doubles, stride } = this.#store
    const hi = doubles[(from * stride) / 2 + this.#hi] as number
    const lo = doubles[(from * stride) / 2 + this.#lo] as number
    if (Number.isNaN(hi)) return
    if (hi !== Infinity) {
      this.add(into, hi)
      if (lo !== 0) this.add(into, lo)
      return
    }
    const mine = doubles[(into * stride) / 2 + this.#hi] as number
    const before = Number.isNaN(mine) ? 0n : this.#units(into)
    this.#move(into, before + (this.#beside.get(from) as bigint))
  }

  encode(record: number, writer: ByteWriter): void {
    const base = (record * this.#store.stride) / 2
    const hi = this.#store.doubles[base + this.#hi] as number
    writer.number(hi)
    if (hi === Infinity) writer.bigint(this.#beside.get(record) as bigint)
    else if (!Number.isNaN(hi)) writer.number(this.#store.doubles[base + this.#lo] as number)
  }

  decode(record: number, reader: ByteReader): void {
    const base = (record * this.#store.stride) / 2
    const hi = reader.number()
    if (hi === Infinity) this.#move(record, reader.bigint())
    else {
      this.#store.doubles[base + this.#hi] = hi
      if (!Number.isNaN(hi)) this.#store.doubles[base + this.#lo] = reader.number()
    }
  }

  release(record: number): void {
    if (this.#beside.size > 0) this.#beside.delete(record)
  }

  #move(record: number, units: bigint): void {
    const base = (record * this.#store.stride) / 2
    this.#store.doubles[base + this.#hi] = Infinity
    this.#store.doubles[base + this.#lo] = 0
    this.#beside.set(record, units)
  }

  #units(record: number): bigint {
    const base = (record * this.#store.stride) / 2
    const hi = this.#store.doubles[base + this.#hi] as number
    if (hi === Infinity) return this.#beside.get(record) as bigint
    return unitsOf(hi) + unitsOf(this.#store.doubles[base + this.#lo] as number)
  }
}

/** What `sum = a + b` was rounded by, exactly (Knuth). */
function rest(a: number, b: number, sum: number): number {
  const part = sum - a
  return a - (sum - part) + (b - part)
}

const bits = new Float64Array(1)
const bitWords = new Uint32Array(bits.buffer)

/** A finite double in units of 2⁻¹⁰⁷⁴. */
export function unitsOf(value: number): bigint {
  bits[0] = Math.abs(value)
  const high = bitWords[1] as number
  const exponent = high >>> 20
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bitWords[0] as number)
  const units = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1)
  return value < 0 ? -units : units
}

/** Units of 2⁻¹⁰⁷⁴ as the nearest double, half to even; NaN where it is beyond the largest. */
export function rounded(units: bigint): number {
  const magnitude = units < 0n ? -units : units
  const length = magnitude.toString(2).length
  let value: number
  if (length <= 53) value = Number(magnitude) * Number.MIN_VALUE
  else {
    const shift = BigInt(Math.max(0, length - 64))
    const top = magnitude >> shift
    const sticky = top << shift === magnitude ? 0n : 1n
    value = scaled(Number(top | sticky), Number(shift) - 1074)
  }
  if (value - value !== 0) return Number.NaN
  return units < 0n ? -value : value
}

/** `value · 2^exponent` for a result that is normal: two steps, as 2^exponent may be no double. */
function scaled(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2)
  return value * 2 ** half * 2 ** (exponent - half)
}
