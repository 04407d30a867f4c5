/**
 * Recorded blocks again at the pace of their event time, faster or slower by a factor.
 *
 * A record is due when event time has run as far as the greatest `at` before it in its own input,
 * so that records that came out of order come out of order again. Inputs (the partitions of a
 * topic) run side by side on one scale that starts at their earliest record; the state is one block an input.
 */

import type { Clock } from '#base'
import { Batch } from '#columns'
import type { Codec } from '#format'
import type { AppendBlock, Log, LogBlock } from '#ports'

export interface PacedReplayOptions {
  /** Blocks in order, one iterable a partition; a block is used until the next is asked for. */
  readonly inputs: readonly (Iterable<LogBlock> | AsyncIterable<LogBlock>)[]
  /** Of the source of these records. */
  readonly codec: Codec
  /** Seconds of event time a second; Infinity does not wait. */
  readonly speed: number
  readonly clock: Clock
  readonly sleep: (ms: number) => Promise<void>
  readonly signal?: AbortSignal
}

/** The blocks of each partition of a topic, as `inputs`: copies, as a log's own are soon reused. */
export function topicBlocks(log: Log, topic: string): readonly Iterable<LogBlock>[] {
  return log.topic(topic).extents.map(({ start }, partition) => ({
    *[Symbol.iterator]() {
      let block = log.read(topic, partition, start)
      while (block !== undefined) {
        const { values, ends, lines } = block
        yield {
          ...block,
          values: Uint8Array.from(values),
          ends: ends.slice(),
          lines: lines?.slice() ?? null,
        }
        block = log.read(topic, partition, block.baseOffset + block.count)
      }
    },
  }))
}

/** Emits data records when they are due, as parts of their blocks; marks are left out. */
export async function* pacedReplay(options: PacedReplayOptions): AsyncGenerator<AppendBlock> {
  const { clock, speed } = options
  const inputs = options.inputs.map(blocks => new ReplayInput(blocks, options.codec))
  for (const input of inputs) await input.load()
  const firstAt = Math.min(...inputs.map(input => input.nextAt))
  const startedMs = clock.monotonicMs()
  while (options.signal?.aborted !== true) {
    const elapsedMs = clock.monotonicMs() - startedMs
    const reached = speed === Infinity ? Infinity : firstAt + elapsedMs * 1000 * speed
    let emitted = false
    for (const input of inputs) {
      const block = input.take(reached)
      if (block === undefined) continue
      emitted = true
      yield block
      await input.load()
    }
    if (emitted) continue
    const next = Math.min(...inputs.map(input => input.nextAt))
    if (next === Infinity) return
    await options.sleep(Math.ceil((next - reached) / (1000 * speed)))
  }
}

class ReplayInput {
  private readonly iterator: Iterator<LogBlock> | AsyncIterator<LogBlock>
  private readonly codec: Codec
  private readonly batch: Batch
  private block: LogBlock | undefined
  private next = 0
  /** When each record of the block is due. */
  private due = new Float64Array(0)
  private latest = -Infinity

  constructor(blocks: Iterable<LogBlock> | AsyncIterable<LogBlock>, codec: Codec) {
    this.iterator =
      Symbol.asyncIterator in blocks ? blocks[Symbol.asyncIterator]() : blocks[Symbol.iterator]()
    this.codec = codec
    this.batch = new Batch(codec.schema)
  }

  /** When the next record is due; Infinity at the end. */
  get nextAt(): number {
    return this.block === undefined ? Infinity : (this.due[this.next] as number)
  }

  /** Reads a block where the one before is used up. */
  async load(): Promise<void> {
    while (this.block === undefined) {
      const { done, value } = await this.iterator.next()
      if (done === true) return
      if (value.kind === 'data' && value.count > 0) this.open(value)
    }
  }

  private open(block: LogBlock): void {
    const { batch } = this
    this.codec.decode(block, 0, block.count, batch)
    if (this.due.length < block.count) this.due = new Float64Array(block.count)
    this.due.fill(-Infinity, 0, block.count)
    for (let i = 0; i < batch.selected; i++) {
      const row = batch.selection[i] as number
      this.due[row] = batch.at[row] as number
    }
    for (let row = 0; row < block.count; row++) {
      this.latest = Math.max(this.latest, this.due[row] as number)
      this.due[row] = this.latest
    }
    this.block = block
    this.next = 0
  }

  /** The records that are due by `reached`, if any. */
  take(reached: number): AppendBlock | undefined {
    const { block, next } = this
    if (block === undefined) return undefined
    let stop = next
    while (stop < block.count && (this.due[stop] as number) <= reached) stop++
    if (stop === next) return undefined
    const start = next === 0 ? 0 : (block.ends[next - 1] as number)
    if (stop === block.count) this.block = undefined
    this.next = stop
    return {
      partition: block.partition,
      count: stop - next,
      kind: 'data',
      markAt: 0,
      values: block.values.subarray(start),
      ends: block.ends.subarray(next, stop).map(end => end - start),
      headers: block.headers,
      lines: block.lines?.subarray(next, stop) ?? null,
    }
  }
}
