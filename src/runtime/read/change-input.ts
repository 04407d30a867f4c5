/**
 * Reads one partition of a repartition topic: changes of an upstream stage, and its tasks' marks.
 *
 * Rows keep the position of the record they first came from, by which ties are broken; tables get
 * the position of the repartition record (docs/SEMANTICS.md, positions), which `RecordPositions`
 * holds beside the batch. Time is the minimum over the upstream tasks of what each last told.
 */

import { invariant } from '#base'
import { Batch } from '#columns'
import { RowCodec } from '#format'
import type { Schema } from '#plan'
import type { Log, LogBlock, TaskId } from '#ports'
import {
  type Downstream,
  type Position,
  PROGRESS_START,
  type Progress,
  slower,
} from '../operator.ts'
import type { InputPosition, ReadOutcome, TaskInput } from './task-input.ts'

/** Headers of a mark in a repartition topic. */
export const MARK_HEADERS = {
  task: 'task',
  watermark: 'watermark',
  frontier: 'frontier',
} as const

/**
 * Positions of the repartition records that the rows of a batch came in, by the batch's `offset`
 * array: batches derived from it share that array, and batches that operators make have another.
 */
export type RecordPositions = WeakMap<Float64Array, RecordPosition>

export interface RecordPosition {
  readonly origin: Float64Array
  readonly offset: Float64Array
  readonly index: Int32Array
}

export interface ChangeInputOptions {
  readonly log: Log
  readonly operator: number
  readonly topic: string
  /** Ordinal of the topic, behind those of the application's sources. */
  readonly ordinal: number
  readonly partition: number
  readonly schema: Schema
  /** All tasks of the stage that writes the topic. */
  readonly upstream: readonly TaskId[]
  readonly out: Downstream
  readonly position: Position
  readonly positions: RecordPositions
}

const PARTITIONS = 65_536

export class ChangeInput implements TaskInput {
  readonly kind = 'change'
  readonly operator: number
  readonly topic: string
  readonly partition: number
  readonly aheadMaxUs = Infinity
  readonly #options: ChangeInputOptions
  readonly #origin: number
  readonly #codec: RowCodec
  readonly #batch: Batch
  readonly #upstream = new Map<TaskId, Progress>()
  #own: RecordPosition | undefined
  #progress: Progress = PROGRESS_START
  #limit = Infinity
  #block: LogBlock | undefined
  next = 0
  records = 0

  constructor(options: ChangeInputOptions) {
    this.#options = options
    this.operator = options.operator
    this.topic = options.topic
    this.partition = options.partition
    this.#origin = options.ordinal * PARTITIONS + options.partition
    this.#codec = new RowCodec(options.schema)
    this.#batch = new Batch(options.schema)
    for (const task of options.upstream) this.#upstream.set(task, PROGRESS_START)
  }

  get progress(): Progress {
    return this.#progress
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
      this.#block = this.#options.log.read(this.topic, this.partition, this.next)
      if (this.#block === undefined || this.#block.baseOffset >= this.#limit) {
        this.#block = undefined
        return this.#limit < Infinity || this.#progress.frontierUs === Infinity
          ? 'ended'
          : 'waiting'
      }
    }
    const block = this.#block as LogBlock
    const from = Math.max(0, this.next - block.baseOffset)
    const to = Math.min(from + rows, block.count, this.#limit - block.baseOffset)
    if (block.kind === 'mark') this.#mark(block)
    else this.#take(block, from, to)
    this.next = block.baseOffset + to
    this.#options.position.origin = this.#origin
    this.#options.position.offset = this.next - 1
    this.#options.position.index = 0
    return 'read'
  }

  position(): InputPosition {
    const upstream: Record<TaskId, [string, string]> = {}
    for (const [task, { watermarkUs, frontierUs }] of this.#upstream) {
      if (watermarkUs === -Infinity && frontierUs === -Infinity) continue
      upstream[task] = [String(watermarkUs), String(frontierUs)]
    }
    const { operator, topic, partition, next } = this
    return { operator, topic, partition, next, upstream }
  }

  restore(position: InputPosition): void {
    this.next = position.next
    this.#block = undefined
    for (const [task, [watermark, frontier]] of Object.entries(position.upstream ?? {})) {
      this.#told(task, { watermarkUs: Number(watermark), frontierUs: Number(frontier) })
    }
  }

  #take(block: LogBlock, from: number, to: number): void {
    const batch = this.#batch
    this.#codec.decodeChanges(block, from, to, batch)
    this.records += to - from
    this.#place(batch, block.baseOffset + from)
    this.#options.out.push(batch)
  }

  #place(batch: Batch, first: number): void {
    let own = this.#own
    if (own === undefined || own.offset.length < batch.capacity) {
      own = {
        origin: new Float64Array(batch.capacity).fill(this.#origin),
        offset: new Float64Array(batch.capacity),
        index: new Int32Array(batch.capacity),
      }
      this.#own = own
    }
    for (let row = 0; row < batch.length; row++) own.offset[row] = first + row
    this.#options.positions.set(batch.offset, own)
  }

  #mark(block: LogBlock): void {
    const task = block.headers[MARK_HEADERS.task]
    const watermark = block.headers[MARK_HEADERS.watermark]
    const frontier = block.headers[MARK_HEADERS.frontier]
    invariant(
      task !== undefined && watermark !== undefined && frontier !== undefined,
      'a mark of a repartition topic says whose it is',
    )
    this.#told(task, { watermarkUs: Number(watermark), frontierUs: Number(frontier) })
  }

  #told(task: TaskId, progress: Progress): void {
    invariant(this.#upstream.has(task), `"${task}" writes to "${this.topic}"`)
    this.#upstream.set(task, progress)
    this.#progress = [...this.#upstream.values()].reduce(slower)
  }
}
