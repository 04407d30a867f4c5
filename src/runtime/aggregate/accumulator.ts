/**
 * The aggregates of an operator, each over fields of the records of its store.
 *
 * An accumulator takes rows one by one (`add`), takes over what another record holds (`merge`, for
 * sessions that join), writes its value for many records at once, and packs itself. Rows for which
 * `where` is not true never reach `add`. Sums, extremes and counts depend on no order; first and
 * last compare `(at, tie columns, position)`, or take the caller's word (`marks`) where rows arrive
 * in that order.
 */

import { decimalFits, divideHalfEven, invariant, powerOfTen } from '#base'
import { type Batch, type BatchColumn, writeWide } from '#columns'
import type { Aggregate, Type } from '#plan'
import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import type { RecordStore } from '../state-records.ts'
import { ExactSum, RoundedSum } from './accumulator-sum.ts'

/** A column of the operator's input, or of the batch that its expressions are projected into. */
export interface ColumnPlace {
  readonly projected: boolean
  readonly index: number
  readonly type: Type
}

/** Row is the first, or the last, of its record so far. */
export const FIRST = 1
export const LAST = 2

export interface AggregatePlan {
  readonly fn: Aggregate['fn']
  readonly arg: ColumnPlace | undefined
  readonly where: ColumnPlace | undefined
  readonly result: Type
}

/** How rows of equal event time are ordered. */
export interface RowOrder {
  /** Rows arrive by position and there are no tie columns, so that of equal times the later is last. */
  readonly arrival: boolean
  /** As `arrival`, and marks say what is the first and the last row of its record. */
  readonly marked: boolean
  readonly ties: readonly ColumnPlace[]
}

export interface Accumulator {
  readonly plan: AggregatePlan
  /** Whether it holds what must be given back with its record. */
  readonly referring: boolean
  bind(input: Batch, projected: Batch | undefined): void
  add(record: number, row: number, mark: number): void
  /** Takes over what `from` holds, whose rows are all earlier, or all later, than those of `into`. */
  merge(into: number, from: number, earlier: boolean): void
  /** The value of `records[k]` into `rows[k]`. */
  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, column: number): void
  encode(record: number, writer: ByteWriter): void
  decode(record: number, reader: ByteReader): void
  release(record: number): void
}

/** The batch that `place` is a column of. */
export function batchOf(place: ColumnPlace, input: Batch, projected: Batch | undefined): Batch {
  if (!place.projected) return input
  invariant(projected !== undefined, 'computed columns have their batch')
  return projected
}

/** The argument of an aggregate that must have one. */
export function argument(plan: AggregatePlan): ColumnPlace {
  invariant(plan.arg !== undefined, `${plan.fn} has an argument`)
  return plan.arg
}

/** Whether a row's value is null. */
export function isNullRow(column: BatchColumn, row: number): boolean {
  if (column.kind === 'uuid') return column.nulls[row] !== 0
  if (column.kind === 'text' || column.kind === 'list') return (column.lengths[row] as number) < 0
  return Number.isNaN(column.values[row])
}

/** A row's integer; NaN is null. */
function integerOf(column: BatchColumn, row: number): number | bigint {
  invariant('values' in column, 'sums are of numbers')
  const value = column.values[row] as number
  if (column.kind === 'num' || value - value === 0 || Number.isNaN(value)) return value
  return column.beyond.get(row) as bigint
}

/** What the classes share: the argument's column as it is bound. */
export abstract class ArgumentReader {
  readonly plan: AggregatePlan
  protected column: BatchColumn | undefined

  constructor(plan: AggregatePlan) {
    this.plan = plan
  }

  get referring(): boolean {
    return false
  }

  bind(input: Batch, projected: Batch | undefined): void {
    const { arg } = this.plan
    if (arg !== undefined) this.column = batchOf(arg, input, projected).columns[arg.index]
  }

  release(_record: number): void {
    invariant(!this.referring, 'what is held is given back')
  }
}

export class Count extends ArgumentReader implements Accumulator {
  readonly store: RecordStore
  readonly double: number

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan)
    this.store = store
    this.double = store.layout.double(0)
  }

  add(record: number, row: number): void {
    if (this.column !== undefined && isNullRow(this.column, row)) return
    this.#add(record, 1)
  }

  merge(into: number, from: number): void {
    this.#add(into, this.#read(from))
  }

  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, index: number): void {
    const column = batch.columns[index] as BatchColumn
    invariant('values' in column, 'a count is a number')
    for (let k = 0; k < count; k++) {
      column.values[rows[k] as number] = this.#read(records[k] as number)
    }
  }

  encode(record: number, writer: ByteWriter): void {
    writer.number(this.#read(record))
  }

  decode(record: number, reader: ByteReader): void {
    this.#add(record, reader.number())
  }

  #read(record: number): number {
    return this.store.doubles[(record * this.store.stride) / 2 + this.double] as number
  }

  #add(record: number, count: number): void {
    const at = (record * this.store.stride) / 2 + this.double
    this.store.doubles[at] = (this.store.doubles[at] as number) + count
  }
}

