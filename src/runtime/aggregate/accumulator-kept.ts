/**
 * Aggregates that keep values of rows: extremes, the first and the last, the distinct ones.
 *
 * First and last take the value of a row even if it is null, so what they are compared by stands
 * beside it: its `at`, and where arrival does not order rows of equal time, the tie columns and the
 * position. Distinct values stand in a set per record beside the records; each is a number, or a
 * reference into the store's values.
 */

import { invariant } from '#base'
import { type Batch, type BatchColumn, columnKind } from '#columns'
import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RowPacker } from '../state-pack.ts'
import type { RecordStore } from '../state-records.ts'
import {
  type Accumulator,
  type AggregatePlan,
  ArgumentReader,
  argument,
  batchOf,
  type ColumnPlace,
  FIRST,
  isNullRow,
  LAST,
  type RowOrder,
} from './accumulator.ts'
import { makeField, NumField, type ValueField } from './accumulator-field.ts'

/** What the aggregates over one kept value share. */
abstract class KeptValue extends ArgumentReader {
  readonly field: ValueField

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan)
    this.field = makeField(columnKind(argument(plan).type), store)
  }

  override bind(input: Batch, projected: Batch | undefined): void {
    const place = argument(this.plan)
    this.field.bind(batchOf(place, input, projected), place.index)
  }

  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, index: number): void {
    const column = batch.columns[index] as BatchColumn
    for (let k = 0; k < count; k++) {
      this.field.write(records[k] as number, batch, column, rows[k] as number)
    }
  }

  encode(record: number, writer: ByteWriter): void {
    this.field.encode(record, writer)
  }

  decode(record: number, reader: ByteReader): void {
    this.field.decode(record, reader)
  }

  override release(record: number): void {
    if (this.field.referring) this.field.release(record)
  }
}

