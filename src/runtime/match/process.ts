/**
 * A function of the author, called with each row and the declared state of the row's key.
 *
 * `order: 'log'` calls it as rows come, which is position order where a key's rows come from one
 * partition. `order: 'event'` keeps rows and calls it in the order (at, tie columns, position),
 * each row once the frontier has passed it, so that nothing can come before it any more.
 *
 * A final flush runs the rows that are kept over a copy of the state; what that gives is provisional
 * (not settled, and remembered), and is taken back when the key's rows are run in earnest. A key
 * whose state is all null is forgotten.
 */

import { PlatformError } from '#base'
import { appendRow, Batch, readRow } from '#columns'
import type { ProcessFunction, Row } from '#plan'
import type {
  OperatorContext,
  OperatorInstance,
  OperatorOf,
  OperatorStats,
  Progress,
} from '../operator.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { Timers } from '../timers.ts'
import { type KeyEntry, KeyedState } from './keyed-state.ts'
import { compareTies } from './row-order.ts'
import { found, RowStore } from './row-store.ts'

const MINUTE_US = 60_000_000
const GIVE_ROWS = 1_024

class Process implements OperatorInstance {
  readonly #operator: OperatorOf<'process'>
  readonly #context: OperatorContext
  readonly #run: ProcessFunction
  readonly #states: KeyedState
  readonly #kept: RowStore
  readonly #due = new Timers(MINUTE_US)
  readonly #compareTies: (a: number, b: number) => number
  readonly #one: Batch
  readonly #output: Batch
  /** Event time below which nothing may be given any more. */
  #floorUs = -Infinity

  constructor(operator: OperatorOf<'process'>, context: OperatorContext) {
    const { input, by, name, schema, state } = operator
    const run = context.functions[name]
    if (run === undefined) {
      throw new PlatformError('app.invalid', `no function "${name}" for the process operator`, {
        hint: 'Declare it under "functions" of the application.',
      })
    }
    this.#operator = operator
    this.#context = context
    this.#run = run
    this.#states = new KeyedState(input.schema, by, state, schema)
    this.#kept = new RowStore(input.schema, by)
    this.#compareTies = compareTies(this.#kept, input.ties)
    this.#one = new Batch(input.schema, 1)
    this.#output = new Batch(schema)
  }

  push(_port: number, batch: Batch): void {
    if (this.#operator.order === 'log') this.#runLog(batch)
    else this.#keep(batch)
  }

  flush(progress: Progress, final: boolean): Progress {
    if (this.#operator.order === 'log') return progress
    if (final) this.#publish()
    else {
      const { frontierUs } = progress
      this.#due.advance(frontierUs - 1, this.#timeOf, id => {
        if (this.#kept.isLive(id)) this.#release(id, frontierUs)
        if (this.#output.length >= GIVE_ROWS) this.#give()
      })
      this.#floorUs = frontierUs
    }
    this.#give()
    return progress
  }

  delta(): Uint8Array | undefined {
    return this.#kept.changed || this.#states.changed ? this.#write('delta') : undefined
  }

  snapshot(): Uint8Array {
    return this.#write('snapshot')
  }

  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes)
    this.#floorUs = from.double()
    this.#kept.restore(from, undefined)
    this.#states.restore(from)
    for (const id of this.#kept.records()) this.#due.file(id, this.#kept.at(id))
  }

  get stats(): OperatorStats {
    const bytes = this.#kept.bytes + this.#due.bytes + this.#states.bytes
    return { keys: this.#states.live, bytes, waiting: this.#kept.live }
  }

  readonly #timeOf = (id: number) => (this.#kept.isLive(id) ? this.#kept.at(id) : Infinity)

  #write(kind: 'snapshot' | 'delta'): Uint8Array {
    const to = new ByteWriter()
    to.double(this.#floorUs)
    this.#kept.write(kind, to, undefined)
    this.#states.write(kind, to)
    return to.take()
  }

  #runLog(batch: Batch): void {
    this.#states.locate(batch)
    for (let k = 0; k < batch.selected; k++) {
      const entry = this.#states.at(k)
      this.#call(batch, batch.selection[k] as number, entry.state, true)
      this.#states.touch(entry)
      if (this.#output.length >= GIVE_ROWS) this.#give()
    }
    this.#give()
  }

  #keep(batch: Batch): void {
    const kept = this.#kept
    kept.pack(batch)
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      if ((batch.weight[row] as number) < 0) kept.remove(found(kept.find(batch, k)))
      else this.#due.file(kept.insert(batch, k, 0), batch.at[row] as number)
    }
  }

