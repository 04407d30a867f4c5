/**
 * The aggregate over input that is never taken back: windows by key, changes of them out.
 *
 * Each window is a record of `AggregateState`. A record that differs from what was given out last
 * is CHANGED; a flush gives out those that `emit` wants: all (update), those whose end the
 * watermark has passed and those given out before (closed), those that settle in this flush
 * (settled), or everything (final). What settles goes out as settled even where it was given out as
 * it is, and is freed. Within a flush all rows that are taken back leave before the first that
 * appears, so that the last change of a key is right.
 *
 * What is taken back: with `images` the whole row, which is kept packed in the store's values, for
 * consumers that compute. Without, for a sink that needs no more, its key and bounds only, and only
 * where no row of the same key and start follows: else the new row takes its place.
 */

import { BATCH_ROWS_MAX, invariant, PlatformError } from '#base'
import { Batch } from '#columns'
import type { OperatorContext, OperatorInstance, OperatorStats, Progress } from '../operator.ts'
import { RowPacker, RowUnpacker } from '../state-pack.ts'
import {
  CHANGED,
  CLOSED,
  DEAD,
  DUE,
  EMITTED,
  FLAGS,
  LIVE,
  PENDING,
  TOUCHED,
} from '../state-records.ts'
import { Timers } from '../timers.ts'
import { AggregatePersistence } from './aggregate-persistence.ts'
import { RetractingAggregate } from './aggregate-retract.ts'
import { type AggregateOperator, AggregateState, ENDED_US } from './aggregate-state.ts'

/** Timers look together at what is due within this part of a gap or advance. */
const TIMER_PARTS = 1024

/** An instance of an aggregate for one partition. */
export function createAggregate(
  operator: AggregateOperator,
  context: OperatorContext,
): OperatorInstance {
  return context.retracting
    ? new RetractingAggregate(operator, context)
    : new Aggregation(operator, context)
}

class Aggregation implements OperatorInstance {
  readonly #context: OperatorContext
  readonly #state: AggregateState
  readonly #persistence: AggregatePersistence
  readonly #publication: Publication
  readonly #holdUs: number
  /** Where `emit` is `closed`: what waits for the watermark. */
  readonly #closing: Timers | undefined
  readonly #settling: Timers
  #timersFiled = true
  #due: number[] = []
  #wanted: number[] = []
  #counters = { settledRows: 0, givenRows: 0 }

  constructor(operator: AggregateOperator, context: OperatorContext) {
    this.#context = context
    const state = new AggregateState(operator, context)
    this.#state = state
    const { window } = operator
    this.#holdUs = window.kind === 'session' ? window.gapUs : 0
    const width =
      window.kind === 'all'
        ? ENDED_US
        : window.kind === 'session'
          ? window.gapUs / TIMER_PARTS
          : window.advanceUs
    this.#settling = new Timers(width)
    this.#closing = context.emit === 'closed' ? new Timers(width) : undefined
    this.#publication = new Publication(state, context)
    state.begin()
    this.#persistence = new AggregatePersistence(state, this.#publication)
    state.created = record => (this.#closing ?? this.#settling).file(record, state.dueUs(record))
    state.merged = record => this.#bury(record)
  }

  get stats(): OperatorStats {
    const { store, merges } = this.#state
    const timers = this.#settling.bytes + (this.#closing?.bytes ?? 0)
    return {
      keys: store.keys.live,
      bytes: this.#state.bytes + timers,
      windows: store.live,
      values: store.values.live,
      merges,
      ...this.#counters,
    }
  }

  push(_port: number, batch: Batch): void {
    this.#fileTimers()
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      invariant((batch.weight[row] as number) > 0, 'input that is never taken back has no −1')
    }
    this.#state.add(batch, batch.selection, batch.selected)
  }

  flush(progress: Progress, final: boolean): Progress {
    this.#fileTimers()
    this.#wanted = []
    this.#due = []
    if (!final) this.#advance(progress)
    this.#collect(final)
    this.#publication.takeBack(this.#wanted, this.#due)
    this.#publication.give(this.#wanted, final)
    // Also what was given as it is: that nothing can change it any more is news.
    this.#publication.give(this.#due, true)
    this.#counters.givenRows += this.#wanted.length + this.#due.length
    for (let k = 0; k < this.#due.length; k++) this.#settle(this.#due[k] as number)
    return {
      watermarkUs: progress.watermarkUs - this.#holdUs,
      frontierUs: progress.frontierUs - this.#holdUs,
    }
  }

  delta(): Uint8Array | undefined {
    return this.#persistence.delta()
  }

  snapshot(): Uint8Array {
    return this.#persistence.snapshot()
  }

  restore(bytes: Uint8Array, kind: 'snapshot' | 'delta'): void {
    if (kind === 'snapshot' && this.#state.store.top > 0) {
      throw new PlatformError('state.corrupt', 'a snapshot stands behind other state', {
        hint: 'Run "millrace verify", or remove the state and run the pipeline again.',
      })
    }
    this.#persistence.restore(bytes)
    this.#timersFiled = false
  }

  /** A session that was joined to another: forgotten at once, or once it has been taken back. */
  #bury(record: number): void {
    const { words, stride } = this.#state.store
    const at = record * stride + FLAGS
    if (((words[at] as number) & EMITTED) === 0) {
      this.#state.free(record)
      return
    }
    words[at] = ((words[at] as number) | DEAD) & ~CHANGED
    this.#state.touch(record, PENDING | TOUCHED)
  }

