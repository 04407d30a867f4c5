/**
 * Reads one partition of a source's topic: decodes, judges each row by its time, hands on what is
 * included, and records what is not and why.
 */

import { Batch } from '#columns'
import type { Codec } from '#format'
import type { SourceSpec } from '#plan'
import { END_OF_TIME_US, type Log, type LogBlock } from '#ports'
import type { Downstream, Position, Progress } from '../operator.ts'
import { type RejectedRows, type RejectedSource, TOO_LATE } from '../write/rejected-rows.ts'
import type { SourceCounters } from './counters.ts'
import type { InputPosition, ReadOutcome, TaskInput } from './task-input.ts'
import { PartitionTime } from './watermark.ts'

/**
 * What the partitions of a source share in one worker: the compiled codec and the batch it fills,
 * so that both stay hot. A batch is through before the next one is filled.
 */
export class SourceDecoder {
  readonly codec: Codec
  readonly batch: Batch
  #origin = -1
  #originRows = 0

  constructor(source: SourceSpec, codec: Codec) {
    this.codec = codec
    this.batch = new Batch(source.schema)
  }

  /** Decodes records `from … to` of `block`, all of one origin, into `batch`. */
  decode(block: LogBlock, from: number, to: number, origin: number): void {
    const { batch } = this
    this.codec.decode(block, from, to, batch)
    if (origin === this.#origin && batch.capacity === this.#originRows) return
    batch.origin.fill(origin)
    this.#origin = origin
    this.#originRows = batch.capacity
  }
}

export interface SourceInputOptions {
  readonly log: Log
  readonly operator: number
  readonly source: SourceSpec
  /** Ordinal of the source in the application. */
  readonly ordinal: number
  readonly partition: number
  readonly decoder: SourceDecoder
  readonly planHash: string
  readonly out: Downstream
  /** Moved on to the last record read, where the task owns the partition. */
  readonly position: Position | undefined
  /**
   * Where rejected records and counts go; undefined where another task reports this partition,
   * which several read (dimensions).
   */
  readonly report:
    | { readonly rejected: RejectedRows; readonly counters: SourceCounters }
    | undefined
}

/** Rows of a record's own: origins of a source's partition. */
const PARTITIONS = 65_536

export class SourceInput implements TaskInput {
  readonly kind = 'source'
  readonly operator: number
  readonly topic: string
  readonly partition: number
  readonly aheadMaxUs: number
  readonly #options: SourceInputOptions
  readonly #origin: number
  readonly #time: PartitionTime
  readonly #rejectedSource: RejectedSource
  #limit = Infinity
  #block: LogBlock | undefined
  next = 0
  records = 0

  constructor(options: SourceInputOptions) {
    const { source, partition, ordinal, planHash } = options
    this.#options = options
    this.operator = options.operator
    this.topic = source.name
    this.partition = partition
    this.aheadMaxUs = source.aheadMaxUs ?? Infinity
    this.#origin = ordinal * PARTITIONS + partition
    this.#time = new PartitionTime(source.disorderUs, source.latenessUs)
    this.#rejectedSource = { source, origin: this.#origin, planHash }
  }

  get progress(): Progress {
    return this.#time.progress
  }

  get holding(): boolean {
    const block = this.#block
    return block !== undefined && this.next < Math.min(block.baseOffset + block.count, this.#limit)
  }

  limit(offset: number | null): void {
    this.#limit = offset ?? Infinity
  }

  read(rows: number): ReadOutcome {
    if (this.next >= this.#limit) return 'ended'
    if (!this.holding) {
      const block = this.#options.log.read(this.topic, this.partition, this.next)
      this.#block = block
      if (block === undefined) {
        return this.#limit < Infinity || this.#time.greatest >= END_OF_TIME_US ? 'ended' : 'waiting'
      }
      if (block.baseOffset >= this.#limit) {
        this.#block = undefined
        this.next = this.#limit
        return 'ended'
      }
    }
    const block = this.#block as LogBlock
    const from = Math.max(0, this.next - block.baseOffset)
    const to = Math.min(from + rows, block.count, this.#limit - block.baseOffset)
    if (block.kind === 'mark') this.#time.mark(block.markAt)
    else this.#take(block, from, to)
    this.next = block.baseOffset + to
    if (this.#options.position !== undefined) this.#moveOn(this.#options.position)
    return 'read'
  }

  position(): InputPosition {
    const { greatest } = this.#time
    return {
      operator: this.operator,
      topic: this.topic,
      partition: this.partition,
      next: this.next,
      greatest: greatest === -Infinity ? null : greatest,
    }
  }

  restore(position: InputPosition): void {
    this.next = position.next
    this.#block = undefined
    this.#time.restore(position.greatest ?? -Infinity)
  }

  #take(block: LogBlock, from: number, to: number): void {
    const { decoder, out, report } = this.#options
    const { batch } = decoder
    decoder.decode(block, from, to, this.#origin)
    const decoded = batch.selected
    this.#time.classify(batch)
    this.records += to - from
    if (report !== undefined) {
      report.counters.read(to - from, batch.selected, this.#time.late)
      if (decoded < to - from) this.#rejectDead(block, from)
      if (batch.selected < decoded) this.#rejectLate(block, from)
    }
    if (batch.selected > 0) out.push(batch)
  }

  #rejectDead(block: LogBlock, from: number): void {
    const { decoder, report } = this.#options
    for (const { row, reason, path, message } of decoder.codec.rejects) {
      report?.counters.dead(reason)
      const why = { reason, path, message, at: null, index: 0 }
      report?.rejected.add(this.#rejectedSource, block, from + row, why)
    }
  }

  #rejectLate(block: LogBlock, from: number): void {
    const { report, source, decoder } = this.#options
    const { batch } = decoder
    for (const row of this.#time.tooLateRows) {
      report?.counters.tooLate()
      report?.rejected.add(this.#rejectedSource, block, from + row, {
        reason: TOO_LATE,
        path: source.at,
        message: 'older than everything that can still be included',
        at: batch.at[row] as number,
        index: batch.index[row] as number,
      })
    }
  }

  #moveOn(position: Position): void {
    position.origin = this.#origin
    position.offset = this.next - 1
    position.index = 0
  }
}