/** `min` and `max`: text and uuids by their bytes. */
export class Extreme extends KeptValue implements Accumulator {
  readonly #sign: number

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan, store)
    this.#sign = plan.fn === 'min' ? 1 : -1
  }

  override get referring(): boolean {
    return this.field.referring
  }

  add(record: number, row: number): void {
    const { field } = this
    if (field.rowIsNull(row)) return
    if (!field.isNull(record) && field.compareRow(record, row) * this.#sign <= 0) return
    field.put(record, row)
  }

  merge(into: number, from: number): void {
    const { field } = this
    if (field.isNull(from)) return
    if (!field.isNull(into) && field.compare(into, from) * this.#sign <= 0) return
    field.copy(into, from)
  }
}

/** One thing that picked rows are compared by. */
interface OrderField {
  readonly field: ValueField
  bind(input: Batch, projected: Batch | undefined): void
}

/** By what rows are compared, most significant first. */
function orderFields(store: RecordStore, order: RowOrder): OrderField[] {
  const identity = (read: (batch: Batch) => Float64Array | Int32Array): OrderField => {
    const field = new NumField(store)
    return { field, bind: input => field.bindValues(read(input)) }
  }
  const tie = (place: ColumnPlace): OrderField => {
    const field = makeField(columnKind(place.type), store)
    return {
      field,
      bind: (input, projected) => field.bind(batchOf(place, input, projected), place.index),
    }
  }
  const at = identity(batch => batch.at)
  if (order.arrival) return [at]
  return [
    at,
    ...order.ties.map(tie),
    identity(batch => batch.origin),
    identity(batch => batch.offset),
    identity(batch => batch.index),
  ]
}

/** `first` and `last`, null or not. */
export class Picked extends KeptValue implements Accumulator {
  /** Empty where marks decide. */
  readonly #order: readonly OrderField[]
  readonly #sign: number
  /** The mark of a row that is taken. */
  readonly mark: number
  /** Whether marks decide alone. */
  readonly marked: boolean

  constructor(plan: AggregatePlan, store: RecordStore, order: RowOrder) {
    super(plan, store)
    this.mark = plan.fn === 'first' ? FIRST : LAST
    this.#sign = plan.fn === 'first' ? 1 : -1
    this.marked = order.marked && plan.where === undefined
    this.#order = this.marked ? [] : orderFields(store, order)
  }

  override get referring(): boolean {
    return this.field.referring || this.#order.some(entry => entry.field.referring)
  }

  override bind(input: Batch, projected: Batch | undefined): void {
    super.bind(input, projected)
    for (const entry of this.#order) entry.bind(input, projected)
  }

  add(record: number, row: number, mark: number): void {
    if (this.marked) {
      if ((mark & this.mark) === 0) return
    } else {
      if (!this.#takes(record, row)) return
      for (const { field } of this.#order) field.put(record, row)
    }
    this.field.put(record, row)
  }

  merge(into: number, from: number, earlier: boolean): void {
    const at = this.#order[0]?.field
    if (at !== undefined) {
      if (at.isNull(from)) return
      if (at.isNull(into)) {
        this.#copy(into, from)
        return
      }
    }
    if (earlier === (this.mark === FIRST)) this.#copy(into, from)
  }

  override encode(record: number, writer: ByteWriter): void {
    super.encode(record, writer)
    for (const { field } of this.#order) field.encode(record, writer)
  }

  override decode(record: number, reader: ByteReader): void {
    super.decode(record, reader)
    for (const { field } of this.#order) field.decode(record, reader)
  }

  override release(record: number): void {
    super.release(record)
    for (const { field } of this.#order) if (field.referring) field.release(record)
  }

  #copy(into: number, from: number): void {
    for (const { field } of this.#order) field.copy(into, from)
    this.field.copy(into, from)
  }

  /** Whether the row has its place before (first) or behind (last) what is held. */
  #takes(record: number, row: number): boolean {
    if ((this.#order[0] as OrderField).field.isNull(record)) return true
    for (const { field } of this.#order) {
      const difference = field.compareRow(record, row) * this.#sign
      if (difference !== 0) return difference > 0
    }
    return this.#sign < 0
  }
}

/** `countDistinct`, exact: the values themselves, by record. */
export class Distinct extends ArgumentReader implements Accumulator {
  readonly #store: RecordStore
  readonly #sets = new Map<number, Set<number>>()
  readonly #plain: boolean
  #input: Batch | undefined
  #packer = new RowPacker([0])
  #packed = -1
  readonly #row = new Int32Array(1)

  constructor(plan: AggregatePlan, store: RecordStore) {
    super(plan)
    this.#store = store
    this.#plain = columnKind(argument(plan).type) === 'num'
  }

  override get referring(): boolean {
    return true
  }

  override bind(input: Batch, projected: Batch | undefined): void {
    super.bind(input, projected)
    const { index } = argument(this.plan)
    this.#input = batchOf(argument(this.plan), input, projected)
    if (this.#packed !== index) this.#packer = new RowPacker([index])
    this.#packed = index
  }

  add(record: number, row: number): void {
    const column = this.column as BatchColumn
    if (isNullRow(column, row)) return
    const set = this.#set(record)
    if (column.kind === 'num') {
      set.add(column.values[row] as number)
      return
    }
    const { values } = this.#store
    this.#row[0] = row
    this.#packer.pack(this.#input as Batch, this.#row, 1)
    const ref = values.keep(this.#packer.words, 0, this.#packer.hashes[0] as number)
    if (set.has(ref)) values.release(ref)
    else set.add(ref)
  }

  merge(into: number, from: number): void {
    const source = this.#sets.get(from)
    if (source === undefined) return
    const set = this.#set(into)
    for (const value of source) {
      if (set.has(value)) continue
      set.add(value)
      if (!this.#plain) this.#store.values.retain(value)
    }
  }

  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch, index: number): void {
    const column = batch.columns[index] as BatchColumn
    invariant('values' in column, 'a count is a number')
    for (let k = 0; k < count; k++) {
      column.values[rows[k] as number] = this.#sets.get(records[k] as number)?.size ?? 0
    }
  }

  encode(record: number, writer: ByteWriter): void {
    const set = this.#sets.get(record)
    writer.unsigned(set?.size ?? 0)
    for (const value of set ?? []) {
      if (this.#plain) writer.number(value)
      else this.#store.values.write(value, writer)
    }
  }

  decode(record: number, reader: ByteReader): void {
    const count = reader.unsigned()
    if (count === 0) return
    const set = this.#set(record)
    for (let k = 0; k < count; k++) {
      set.add(this.#plain ? reader.number() : this.#store.values.read(reader))
    }
  }

  override release(record: number): void {
    const set = this.#sets.get(record)
    if (set === undefined) return
    this.#sets.delete(record)
    if (!this.#plain) for (const ref of set) this.#store.values.release(ref)
  }

  #set(record: number): Set<number> {
    let set = this.#sets.get(record)
    if (set === undefined) {
      set = new Set()
      this.#sets.set(record, set)
    }
    return set
  }
}