  /** Finds what the watermark closes and the frontier settles. */
  #advance({ watermarkUs, frontierUs }: Progress): void {
    const state = this.#state
    const { store } = state
    if (frontierUs > state.frontierUs) state.frontierUs = frontierUs
    const dueUs = (record: number): number =>
      ((store.words[record * store.stride + FLAGS] as number) & (LIVE | DEAD)) === LIVE
        ? state.dueUs(record)
        : Infinity
    this.#closing?.advance(watermarkUs, dueUs, record => {
      const at = record * store.stride + FLAGS
      const flags = store.words[at] as number
      if ((flags & CLOSED) !== 0) return
      state.touch(record, (flags & CHANGED) !== 0 ? CLOSED | PENDING | TOUCHED : CLOSED | TOUCHED)
      this.#settling.file(record, state.dueUs(record))
    })
    this.#settling.advance(frontierUs, dueUs, record => {
      const at = record * store.stride + FLAGS
      if (((store.words[at] as number) & DUE) !== 0) return
      store.words[at] = (store.words[at] as number) | DUE
      this.#due.push(record)
    })
  }

  /** Finds what is given out before it settles; empties the list of pending records. */
  #collect(final: boolean): void {
    const state = this.#state
    const { words, stride } = state.store
    const { emit } = this.#context
    for (let k = 0; k < state.pendingCount; k++) {
      const record = state.pending[k] as number
      const at = record * stride + FLAGS
      const flags = words[at] as number
      if ((flags & PENDING) === 0) continue
      words[at] = flags & ~PENDING
      if ((flags & DEAD) !== 0) this.#publication.bury(record)
      else if (final || (flags & (LIVE | CHANGED | DUE)) !== (LIVE | CHANGED)) continue
      else if (emit === 'update' || (emit === 'closed' && (flags & (CLOSED | EMITTED)) !== 0)) {
        this.#wanted.push(record)
      } else if (emit === 'settled' && (flags & EMITTED) !== 0) this.#publication.withdraw(record)
    }
    state.pendingCount = 0
    if (!final) return
    for (let record = 0; record < state.store.top; record++) {
      const flags = words[record * stride + FLAGS] as number
      if ((flags & LIVE) !== 0) this.#wanted.push(record)
    }
  }

  #settle(record: number): void {
    this.#publication.forget(record)
    this.#state.store.unlink(record)
    this.#state.free(record)
    this.#counters.settledRows++
  }

  #fileTimers(): void {
    if (this.#timersFiled) return
    this.#timersFiled = true
    const state = this.#state
    const { store } = state
    store.rebuildFree()
    for (let record = 0; record < store.top; record++) {
      const flags = store.words[record * store.stride + FLAGS] as number
      if ((flags & LIVE) === 0) continue
      const timers = (flags & CLOSED) !== 0 ? this.#settling : (this.#closing ?? this.#settling)
      timers.file(record, state.dueUs(record))
    }
  }
}

/** What was given out of each record, and the rows on their way out. */
export class Publication {
  readonly #state: AggregateState
  readonly #context: OperatorContext
  readonly #out: Batch
  readonly #packer: RowPacker
  readonly #unpacker: RowUnpacker
  /** Place of a reference to the row that was given out, in words; −1 without images. */
  readonly image: number
  /** Place of the start that was given out, in doubles; −1 where it cannot change. */
  readonly givenStart: number
  #buried: number[] = []
  #withdrawn: number[] = []
  readonly #records = new Int32Array(BATCH_ROWS_MAX)
  readonly #rows = new Int32Array(BATCH_ROWS_MAX)

  constructor(state: AggregateState, context: OperatorContext) {
    this.#state = state
    this.#context = context
    const { schema, window } = state.operator
    this.#out = new Batch(schema)
    const columns = schema.map((_, index) => index)
    this.#packer = new RowPacker(columns)
    this.#unpacker = new RowUnpacker(columns)
    const { layout } = state.store
    const { images } = context
    this.image = images ? layout.word(-1) : -1
    this.givenStart = !images && window.kind === 'session' ? layout.double(Number.NaN) : -1
    for (let k = 0; k < BATCH_ROWS_MAX; k++) this.#rows[k] = k
  }

