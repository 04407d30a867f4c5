/**
 * Writes the changes of a task into a repartition topic, by the partition of their new key, and
 * after them, to every partition, a mark of how far the task's time has come. Both become readable
 * with the epoch, in that order, so that a reader never assumes a time before the rows that precede it.
 */

import type { Batch } from '#columns'
import { GrowingBytes, partitionRows, RowCodec } from '#format'
import type { Schema } from '#plan'
import { type AppendBlock, END_OF_TIME_US, type TaskId } from '#ports'
import { type Downstream, PROGRESS_START, type Progress } from '../operator.ts'
import { MARK_HEADERS } from '../read/change-input.ts'

/** Records and bytes of one block of changes at most. */
const BLOCK_RECORDS_MAX = 4_096
const BLOCK_BYTES_MAX = 1024 * 1024
/** Readable bytes behind the last value of a block. */
const PADDING = 64

export interface RekeySinkOptions {
  readonly schema: Schema
  readonly topic: string
  readonly by: readonly string[]
  readonly partitions: number
  readonly task: TaskId
}

interface OpenBlock {
  readonly bytes: GrowingBytes
  ends: number[]
}

export class RekeySink implements Downstream {
  readonly topic: string
  readonly #options: RekeySinkOptions
  readonly #codec: RowCodec
  readonly #open: OpenBlock[]
  #placed = new Int32Array(0)
  #blocks: AppendBlock[] = []
  #told: Progress = PROGRESS_START

  constructor(options: RekeySinkOptions) {
    this.topic = options.topic
    this.#options = options
    this.#codec = new RowCodec(options.schema)
    this.#open = Array.from({ length: options.partitions }, () => ({
      bytes: new GrowingBytes(),
      ends: [],
    }))
  }

  push(batch: Batch): void {
    const { selection, selected } = batch
    if (this.#placed.length < batch.capacity) this.#placed = new Int32Array(batch.capacity)
    const placed = this.#placed
    partitionRows(batch, this.#options.by, this.#options.partitions, placed)
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const partition = placed[row] as number
      const { bytes, ends } = this.#open[partition] as OpenBlock
      this.#codec.encodeChange(batch, row, bytes)
      ends.push(bytes.used)
      if (ends.length >= BLOCK_RECORDS_MAX || bytes.used >= BLOCK_BYTES_MAX) this.#close(partition)
    }
  }

  /** The epoch's blocks in order; a mark behind them unless `progress` is undefined or was told. */
  drain(progress: Progress | undefined): readonly AppendBlock[] {
    for (let partition = 0; partition < this.#open.length; partition++) this.#close(partition)
    const blocks = this.#blocks
    this.#blocks = []
    if (progress === undefined || sameProgress(progress, this.#told)) return blocks
    this.#told = progress
    for (let partition = 0; partition < this.#open.length; partition++) {
      blocks.push(this.#mark(partition, progress))
    }
    return blocks
  }

  #close(partition: number): void {
    const block = this.#open[partition] as OpenBlock
    const { used } = block.bytes
    if (block.ends.length === 0) return
    const values = new Uint8Array(used + PADDING)
    values.set(block.bytes.bytes.subarray(0, used))
    this.#blocks.push({
      partition,
      count: block.ends.length,
      kind: 'change',
      markAt: 0,
      values,
      ends: Uint32Array.from(block.ends),
      headers: {},
      lines: null,
    })
    block.ends = []
    block.bytes.used = 0
  }

  #mark(partition: number, { watermarkUs, frontierUs }: Progress): AppendBlock {
    return {
      partition,
      count: 1,
      kind: 'mark',
      // Never the end mark, which would close the partition to the stage's other tasks.
      markAt: Math.max(-END_OF_TIME_US, Math.min(watermarkUs, END_OF_TIME_US - 1)),
      values: new Uint8Array(PADDING),
      ends: Uint32Array.of(0),
      headers: {
        [MARK_HEADERS.task]: this.#options.task,
        [MARK_HEADERS.watermark]: String(watermarkUs),
        [MARK_HEADERS.frontier]: String(frontierUs),
      },
      lines: null,
    }
  }
}

function sameProgress(a: Progress, b: Progress): boolean {
  return a.watermarkUs === b.watermarkUs && a.frontierUs === b.frontierUs
}
