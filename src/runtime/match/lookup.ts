/**
 * Left rows with the version of a dimension row that is valid at their time: the greatest
 * `validFrom ≤ at`; the later by tie columns and position of two at one time.
 *
 * A left row goes out once the dimension's watermark has passed it, or the left watermark is
 * `waitMax` beyond it; a version that comes later restates it. It is kept until the dimension's
 * frontier has passed it: then nothing can change it, and it is settled. Of each key the version at
 * or before the frontier of both sides is kept, and all later ones. Its mark says what of a left
 * row is out: 0 nothing, 1 the default, 2 + a content of the dimension.
 */

import { type Batch, compileFilter } from '#columns'
import {
  type OperatorContext,
  type OperatorInstance,
  type OperatorOf,
  type OperatorStats,
  type Progress,
  slower,
} from '../operator.ts'
import { columnIndexes, hasNull } from '../row-key.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { Timers } from '../timers.ts'
import { LookupOutput } from './lookup-output.ts'
import { compareTies } from './row-order.ts'
import { DELETED, found, type MarkCodec, RowStore } from './row-store.ts'

const NOT_OUT = 0
const DEFAULT_OUT = 1
const CONTENT_OUT = 2
const MINUTE_US = 60_000_000

class Lookup implements OperatorInstance {
  readonly #operator: OperatorOf<'lookup'>
  readonly #context: OperatorContext
  readonly #left: RowStore
  readonly #versions: RowStore
  readonly #leftKey: readonly number[]
  readonly #tableKey: readonly number[]
  readonly #isDeleted: ((batch: Batch) => number) | undefined
  readonly #compareTies: (a: number, b: number) => number
  readonly #output: LookupOutput
  readonly #marks: MarkCodec
  /** When left rows go out, when they settle, and when older versions may go. */
  readonly #show = new Timers(MINUTE_US)
  readonly #settle = new Timers(MINUTE_US)
  readonly #prune = new Timers(MINUTE_US)
  #deleted = new Uint8Array(0)
  /** Before it no version can come any more: such rows settle as they come. */
  #tablePassedUs = -Infinity
  #contents = new Int32Array(0)