  /** A record that was given out and joined to another. */
  bury(record: number): void {
    this.#buried.push(record)
  }

  /**
   * A record that a final flush gave out, and that changed. Whoever computes must hear of it before
   * the frontier passes the row; a table keeps it until the settled one takes its place.
   */
  withdraw(record: number): void {
    if (this.image >= 0) this.#withdrawn.push(record)
  }

  /** Takes back what of these records was given out and will not stand. */
  takeBack(wanted: readonly number[], due: readonly number[]): void {
    for (const record of this.#buried) {
      this.#takeBack(record)
      this.forget(record)
      this.#state.free(record)
    }
    this.#buried = []
    for (const record of this.#withdrawn) this.#withdraw(record)
    this.#withdrawn = []
    for (let k = 0; k < wanted.length; k++) this.#restate(wanted[k] as number)
    for (let k = 0; k < due.length; k++) this.#restate(due[k] as number)
    this.#send()
  }

  /** Gives out the rows of records as they are now. */
  give(records: readonly number[], settled: boolean): void {
    for (let from = 0; from < records.length; from += BATCH_ROWS_MAX) {
      const count = Math.min(BATCH_ROWS_MAX, records.length - from)
      for (let k = 0; k < count; k++) this.#records[k] = records[from + k] as number
      this.#state.write(this.#records, this.#rows, count, this.#out)
      for (let row = 0; row < count; row++) this.#stamp(row, 1, settled)
      this.#out.length = count
      this.#remember(count)
      this.#send()
    }
  }

  /** Gives back what is kept of what was given out. */
  forget(record: number): void {
    if (this.image < 0) return
    const { words, stride, values } = this.#state.store
    const at = record * stride + this.image
    values.release(words[at] as number)
    words[at] = -1
  }

  #withdraw(record: number): void {
    const { words, stride } = this.#state.store
    this.#takeBack(record)
    this.forget(record)
    const at = record * stride + FLAGS
    words[at] = (words[at] as number) & ~EMITTED
    this.#state.touch(record, TOUCHED)
  }

  #restate(record: number): void {
    const { words, doubles, stride } = this.#state.store
    const flags = words[record * stride + FLAGS] as number
    if ((flags & EMITTED) === 0) return
    if (this.image < 0) {
      if (this.givenStart < 0) return
      const half = (record * stride) / 2
      if (doubles[half + this.givenStart] === doubles[half + this.#state.start]) return
    }
    this.#takeBack(record)
  }

  #takeBack(record: number): void {
    const { words, doubles, stride, values } = this.#state.store
    const row = this.#out.length
    if (this.image >= 0) {
      const image = words[record * stride + this.image] as number
      this.#unpacker.unpack(values.words, values.place(image), this.#out, row)
      this.#state.readAt(this.#out, row)
    } else {
      nullRow(this.#out, row)
      this.#state.writeKey(record, this.#out, row)
      const start = doubles[(record * stride) / 2 + this.givenStart] as number
      this.#state.writeBounds(this.#out, row, start, this.#state.endOf(record))
    }
    this.#stamp(row, -1, false)
    this.#out.length++
    if (this.#out.length === BATCH_ROWS_MAX) this.#send()
  }

  #remember(count: number): void {
    const { words, doubles, stride, values } = this.#state.store
    if (this.image >= 0) this.#packer.pack(this.#out, this.#rows, count)
    for (let k = 0; k < count; k++) {
      const record = this.#records[k] as number
      const base = record * stride
      if (this.image >= 0) {
        const { starts, hashes } = this.#packer
        const image = values.keep(this.#packer.words, starts[k] as number, hashes[k] as number)
        values.release(words[base + this.image] as number)
        words[base + this.image] = image
      } else if (this.givenStart >= 0) {
        doubles[base / 2 + this.givenStart] = doubles[base / 2 + this.#state.start] as number
      }
      words[base + FLAGS] = ((words[base + FLAGS] as number) | EMITTED) & ~CHANGED
      this.#state.touch(record, TOUCHED)
    }
  }

  #stamp(row: number, weight: number, settled: boolean): void {
    const out = this.#out
    const { position } = this.#context
    out.weight[row] = weight
    out.settled[row] = settled ? 1 : 0
    out.origin[row] = position.origin
    out.offset[row] = position.offset
    out.index[row] = position.index
  }

  #send(): void {
    const out = this.#out
    if (out.length === 0) return
    out.selectAll()
    this.#context.out.push(out)
    out.clear()
  }
}

/** Makes every column of a row null. */
function nullRow(batch: Batch, row: number): void {
  for (const column of batch.columns) {
    if (column.kind === 'uuid') column.nulls[row] = 1
    else if (column.kind === 'text' || column.kind === 'list') column.lengths[row] = -1
    else column.values[row] = Number.NaN
  }
}
