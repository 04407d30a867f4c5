/**
 * The log in memory: for tests, the test kit and simulations. The same answers as the durable one.
 *
 * What is appended takes effect when it is flushed: at the next microtask, or when the simulation
 * says so (`MemoryDisk`). A crash drops what was not.
 */

import { type Clock, invariant } from '#base'
import {
  type AppendBlock,
  END_OF_TIME_US,
  type FeedProgress,
  type Log,
  type LogBlock,
  type TopicInfo,
  type TopicSpec,
} from '#ports'
import type { MemoryDisk } from './memory-disk.ts'
import { checkTopic, endedError, type Retention, unknownTopic } from './topic-rules.ts'

/** Readable zero bytes behind the last value. */
const PADDING = 64

interface MemoryBlock {
  readonly block: LogBlock
  readonly bytes: number
}

interface MemoryPartition {
  start: number
  end: number
  appendedAt: number
  ended: boolean
  blocks: MemoryBlock[]
}

interface MemoryTopic {
  spec: TopicSpec
  readonly partitions: readonly MemoryPartition[]
}

export class MemoryLog implements Log {
  readonly #clock: Clock
  readonly #disk: MemoryDisk
  readonly #topics = new Map<string, MemoryTopic>()
  readonly #progress = new Map<string, string>()

  constructor(clock: Clock, disk: MemoryDisk) {
    this.#clock = clock
    this.#disk = disk
  }

  ensureTopic(spec: TopicSpec): Promise<void> {
    return this.#disk.write(() => {
      const known = this.#topics.get(spec.name)
      if (known !== undefined) {
        checkTopic(known.spec, spec)
        known.spec = spec
        return
      }
      const partitions = Array.from({ length: spec.partitions }, emptyPartition)
      this.#topics.set(spec.name, { spec, partitions })
    })
  }

  topics(): readonly TopicInfo[] {
    return Array.from(this.#topics.keys(), name => this.topic(name)).sort((a, b) =>
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    )
  }

  topic(name: string): TopicInfo {
    const { spec, partitions } = this.#topic(name)
    const blocks = partitions.flatMap(partition => partition.blocks)
    return {
      ...spec,
      extents: partitions.map(({ start, end }) => ({ start, end })),
      bytes: blocks.reduce((sum, block) => sum + block.bytes, 0),
    }
  }

  append(
    topic: string,
    blocks: readonly AppendBlock[],
    progress: readonly FeedProgress[] = [],
  ): Promise<number[]> {
    const copies = copyBlocks(blocks)
    return this.#disk.write(() => {
      this.checkAppend(topic, copies)
      const offsets = this.appendNow(topic, copies)
      for (const { key, value } of progress) this.#progress.set(key, value)
      return offsets
    })
  }

  /** Throws what `appendNow` would, and changes nothing. */
  checkAppend(topic: string, blocks: readonly AppendBlock[]): void {
    const { partitions } = this.#topic(topic)
    const ended = new Set<number>()
    for (const block of blocks) {
      const partition = partitions[block.partition]
      invariant(partition !== undefined, 'a block is of a partition of its topic')
      invariant(block.count > 0, 'a block has a record')
      if (partition.ended || ended.has(block.partition)) throw endedError(topic, block.partition)
      if (isEnd(block)) ended.add(block.partition)
    }
  }

  /** Appends what was copied and checked. */
  appendNow(topic: string, blocks: readonly AppendBlock[]): number[] {
    const { partitions } = this.#topic(topic)
    return blocks.map(block => {
      const partition = partitions[block.partition]
      invariant(partition !== undefined, 'a block is of a partition of its topic')
      const baseOffset = partition.end
      const appendedAt = Math.max(this.#clock.nowUs(), partition.appendedAt)
      partition.blocks.push({
        block: { topic, ...block, baseOffset, appendedAt },
        bytes: block.values.length + block.count * 4,
      })
      partition.end += block.count
      partition.appendedAt = appendedAt
      partition.ended = isEnd(block)
      return baseOffset
    })
  }

  read(topic: string, partition: number, offset: number): LogBlock | undefined {
    const blocks = this.#topic(topic).partitions[partition]?.blocks
    invariant(blocks !== undefined, `topic "${topic}" has a partition ${partition}`)
    let low = 0
    let high = blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const { baseOffset, count } = (blocks[middle] as MemoryBlock).block
      if (baseOffset + count <= offset) low = middle + 1
      else high = middle
    }
    return blocks[low]?.block
  }

  progress(key: string): string | undefined {
    return this.#progress.get(key)
  }

  progressKeys(prefix: string): readonly string[] {
    return Array.from(this.#progress.keys())
      .filter(key => key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  /** As the durable log does it. */
  retain(topic: string, retention: Retention): Promise<number> {
    return this.#disk.write(() => {
      const { spec, partitions } = this.#topic(topic)
      if (spec.logBytesMax === null) return 0
      const bytesMax = spec.logBytesMax / spec.partitions
      const oldest = this.#clock.nowUs() - retention.floorUs
      let dropped = 0
      partitions.forEach((partition, index) => {
        const passed = retention.passed[index] ?? 0
        for (let first = partition.blocks[0]; first !== undefined; first = partition.blocks[0]) {
          const next = first.block.baseOffset + first.block.count
          const after = partition.blocks.slice(1).reduce((sum, block) => sum + block.bytes, 0)
          if (next > passed || (after < bytesMax && first.block.appendedAt > oldest)) break
          partition.blocks.shift()
          partition.start = next
          dropped++
        }
      })
      return dropped
    })
  }

  async close(): Promise<void> {}

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw unknownTopic(name, [...this.#topics.keys()])
    return topic
  }
}

function emptyPartition(): MemoryPartition {
  return { start: 0, end: 0, appendedAt: Number.NEGATIVE_INFINITY, ended: false, blocks: [] }
}

function isEnd(block: AppendBlock): boolean {
  return block.kind === 'mark' && block.markAt === END_OF_TIME_US
}

/** Copies what an appender may use again, with the padding that readers count on. */
export function copyBlocks(blocks: readonly AppendBlock[]): AppendBlock[] {
  return blocks.map(block => {
    const length = block.count === 0 ? 0 : (block.ends[block.count - 1] ?? 0)
    const padded = new Uint8Array(length + PADDING)
    padded.set(block.values.subarray(0, length))
    return {
      ...block,
      values: padded.subarray(0, length),
      ends: block.ends.slice(0, block.count),
      lines: block.lines?.slice(0, block.count) ?? null,
      headers: { ...block.headers },
    }
  })
}