  constructor(operator: OperatorOf<'lookup'>, context: OperatorContext) {
    const { input, table, on, deleted } = operator
    this.#operator = operator
    this.#context = context
    this.#left = new RowStore(input.schema, [on[0]])
    this.#versions = new RowStore(table.schema, [on[1]])
    this.#leftKey = columnIndexes(input.schema, [on[0]])
    this.#tableKey = columnIndexes(table.schema, [on[1]])
    if (deleted !== undefined) this.#isDeleted = compileFilter(table.schema, deleted, context)
    this.#compareTies = compareTies(this.#versions, table.ties)
    this.#output = new LookupOutput(operator, this.#left, this.#versions, context)
    this.#marks = {
      write: (mark, to) => {
        to.byte(Math.min(mark, CONTENT_OUT))
        if (mark >= CONTENT_OUT) this.#versions.writeContent(mark - CONTENT_OUT, to)
      },
      read: from => {
        const kind = from.byte()
        return kind === CONTENT_OUT ? CONTENT_OUT + this.#versions.readContent(from) : kind
      },
      release: mark => this.#release(mark),
    }
  }

  push(port: number, batch: Batch): void {
    if (port === 0) this.#pushLeft(batch)
    else this.#pushVersions(batch)
    this.#output.give()
  }

  flush(
    progress: Progress,
    final: boolean,
    inputs: readonly Progress[] = [progress, progress],
  ): Progress {
    const [left, table] = inputs as readonly [Progress, Progress]
    if (final) {
      for (const id of this.#left.records()) this.#publish(id)
    } else {
      this.#tablePassedUs = table.frontierUs
      // A row that may still be taken back is needed as long as that may happen.
      const settledUs = this.#context.retracting ? progress.frontierUs : table.frontierUs
      this.#settle.advance(settledUs - 1, this.#timeOf, id => this.#settleRow(id))
      if (this.#context.emit !== 'settled') {
        const shownUs = Math.max(table.watermarkUs - 1, left.watermarkUs - this.#operator.waitMaxUs)
        this.#show.advance(shownUs, this.#timeOf, id => {
          if (this.#left.mark(id) === NOT_OUT) this.#put(id, this.#wanted(id), false)
        })
      }
      const keptUs = slower(left, table).frontierUs
      this.#prune.advance(keptUs, this.#versionTime, id => this.#pruneKey(id, keptUs))
    }
    this.#output.give()
    return progress
  }

  delta(): Uint8Array | undefined {
    return this.#left.changed || this.#versions.changed ? this.#write('delta') : undefined
  }

  snapshot(): Uint8Array {
    return this.#write('snapshot')
  }

  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes)
    this.#versions.restore(from, undefined)
    this.#left.restore(from, this.#marks)
    for (const id of this.#left.records()) this.#file(id)
    for (const id of this.#versions.records()) this.#prune.file(id, this.#versions.at(id))
  }

  get stats(): OperatorStats {
    const timers = this.#show.bytes + this.#settle.bytes + this.#prune.bytes
    return {
      keys: this.#left.live + this.#versions.live,
      bytes: this.#left.bytes + this.#versions.bytes + timers,
      waiting: this.#left.live,
      versions: this.#versions.live,
    }
  }

  readonly #timeOf = (id: number) => (this.#left.isLive(id) ? this.#left.at(id) : Infinity)

  readonly #versionTime = (id: number) =>
    this.#versions.isLive(id) ? this.#versions.at(id) : Infinity

  #write(kind: 'snapshot' | 'delta'): Uint8Array {
    const to = new ByteWriter()
    this.#versions.write(kind, to, undefined)
    this.#left.write(kind, to, this.#marks)
    return to.take()
  }

  #file(id: number): void {
    this.#show.file(id, this.#left.at(id))
    this.#settle.file(id, this.#left.at(id))
  }

  #pushLeft(batch: Batch): void {
    const left = this.#left
    const passedUs = this.#context.retracting ? -Infinity : this.#tablePassedUs
    if (allBefore(batch, passedUs)) left.packKeys(batch)
    else left.pack(batch)
    if (this.#contents.length < batch.capacity) this.#contents = new Int32Array(batch.capacity)
    let direct = 0
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      const at = batch.at[row] as number
      // Null matches nothing, whatever may still come.
      const unmatched = hasNull(batch, this.#leftKey, row)
      if (unmatched || at < passedUs) {
        this.#contents[row] = unmatched ? -1 : this.#validContent(this.#versions.chain(left, k), at)
        batch.selection[direct++] = row
      } else if ((batch.weight[row] as number) > 0) this.#file(left.insert(batch, k, 0))
      else {
        const id = found(left.find(batch, k))
        this.#takeBack(id)
        left.remove(id)
      }
    }
    batch.selected = direct
    if (direct > 0) this.#output.direct(batch, this.#contents)
  }

  /** The content of the version of a chain that is valid at a time; −1 for none or a deletion. */
  #validContent(first: number, at: number): number {
    const version = this.#valid(first, at)
    if (version < 0 || this.#versions.flag(version, DELETED)) return -1
    return this.#versions.content(version)
  }

  #pushVersions(batch: Batch): void {
    const versions = this.#versions
    versions.pack(batch)
    this.#markDeleted(batch)
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      if (hasNull(batch, this.#tableKey, row)) continue
      const at = batch.at[row] as number
      if ((batch.weight[row] as number) > 0) {
        const id = versions.insert(batch, k, this.#deleted[row] === 1 ? DELETED : 0)
        this.#prune.file(id, at)
      } else versions.remove(found(versions.find(batch, k)))
      this.#restate(this.#left.chain(versions, k), at)
    }
  }

  /** Which rows of a batch of the table are delete versions, by row. */
  #markDeleted(batch: Batch): void {
    if (this.#deleted.length < batch.capacity) this.#deleted = new Uint8Array(batch.capacity)
    if (this.#isDeleted === undefined) return
    this.#deleted.fill(0)
    const selection = batch.selection.slice(0, batch.selected)
    this.#isDeleted(batch)
    for (let k = 0; k < batch.selected; k++) this.#deleted[batch.selection[k] as number] = 1
    batch.selection.set(selection)
    batch.selected = selection.length
  }

  /**
   * Rows of a chain that are out and may have changed, since a version at `at` came or went. Who
   * wants settled rows only learns of it when they settle.
   */
  #restate(first: number, at: number): void {
    if (this.#context.emit === 'settled') return
    for (let id = first; id >= 0; id = this.#left.next(id)) {
      if (this.#left.mark(id) === NOT_OUT || this.#left.at(id) < at) continue
      const wanted = this.#wanted(id)
      if (wanted !== this.#left.mark(id)) this.#put(id, wanted, false)
    }
  }

  /** What is out already goes out again to say that it is settled, where anybody saw it before. */
  #publish(id: number): void {
    const wanted = this.#wanted(id)
    const out = this.#left.mark(id) === wanted
    if (!out || this.#context.emit !== 'settled') this.#put(id, wanted, true)
  }

  #settleRow(id: number): void {
    this.#publish(id)
    this.#release(this.#left.mark(id))
    this.#left.remove(id)
  }

  /** Takes back what is out of a left row, and puts out what is wanted. */
  #put(id: number, wanted: number, settled: boolean): void {
    if (this.#left.mark(id) === wanted && !settled) return
    this.#takeBack(id)
    if (wanted >= CONTENT_OUT) this.#versions.retain(wanted - CONTENT_OUT)
    this.#left.setMark(id, wanted)
    const inputSettled = this.#left.settled(id)
    this.#output.add(id, wanted - CONTENT_OUT, 1, settled && inputSettled)
  }

  #takeBack(id: number): void {
    const mark = this.#left.mark(id)
    if (mark === NOT_OUT) return
    this.#output.add(id, mark - CONTENT_OUT, -1, false)
    this.#release(mark)
    this.#left.setMark(id, NOT_OUT)
  }

  #release(mark: number): void {
    if (mark >= CONTENT_OUT) this.#versions.release(mark - CONTENT_OUT)
  }

  /** The mark of a left row as it should be out now. */
  #wanted(id: number): number {
    const first = this.#versions.chainOfRecord(this.#left, id)
    const content = this.#validContent(first, this.#left.at(id))
    return content < 0 ? DEFAULT_OUT : CONTENT_OUT + content
  }

  /** The version of a chain that is valid at a time, or −1. */
  #valid(first: number, at: number): number {
    const versions = this.#versions
    let best = -1
    for (let id = first; id >= 0; id = versions.next(id)) {
      if (versions.at(id) <= at && (best < 0 || this.#newer(id, best))) best = id
    }
    return best
  }

  #newer(a: number, b: number): boolean {
    const [atA, atB] = [this.#versions.at(a), this.#versions.at(b)]
    if (atA !== atB) return atA > atB
    const ties = this.#compareTies(a, b)
    return ties !== 0 ? ties > 0 : this.#versions.comparePositions(a, b) > 0
  }

  /** Removes the versions of a key before the one that is valid at `keptUs`. */
  #pruneKey(id: number, keptUs: number): void {
    const kept = this.#valid(this.#versions.chainOf(id), keptUs)
    for (let other = this.#versions.chainOf(id); other >= 0; ) {
      const next = this.#versions.next(other)
      if (other !== kept && this.#versions.at(other) <= keptUs) this.#versions.remove(other)
      other = next
    }
  }
}

function allBefore({ selection, selected, at }: Batch, timeUs: number): boolean {
  for (let k = 0; k < selected; k++) {
    if ((at[selection[k] as number] as number) >= timeUs) return false
  }
  return true
}

/** Left rows with the columns of the dimension's version valid at their time. */
export function createLookup(
  operator: OperatorOf<'lookup'>,
  context: OperatorContext,
): OperatorInstance {
  return new Lookup(operator, context)
}