  /** Runs the rows of a record's key that the frontier has passed. */
  #release(id: number, frontierUs: number): void {
    const entry = this.#states.of(this.#kept.keyWords, this.#kept.keyPlace(id))
    const { provisional } = entry
    if (provisional.length > 0) this.#give()
    for (const due of this.#ordered(id, frontierUs)) {
      this.#runKept(due, entry.state, true)
      this.#kept.remove(due)
    }
    this.#states.touch(entry)
    if (provisional.length === 0) return
    // What was published as if the input ended, and came true, stays published.
    const rows = this.#states.pack(this.#output)
    const equal = commonRows(provisional, rows)
    const wrong = equal < rows.length
    this.#replace(wrong ? provisional.slice(equal) : [], rows.slice(equal))
    this.#states.setProvisional(entry, wrong ? [] : provisional.slice(equal))
  }

  /** Runs all rows that are kept over a copy of their key's state. */
  #publish(): void {
    const done = new Set<KeyEntry>()
    for (const id of this.#kept.records()) {
      const entry = this.#states.of(this.#kept.keyWords, this.#kept.keyPlace(id))
      if (done.has(entry)) continue
      done.add(entry)
      this.#give()
      const state = structuredClone(entry.state)
      for (const due of this.#ordered(id, Infinity)) this.#runKept(due, state, false)
      const rows = this.#states.pack(this.#output)
      const equal = commonRows(entry.provisional, rows)
      this.#replace(entry.provisional.slice(equal), rows.slice(equal))
      this.#states.setProvisional(entry, rows)
    }
    for (const entry of this.#states.withProvisional()) {
      if (done.has(entry)) continue
      this.#replace(entry.provisional, [])
      this.#states.setProvisional(entry, [])
    }
  }

  /** Takes back and gives packed rows. */
  #replace(old: readonly Uint8Array[], rows: readonly Uint8Array[]): void {
    this.#output.clear()
    this.#states.unpack(old, this.#output, -1)
    this.#give()
    this.#states.unpack(rows, this.#output, 1)
    this.#give()
  }

  /** The rows of a record's chain before a time, in the order in which the function sees them. */
  #ordered(id: number, beforeUs: number): number[] {
    const kept = this.#kept
    const rows: number[] = []
    for (let other = kept.chainOf(id); other >= 0; other = kept.next(other)) {
      if (kept.at(other) < beforeUs) rows.push(other)
    }
    return rows.sort(
      (a, b) => kept.at(a) - kept.at(b) || this.#compareTies(a, b) || kept.comparePositions(a, b),
    )
  }

  #runKept(id: number, state: KeyEntry['state'], settled: boolean): void {
    this.#one.clear()
    this.#kept.read(id, this.#one, 0)
    this.#call(this.#one, 0, state, settled)
  }

  #call(batch: Batch, from: number, state: KeyEntry['state'], settled: boolean): void {
    const { name } = this.#operator
    const emit = (row: Row) => {
      const at = this.#timeOfOutput(row)
      const origin = batch.origin[from] as number
      const offset = batch.offset[from] as number
      const index = batch.index[from] as number
      appendRow(this.#output, row, { at, settled, origin, offset, index })
    }
    try {
      this.#run(readRow(batch, from), state, emit)
    } catch (error) {
      if (error instanceof PlatformError) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new PlatformError('process.failed', `the function "${name}" failed: ${why}`, {
        hint: 'It stops the run at this row each time; make it answer every row of its input.',
        cause: error,
      })
    }
  }

  #timeOfOutput(row: Row): number {
    const { at: column, name } = this.#operator
    const at = row[column]
    if (typeof at === 'number' && Number.isSafeInteger(at) && at >= this.#floorUs) return at
    throw new PlatformError('process.failed', `the function "${name}" gave a row at ${at}`, {
      hint: `"${column}" must be a time, not before what its readers may assume has passed.`,
    })
  }

  #give(): void {
    if (this.#output.length === 0) return
    this.#context.out.push(this.#output)
    this.#output.clear()
  }
}

/** How many rows two lists begin with that are equal but for weight and settledness. */
function commonRows(a: readonly Uint8Array[], b: readonly Uint8Array[]): number {
  let count = 0
  for (; count < a.length && count < b.length; count++) {
    const [x, y] = [a[count] as Uint8Array, b[count] as Uint8Array]
    if (Buffer.compare(x.subarray(0, 8), y.subarray(0, 8)) !== 0) break
    if (Buffer.compare(x.subarray(10), y.subarray(10)) !== 0) break
  }
  return count
}

/** A keyed function with declared state over its input's rows. */
export function createProcess(
  operator: OperatorOf<'process'>,
  context: OperatorContext,
): OperatorInstance {
  return new Process(operator, context)
}
