/**
 * The windows of an aggregate: rows in, one record per key and window, rows of the result out.
 *
 * A batch goes through in passes, so that cache misses overlap: expressions are projected, keys are
 * packed and looked up, rows are assigned to records (`session-window.ts`, `hop-window.ts`), then
 * one loop over all aggregates adds them. What is published and when it settles is the affair of
 * `aggregate.ts` and `aggregate-retract.ts`.
 */

import { invariant } from '#base'
import { Batch, type BatchColumn, compileProject } from '#columns'
import type { Expression, Operator, Schema, Type } from '#plan'
import { RowPacker, RowUnpacker } from '../state-pack.ts'
import { FLAGS, LIVE, NEXT, PENDING, RecordStore, STIRRED, TOUCHED } from '../state-records.ts'
import type { Accumulator, ColumnPlace, RowOrder } from './accumulator.ts'
import { type AccumulateLoop, makeAccumulator, makeLoop } from './accumulator-loop.ts'
import { assignHop, assignWhole } from './hop-window.ts'
import { assignSessions } from './session-window.ts'

export type AggregateOperator = Extract<Operator, { readonly op: 'aggregate' }>

/** From here on nothing can come: the frontier stands here once every input has ended. */
export const ENDED_US = 2 ** 53 - 2 ** 51

export class AggregateState {
  readonly operator: AggregateOperator
  readonly store = new RecordStore()
  readonly accumulators: readonly Accumulator[]
  /** Those that hold what must be given back. */
  readonly referring: readonly Accumulator[]
  /** Places, in doubles, of the window's start and of its end (sessions) or greatest `at` (all). */
  readonly start: number
  readonly end: number
  /** Records that were stirred since their list was emptied. */
  pending = new Int32Array(1024)
  pendingCount = 0
  touched = new Int32Array(1024)
  touchedCount = 0
  /** Ids of new records are told here, once their bounds are set. */
  created: (record: number) => void = () => undefined
  /** A record that was merged into another; the listener releases it, now or later. */
  merged: (record: number) => void = record => this.free(record)
  /** No row older than this may come. */
  frontierUs = -Infinity
  merges = 0

  records = new Int32Array(1024)
  rows = new Int32Array(1024)
  marks = new Uint8Array(1024)
  pairs = 0
  #added = 0
  #loop: AccumulateLoop = () => undefined
  readonly #packer: RowPacker
  readonly #unpacker: RowUnpacker
  readonly #project: ((input: Batch, output: Batch) => void) | undefined
  readonly #projected: Batch | undefined
  #input: Batch | undefined
  readonly #options: { readonly generated: boolean }
  readonly #bounds: readonly [start: number, end: number]
  #ids = new Int32Array(1024)