/** `sum` and `avg` of integers and decimals. */
export class ExactTotal extends ArgumentReader implements Accumulator {
  readonly store: RecordStore
  readonly sum: ExactSum
  readonly #count: Count | undefined
  readonly #scale: number

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan)
    this.store = store
    this.sum = new ExactSum(store)
    if (plan.fn === 'avg') this.#count = new Count(plan, store)
    this.#scale = scaleOf(argument(plan).type)
  }

  override get referring(): boolean {
    return true
  }

  override bind(input: Batch, projected: Batch | undefined): void {
    super.bind(input, projected)
    this.#count?.bind(input, projected)
  }

  add(record: number, row: number): void {
    const value = integerOf(this.column as BatchColumn, row)
    if (!Number.isNaN(value)) this.sum.add(record, value)
    this.#count?.add(record, row)
  }

  merge(into: number, from: number): void {
    this.sum.merge(into, from)
    this.#count?.merge(into, from)
  }

  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, index: number): void {
    const column = batch.columns[index] as BatchColumn
    const { result } = this.plan
    for (let k = 0; k < count; k++) {
      const record = records[k] as number
      const sum = this.sum.read(record)
      const row = rows[k] as number
      if (Number.isNaN(sum)) writeExact(column, result, row, Number.NaN)
      else if (this.#count === undefined) {
        const scale = scaleOf(result)
        writeExact(column, result, row, scale === this.#scale ? sum : this.#rescaled(sum, 1, scale))
      } else this.#writeAverage(column, row, sum, this.#countOf(record))
    }
  }

  encode(record: number, writer: ByteWriter): void {
    this.sum.encode(record, writer)
    this.#count?.encode(record, writer)
  }

  decode(record: number, reader: ByteReader): void {
    this.sum.decode(record, reader)
    this.#count?.decode(record, reader)
  }

  override release(record: number): void {
    this.sum.release(record)
  }

  #countOf(record: number): number {
    const { double } = this.#count as Count
    return this.store.doubles[(record * this.store.stride) / 2 + double] as number
  }

  #writeAverage(column: BatchColumn, row: number, sum: number | bigint, count: number): void {
    const { result } = this.plan
    if (result.kind === 'float64') {
      invariant(column.kind === 'num', 'a double is in a column of numbers')
      column.values[row] = Number(sum) / Number(powerOfTen(this.#scale)) / count
    } else writeExact(column, result, row, this.#rescaled(sum, count, scaleOf(result)))
  }

  /** `sum / count` at another scale, rounded once, half to even. */
  #rescaled(sum: number | bigint, count: number, scale: number): bigint {
    const up = powerOfTen(Math.max(0, scale - this.#scale))
    const down = powerOfTen(Math.max(0, this.#scale - scale))
    return divideHalfEven(BigInt(sum) * up, BigInt(count) * down)
  }
}

function scaleOf(type: Type): number {
  return type.kind === 'decimal' ? type.scale : 0
}

/** Writes an integer, or null where its type cannot hold it. */
function writeExact(column: BatchColumn, type: Type, row: number, value: number | bigint): void {
  if (column.kind === 'num') {
    column.values[row] = fits(type, value) ? Number(value) : Number.NaN
    return
  }
  invariant(column.kind === 'wide', 'a sum is a number')
  if (!fits(type, value)) column.values[row] = Number.NaN
  else if (typeof value === 'number') column.values[row] = value
  else {
    const safe =
      value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
    writeWide(column, row, safe ? Number(value) : value)
  }
}

function fits(type: Type, value: number | bigint): boolean {
  if (Number.isNaN(value)) return false
  switch (type.kind) {
    case 'int32':
      return value >= -0x80000000 && value <= 0x7fffffff
    case 'int64':
      return value >= -(2n ** 63n) && value < 2n ** 63n
    case 'decimal':
      if (typeof value === 'number' && type.precision > 15) return true
      return decimalFits(BigInt(value), type.precision)
    default:
      return true
  }
}

/** `sum` and `avg` of doubles. */
export class FloatTotal extends ArgumentReader implements Accumulator {
  readonly #store: RecordStore
  readonly #sum: RoundedSum
  readonly #count: Count | undefined

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan)
    this.#store = store
    this.#sum = new RoundedSum(store)
    if (plan.fn === 'avg') this.#count = new Count(plan, store)
  }

  override get referring(): boolean {
    return true
  }

  override bind(input: Batch, projected: Batch | undefined): void {
    super.bind(input, projected)
    this.#count?.bind(input, projected)
  }

  add(record: number, row: number): void {
    const column = this.column as BatchColumn
    invariant(column.kind === 'num', 'doubles are in a column of numbers')
    const value = column.values[row] as number
    if (!Number.isNaN(value)) this.#sum.add(record, value)
    this.#count?.add(record, row)
  }

  merge(into: number, from: number): void {
    this.#sum.merge(into, from)
    this.#count?.merge(into, from)
  }

  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, index: number): void {
    const column = batch.columns[index] as BatchColumn
    invariant(column.kind === 'num', 'a double is in a column of numbers')
    for (let k = 0; k < count; k++) {
      const record = records[k] as number
      let value = this.#sum.read(record)
      if (this.#count !== undefined) {
        const at = (record * this.#store.stride) / 2 + this.#count.double
        value /= this.#store.doubles[at] as number
      }
      column.values[rows[k] as number] = value === 0 ? 0 : value
    }
  }

  encode(record: number, writer: ByteWriter): void {
    this.#sum.encode(record, writer)
    this.#count?.encode(record, writer)
  }

  decode(record: number, reader: ByteReader): void {
    this.#sum.decode(record, reader)
    this.#count?.decode(record, reader)
  }

  override release(record: number): void {
    this.#sum.release(record)
  }
}
