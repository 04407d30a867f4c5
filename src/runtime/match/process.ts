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
import type { ProcessFunction, Row, Value } from '#plan'
import type {
  OperatorContext,
  OperatorInstance,
  OperatorOf,
  OperatorStats,
  Progress,
} from '../operator.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { Timers } from '../timers.ts'
import { KeyedState } from './keyed-state.ts'
import { compareTies } from './row-order.ts'
import { found, RowStore } from './row-store.ts'

const MINUTE_US = 60_000_000

type State = Record<string, Value>

class Process implements OperatorInstance {
  readonly #operator: OperatorOf<'process'>
  readonly #context: OperatorContext
  readonly #run: ProcessFunction
  readonly #states: KeyedState
  readonly #kept: RowStore
  readonly #provisional: RowStore
  readonly #due = new Timers(MINUTE_US)
  readonly #compareTies: (a: number, b: number) => number
  readonly #one: Batch
  readonly #output: Batch
  /** Event time below which nothing may be given any more. */
  #floorUs = -Infinity

  constructor(operator: OperatorOf<'process'>, context: OperatorContext) {
    const { input, by, name, schema } = operator
    const run = context.functions[name]
    if (run === undefined) {
      throw new PlatformError('app.invalid', `no function "${name}" for the process operator`, {
        hint: 'Declare it under "functions" of the application.',
      })
    }
    this.#operator = operator
    this.#context = context
    this.#run = run
    this.#states = new KeyedState(input.schema, by, operator.state)
    this.#kept = new RowStore(input.schema, by)
    this.#provisional = new RowStore(schema, [])
    this.#compareTies = compareTies(this.#kept, input.ties)
    this.#one = new Batch(input.schema, 1)
    this.#output = new Batch(schema)
  }

  push(_port: number, batch: Batch): void {
    if (this.#operator.order === 'log') {
      this.#states.locate(batch)
      for (let k = 0; k < batch.selected; k++) {
        const row = batch.selection[k] as number
        this.#call(batch, row, this.#states.at(k), 1)
      }
      this.#give()
      return
    }
    const kept = this.#kept
    kept.pack(batch)
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      if ((batch.weight[row] as number) < 0) kept.remove(found(kept.find(batch, k)))
      else this.#due.file(kept.insert(batch, k, 0), batch.at[row] as number)
    }
  }

  flush(progress: Progress, final: boolean): Progress {
    if (this.#operator.order === 'log') return progress
    if (final) this.#publish()
    else {
      this.#due.advance(progress.frontierUs - 1, this.#timeOf, id =>
        this.#release(id, progress.frontierUs),
      )
      this.#floorUs = progress.frontierUs
    }
    this.#give()
    return progress
  }
}