  constructor(operator: AggregateOperator, options: { readonly generated: boolean }) {
    this.operator = operator
    this.#options = options
    const schema = operator.input.schema
    const { layout } = this.store
    this.start = layout.double(0)
    this.end = operator.window.kind === 'hop' ? this.start : layout.double(-Infinity)
    const computed = new ComputedColumns(schema)
    const order = rowOrder(operator)
    this.accumulators = operator.aggregates.map(({ name, fn, arg, where }) =>
      makeAccumulator(
        {
          fn,
          arg: arg && computed.place(arg),
          where: where && computed.place(where),
          result: typeOf(operator.schema, name),
        },
        this.store,
        order,
      ),
    )
    this.referring = this.accumulators.filter(accumulator => accumulator.referring)
    if (computed.expressions.length > 0) {
      this.#projected = new Batch(computed.schema)
      this.#project = compileProject(schema, computed.expressions, computed.schema, options)
    }
    this.#packer = new RowPacker(operator.by.map(name => placeOf(schema, name)))
    this.#unpacker = new RowUnpacker(operator.by.map(name => placeOf(operator.schema, name)))
    const [start, end] = operator.bounds
    this.#bounds = [
      operator.schema.findIndex(column => column.name === start),
      operator.schema.findIndex(column => column.name === end),
    ]
  }

  /** The layout is complete: whoever keeps fields of its own has taken them. */
  begin(): void {
    this.store.begin()
    this.#loop = makeLoop(this.accumulators, this.store, this.#options)
  }

  get bytes(): number {
    return (
      this.store.bytes +
      this.pending.byteLength +
      this.touched.byteLength +
      this.records.byteLength * 2 +
      this.#packer.words.byteLength
    )
  }

  /** Adds `rows[0 … count)` of a batch. */
  add(batch: Batch, rows: Int32Array, count: number): void {
    if (count === 0) return
    this.#input = batch
    this.#project?.(batch, this.#projected as Batch)
    const ids = this.#keysOf(batch, rows, count)
    const { window } = this.operator
    this.pairs = 0
    this.#added = 0
    if (window.kind === 'session') assignSessions(this, window.gapUs, batch, rows, count, ids)
    else if (window.kind === 'hop') assignHop(this, window, batch, rows, count, ids)
    else assignWhole(this, batch, rows, count, ids)
    this.drain()
  }

  /** Adds the pairs so far to their records, before these change places. */
  drain(): void {
    const { records, rows, marks } = this
    const from = this.#added
    this.#added = this.pairs
    if (from === this.pairs) return
    this.#loop(this.#input as Batch, this.#projected, records, rows, marks, from, this.pairs)
  }

  /** Makes room for `count` pairs. */
  reservePairs(count: number): void {
    if (count <= this.records.length) return
    const length = Math.max(count, this.records.length * 2)
    const [records, rows, marks] = [this.records, this.rows, this.marks]
    this.records = new Int32Array(length)
    this.records.set(records)
    this.rows = new Int32Array(length)
    this.rows.set(rows)
    this.marks = new Uint8Array(length)
    this.marks.set(marks)
  }

  /** Notes that a record changed. */
  stir(record: number): void {
    this.touch(record, STIRRED)
  }

  /** Sets flags, PENDING and TOUCHED with their lists. */
  touch(record: number, flags: number): void {
    const { words, stride } = this.store
    const at = record * stride + FLAGS
    const before = words[at] as number
    words[at] = before | flags
    if ((flags & ~before & PENDING) !== 0) {
      this.pending = appended(this.pending, this.pendingCount, record)
      this.pendingCount++
    }
    if ((flags & ~before & TOUCHED) !== 0) {
      this.touched = appended(this.touched, this.touchedCount, record)
      this.touchedCount++
    }
  }

  /** Forgets a record that is in no list. */
  free(record: number): void {
    const { referring } = this
    for (let a = 0; a < referring.length; a++) (referring[a] as Accumulator).release(record)
    this.touch(record, TOUCHED)
    this.store.release(record)
  }

  /** Whether the record is in use. */
  isLive(record: number): boolean {
    return ((this.store.words[record * this.store.stride + FLAGS] as number) & LIVE) !== 0
  }

  startOf(record: number): number {
    return this.store.doubles[(record * this.store.stride) / 2 + this.start] as number
  }

  endOf(record: number): number {
    return this.store.doubles[(record * this.store.stride) / 2 + this.end] as number
  }

  /** When the record's watermark or frontier is far enough: it is complete, or settled. */
  dueUs(record: number): number {
    const { window } = this.operator
    if (window.kind === 'session') return this.endOf(record) + window.gapUs
    return window.kind === 'hop' ? this.startOf(record) + window.sizeUs : ENDED_US
  }

  /** Writes the rows of `records[0 … count)` to `rows[k]` of a batch of the operator's schema. */
  write(records: Int32Array, rows: Int32Array, count: number, batch: Batch): void {
    for (let k = 0; k < count; k++) {
      const record = records[k] as number
      this.writeKey(record, batch, rows[k] as number)
      this.writeBounds(batch, rows[k] as number, this.startOf(record), this.endOf(record))
    }
    const first = this.operator.schema.length - this.accumulators.length
    for (let a = 0; a < this.accumulators.length; a++) {
      ;(this.accumulators[a] as Accumulator).write(records, rows, count, batch, first + a)
    }
  }

  writeKey(record: number, batch: Batch, row: number): void {
    const { keys, words, stride } = this.store
    this.#unpacker.unpack(keys.words, keys.place(words[record * stride] as number), batch, row)
  }

  /** Writes bounds and `at` of a row; `end` is the session's last or the whole's greatest `at`. */
  writeBounds(batch: Batch, row: number, start: number, end: number): void {
    const { window } = this.operator
    const last = window.kind === 'hop' ? start + window.sizeUs : end
    setNumber(batch.columns[this.#bounds[0]], row, start)
    setNumber(batch.columns[this.#bounds[1]], row, last)
    batch.at[row] = window.kind === 'hop' ? last - 1 : last
  }

  /** Sets `at` of a row whose columns are there. */
  readAt(batch: Batch, row: number): void {
    const column = batch.columns[this.#bounds[1]]
    invariant(column?.kind === 'num', 'a window has its end')
    const last = column.values[row] as number
    batch.at[row] = this.operator.window.kind === 'hop' ? last - 1 : last
  }

  #keysOf(batch: Batch, rows: Int32Array, count: number): Int32Array {
    if (this.#ids.length < count) this.#ids = new Int32Array(count)
    const { keys, words, stride } = this.store
    this.#packer.pack(batch, rows, count)
    const { starts, hashes } = this.#packer
    keys.internAll(this.#packer.words, starts, hashes, count, -1, this.#ids)
    let warm = 0
    for (let k = 0; k < count; k++) {
      const head = keys.user(this.#ids[k] as number)
      if (head >= 0)
        warm ^= (words[head * stride] as number) ^ (words[head * stride + NEXT] as number)
    }
    keys.warm = warm
    return this.#ids
  }
}

/** The expressions of aggregates: a column is read where it stands, others are projected. */
class ComputedColumns {
  readonly expressions: Expression[] = []
  readonly schema: { readonly name: string; readonly type: Type }[] = []
  readonly #input: Schema

  constructor(input: Schema) {
    this.#input = input
  }

  place(expression: Expression): ColumnPlace {
    const { type } = expression
    if (expression.node === 'column') {
      return { projected: false, index: placeOf(this.#input, expression.name), type }
    }
    const index = this.expressions.push(expression) - 1
    this.schema.push({ name: `c${index}`, type })
    return { projected: true, index, type }
  }
}

/** Whether rows of a stream come by position: those of one source do, in the task of one partition. */
function arrivesInOrder(operator: Operator): boolean {
  switch (operator.op) {
    case 'source':
      return true
    case 'filter':
    case 'project':
    case 'dedupe':
      return arrivesInOrder(operator.input)
    default:
      return false
  }
}

function rowOrder(operator: AggregateOperator): RowOrder {
  const { input, window } = operator
  const arrival = input.ties.length === 0 && arrivesInOrder(input)
  const ties = input.ties.map(name => ({
    projected: false,
    index: placeOf(input.schema, name),
    type: typeOf(input.schema, name),
  }))
  return { arrival, marked: arrival && window.kind === 'session', ties }
}

function placeOf(schema: Schema, name: string): number {
  const index = schema.findIndex(column => column.name === name)
  invariant(index >= 0, `rows have the column "${name}"`)
  return index
}

function typeOf(schema: Schema, name: string): Type {
  return (schema[placeOf(schema, name)] as Schema[number]).type
}

function setNumber(column: BatchColumn | undefined, row: number, value: number): void {
  if (column?.kind === 'num') column.values[row] = value
}

function appended(
  list: Int32Array<ArrayBuffer>,
  count: number,
  value: number,
): Int32Array<ArrayBuffer> {
  let target = list
  if (count === list.length) {
    target = new Int32Array(count + (count >> 1))
    target.set(list)
  }
  target[count] = value
  return target
}
