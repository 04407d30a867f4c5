/**
 * Interval join: pairs of equal keys with `lo ≤ left.at − right.at ≤ hi`, both bounds inclusive.
 *
 * Each side keeps its rows by key; a row that comes meets what the other side has. A left row can
 * still meet rights up to `left.at − lo`, a right row lefts up to `right.at + hi`, so they go when
 * the frontier of both sides has passed that. Null keys never join. A row taken back takes its
 * pairs back. Cost: the rows of the key that are live, per row.
 */

import { invariant } from '#base'
import { Batch, type BatchColumn, copyColumn, growColumn } from '#columns'
import type {
  OperatorContext,
  OperatorInstance,
  OperatorOf,
  OperatorStats,
  Progress,
} from '../operator.ts'
import { columnIndexes, hasNull } from '../row-key.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { Timers } from '../timers.ts'
import { found, RowStore } from './row-store.ts'

/** Pairs handed out at once. */
const PAIRS_MAX = 1_024
/** Due times that are looked at together, as a share of how long rows are kept. */
const BUCKETS = 64

interface Side {
  readonly store: RowStore
  readonly timers: Timers
  readonly key: readonly number[]
  /** Microseconds after its own time at which a row can meet none any more. */
  readonly keepUs: number
}

class Join implements OperatorInstance {
  readonly #operator: OperatorOf<'join'>
  readonly #context: OperatorContext
  readonly #sides: readonly [left: Side, right: Side]
  readonly #output: Batch
  /** Of the pairs being gathered: the row of the batch, and the row of the other side, unpacked. */
  readonly #rows = new Int32Array(PAIRS_MAX)
  readonly #others: readonly [left: Batch, right: Batch]
  readonly #all = Int32Array.from({ length: PAIRS_MAX }, (_, row) => row)
  readonly #columns: readonly { readonly side: number; readonly index: number }[]
  #pairs = 0

  constructor(operator: OperatorOf<'join'>, context: OperatorContext) {
    const { left, right, on, loUs, hiUs, columns, schema } = operator
    invariant(loUs <= hiUs, 'the bounds of a join are in order')
    this.#operator = operator
    this.#context = context
    const width = (hiUs - loUs) / BUCKETS
    const side = (input: typeof left, key: readonly string[], keepUs: number): Side => ({
      store: new RowStore(input.schema, key),
      timers: new Timers(width),
      key: columnIndexes(input.schema, key),
      keepUs,
    })
    this.#sides = [
      side(
        left,
        on.map(([name]) => name),
        -loUs,
      ),
      side(
        right,
        on.map(([, name]) => name),
        hiUs,
      ),
    ]
    this.#others = [new Batch(left.schema, PAIRS_MAX), new Batch(right.schema, PAIRS_MAX)]
    this.#output = new Batch(schema, PAIRS_MAX)
    const inputs = [left, right]
    this.#columns = columns.map(({ side: name, column }) => {
      const from = name === 'left' ? 0 : 1
      const index = (inputs[from] ?? left).schema.findIndex(entry => entry.name === column)
      return { side: from, index }
    })
  }

  push(port: number, batch: Batch): void {
    const own = this.#sides[port] as Side
    const other = this.#sides[1 - port] as Side
    own.store.pack(batch)
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      if (hasNull(batch, own.key, row)) continue
      if ((batch.weight[row] as number) < 0) own.store.remove(found(own.store.find(batch, k)))
      else {
        const id = own.store.insert(batch, k, 0)
        own.timers.file(id, (batch.at[row] as number) + own.keepUs + 1)
      }
      this.#meet(port, batch, k, other.store.chain(own.store, k))
    }
    this.#give(port, batch)
  }

  flush(progress: Progress, final: boolean): Progress {
    // Pairs go out as their rows meet, so a final flush has nothing to publish, and frees nothing.
    if (final) return progress
    for (const { store, timers, keepUs } of this.#sides) {
      timers.advance(
        progress.frontierUs,
        id => (store.isLive(id) ? store.at(id) + keepUs + 1 : Infinity),
        id => store.remove(id),
      )
    }
    return progress
  }

  delta(): Uint8Array | undefined {
    return this.#sides.some(side => side.store.changed) ? this.#write('delta') : undefined
  }

  snapshot(): Uint8Array {
    return this.#write('snapshot')
  }

  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes)
    for (const { store, timers, keepUs } of this.#sides) {
      store.restore(from, undefined)
      for (const id of store.records()) timers.file(id, store.at(id) + keepUs + 1)
    }
  }

  get stats(): OperatorStats {
    const [left, right] = this.#sides
    return {
      keys: left.store.live + right.store.live,
      bytes: left.store.bytes + right.store.bytes + left.timers.bytes + right.timers.bytes,
    }
  }

  #write(kind: 'snapshot' | 'delta'): Uint8Array {
    const to = new ByteWriter()
    for (const { store } of this.#sides) store.write(kind, to, undefined)
    return to.take()
  }

  /** Gathers the pairs of the row at place `k` with the chain of the other side. */
  #meet(port: number, batch: Batch, k: number, first: number): void {
    const { loUs, hiUs } = this.#operator
    const store = (this.#sides[1 - port] as Side).store
    const row = batch.selection[k] as number
    const at = batch.at[row] as number
    for (let id = first; id >= 0; id = store.next(id)) {
      const distance = port === 0 ? at - store.at(id) : store.at(id) - at
      if (distance < loUs || distance > hiUs) continue
      if (this.#pairs === PAIRS_MAX) this.#give(port, batch)
      const pair = this.#pairs++
      this.#rows[pair] = row
      store.read(id, this.#others[1 - port] as Batch, pair)
      this.#identify(port, batch, row, pair)
    }
  }

  /** A pair stands where its later row does, or the left of two at the same time. */
  #identify(port: number, batch: Batch, row: number, pair: number): void {
    const output = this.#output
    const other = this.#others[1 - port] as Batch
    const [a, b] = [batch.at[row] as number, other.at[pair] as number]
    const own = a > b || (a === b && port === 0)
    const from = own ? batch : other
    const place = own ? row : pair
    output.at[pair] = Math.max(a, b)
    output.origin[pair] = from.origin[place] as number
    output.offset[pair] = from.offset[place] as number
    output.index[pair] = from.index[place] as number
    output.weight[pair] = batch.weight[row] as number
    output.settled[pair] = (batch.settled[row] as number) & (other.settled[pair] as number)
  }

  /** Hands out the pairs gathered of `batch`, which came in at `port`. */
  #give(port: number, batch: Batch): void {
    const output = this.#output
    const count = this.#pairs
    if (count === 0) return
    const other = this.#others[1 - port] as Batch
    for (const [c, { side, index }] of this.#columns.entries()) {
      const column = output.columns[c]
      if (side === port) {
        copyColumn(batch.columns[index], batch.arena, this.#rows, count, column, output.arena, 0)
      } else
        copyColumn(other.columns[index], other.arena, this.#all, count, column, output.arena, 0)
    }
    const last = output.columns[this.#columns.length] as BatchColumn
    invariant(last.kind === 'num', 'the last column of a join is its time')
    growColumn(last, count)
    last.values.set(output.at.subarray(0, count))
    output.length = count
    output.selectAll()
    this.#context.out.push(output)
    output.clear()
    other.clear()
    this.#pairs = 0
  }
}

/** Pairs of two inputs within bounds of time; a pair's time is the greater of both. */
export function createJoin(
  operator: OperatorOf<'join'>,
  context: OperatorContext,
): OperatorInstance {
  return new Join(operator, context)
}
