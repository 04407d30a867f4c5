/**
 * The log in LMDB: one value a block, under (topic, partition, base offset).
 *
 * Offsets of a partition have no gaps, and a sealed record per partition says where they begin and
 * end, so that a block that is missing is as visible as one that is damaged. Feed progress and the
 * partition records are written in the transaction of the blocks they speak of.
 */

import { type Clock, invariant, PlatformError } from '#base'
import {
  BLOCK_PADDING,
  decodeBlock,
  type PackedBlock,
  packBlock,
  peekBlock,
  placeSeed,
  sealBlock,
} from '#format'
import {
  type AppendBlock,
  END_OF_TIME_US,
  type FeedProgress,
  type Log,
  type LogBlock,
  type TopicInfo,
  type TopicSpec,
} from '#ports'
import type { DiskSpace } from './disk-space.ts'
import { type Environment, getBytes, putValue, removeValue } from './environment.ts'
import {
  decodePartition,
  EMPTY_PARTITION,
  encodePartition,
  type PartitionState,
} from './log-partition.ts'
import { openValue, sealText } from './sealed-value.ts'
import { checkTopic, endedError, logCorrupt, type Retention, unknownTopic } from './topic-rules.ts'

/** Smaller blocks may share their memory, and are not worth it. */
const LENT_BYTES_MIN = 64 * 1024

interface Append {
  readonly partition: number
  readonly packed: PackedBlock
}

export class LmdbLog implements Log {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #space: DiskSpace
  /** Memory of the block that was read last. */
  #lent: ArrayBuffer | undefined

  constructor(environment: Environment, clock: Clock, space: DiskSpace) {
    this.#environment = environment
    this.#clock = clock
    this.#space = space
  }

  async ensureTopic(spec: TopicSpec): Promise<void> {
    const { topics, partitions } = this.#environment
    const known = this.#environment.read(() => this.#spec(spec.name))
    if (known !== undefined && checkTopic(known, spec)) return
    await this.#environment.write(() => {
      const found = this.#spec(spec.name)
      if (found !== undefined && checkTopic(found, spec)) return
      putValue(topics, spec.name, sealText(topicPlace(spec.name), JSON.stringify(spec)))
      if (found !== undefined) return
      for (let p = 0; p < spec.partitions; p++) {
        const sealed = encodePartition(partitionPlace(spec.name, p), EMPTY_PARTITION)
        putValue(partitions, [spec.name, p], sealed)
      }
    })
  }

  topics(): readonly TopicInfo[] {
    return this.#environment.read(() =>
      Array.from(this.#environment.topics.getKeys(), name => this.#info(String(name))),
    )
  }

  topic(name: string): TopicInfo {
    return this.#environment.read(() => this.#info(name))
  }

  async append(
    topic: string,
    blocks: readonly AppendBlock[],
    progress: readonly FeedProgress[] = [],
  ): Promise<number[]> {
    const appends = packAll(blocks)
    this.#space.require(bytesOf(appends))
    return this.#environment.write(() => {
      const offsets = this.appendNow(topic, appends)
      for (const { key, value } of progress) {
        putValue(this.#environment.progress, key, sealText(progressPlace(key), value))
      }
      return offsets
    })
  }

  /** Appends within the write transaction of the caller. */
  appendNow(topic: string, appends: readonly Append[]): number[] {
    const { blocks, partitions } = this.#environment
    if (this.#spec(topic) === undefined) throw unknownTopic(topic, this.#names())
    const states = new Map<number, PartitionState>()
    const offsets: number[] = []
    for (const { partition, packed } of appends) {
      invariant(packed.count > 0, 'a block has a record')
      const state = states.get(partition) ?? this.#partition(topic, partition)
      if (state.ended) throw endedError(topic, partition)
      const baseOffset = state.end
      const appendedAt = Math.max(this.#clock.nowUs(), state.appendedAt)
      const seed = placeSeed(partitionPlace(topic, partition))
      putValue(
        blocks,
        [topic, partition, baseOffset],
        sealBlock(packed, { baseOffset, appendedAt, seed }),
      )
      offsets.push(baseOffset)
      states.set(partition, {
        start: state.start,
        end: baseOffset + packed.count,
        bytes: state.bytes + packed.bytes.length,
        appendedAt,
        ended: packed.kind === 'mark' && packed.markAt === END_OF_TIME_US,
      })
    }
    for (const [partition, state] of states) {
      putValue(
        partitions,
        [topic, partition],
        encodePartition(partitionPlace(topic, partition), state),
      )
    }
    return offsets
  }

  read(topic: string, partition: number, offset: number): LogBlock | undefined {
    return this.#environment.read(() => {
      const { blocks } = this.#environment
      const exact = getBytes(blocks, [topic, partition, offset])
      if (exact !== undefined) return this.#decode(topic, partition, offset, exact)
      const state = this.#partition(topic, partition)
      const wanted = Math.max(offset, state.start)
      if (wanted >= state.end) return undefined
      const base = this.#blockAt(topic, partition, wanted)
      const bytes = base === undefined ? undefined : getBytes(blocks, [topic, partition, base])
      if (base === undefined || bytes === undefined) {
        throw logCorrupt(topic, partition, wanted, 'no block holds this offset')
      }
      const block = this.#decode(topic, partition, base, bytes)
      if (base + block.count > wanted) return block
      throw logCorrupt(topic, partition, wanted, 'no block holds this offset')
    })
  }

  /** Base of the first block behind `offset`, damaged or not; for a verifier that goes on. */
  nextBase(topic: string, partition: number, offset: number): number | undefined {
    return this.#environment.read(() => {
      const start = [topic, partition, offset + 1]
      for (const key of this.#environment.blocks.getKeys({ start, limit: 1 })) {
        if (Array.isArray(key) && key[0] === topic && key[1] === partition) return Number(key[2])
      }
      return undefined
    })
  }

  progress(key: string): string | undefined {
    return this.#environment.read(() => {
      const sealed = getBytes(this.#environment.progress, key)
      if (sealed === undefined) return undefined
      const bytes = openValue(progressPlace(key), sealed)
      if (bytes !== undefined) return bytes.toString()
      throw new PlatformError('log.corrupt', `the progress of "${key}" has a wrong checksum`, {
        hint: 'Restore the data directory from a copy, or ingest its input into a new one.',
      })
    })
  }

  progressKeys(prefix: string): readonly string[] {
    return this.#environment.read(() => {
      const keys: string[] = []
      for (const key of this.#environment.progress.getKeys({ start: prefix })) {
        if (!String(key).startsWith(prefix)) break
        keys.push(String(key))
      }
      return keys
    })
  }

  /**
   * Drops blocks at the front of a topic that all applications have passed and that are older than
   * the floor, or behind more bytes than the topic keeps. Returns how many went.
   */
  async retain(topic: string, retention: Retention): Promise<number> {
    this.#environment.dropDeadReaders()
    const { logBytesMax, partitions } = this.topic(topic)
    if (logBytesMax === null) return 0
    const bytesMax = logBytesMax / partitions
    const oldest = this.#clock.nowUs() - retention.floorUs
    let dropped = 0
    for (let partition = 0; partition < partitions; partition++) {
      const passed = retention.passed[partition] ?? 0
      dropped += await this.#environment.write(() =>
        this.#retainPartition(topic, partition, { passed, bytesMax, oldest }),
      )
    }
    return dropped
  }

  #retainPartition(
    topic: string,
    partition: number,
    rule: { readonly passed: number; readonly bytesMax: number; readonly oldest: number },
  ): number {
    const { blocks, partitions } = this.#environment
    let state = this.#partition(topic, partition)
    let dropped = 0
    while (state.start < Math.min(state.end, rule.passed)) {
      const bytes = getBytes(blocks, [topic, partition, state.start])
      const header = bytes === undefined ? undefined : peekBlock(bytes)
      if (bytes === undefined || header === undefined || 'fault' in header) {
        throw logCorrupt(topic, partition, state.start, 'no block holds this offset')
      }
      const after = state.bytes - bytes.length
      const next = state.start + header.count
      if (next > rule.passed) break
      if (after < rule.bytesMax && header.appendedAt > rule.oldest) break
      removeValue(blocks, [topic, partition, state.start])
      state = { ...state, start: next, bytes: after }
      dropped++
    }
    if (dropped > 0) {
      putValue(
        partitions,
        [topic, partition],
        encodePartition(partitionPlace(topic, partition), state),
      )
    }
    return dropped
  }

  async close(): Promise<void> {
    await this.#environment.close()
  }

  #names(): string[] {
    return Array.from(this.#environment.topics.getKeys(), String)
  }

  #spec(name: string): TopicSpec | undefined {
    const sealed = getBytes(this.#environment.topics, name)
    if (sealed === undefined) return undefined
    const bytes = openValue(topicPlace(name), sealed)
    if (bytes !== undefined) return JSON.parse(bytes.toString())
    throw new PlatformError('log.corrupt', `the record of topic "${name}" has a wrong checksum`, {
      hint: 'Restore the data directory from a copy.',
    })
  }

  #info(name: string): TopicInfo {
    const spec = this.#spec(name)
    if (spec === undefined) throw unknownTopic(name, this.#names())
    const states = Array.from({ length: spec.partitions }, (_, p) => this.#partition(name, p))
    return {
      ...spec,
      extents: states.map(({ start, end }) => ({ start, end })),
      bytes: states.reduce((sum, state) => sum + state.bytes, 0),
    }
  }

  #partition(topic: string, partition: number): PartitionState {
    const sealed = getBytes(this.#environment.partitions, [topic, partition])
    if (sealed === undefined) {
      const spec = this.#spec(topic)
      if (spec === undefined) throw unknownTopic(topic, this.#names())
      invariant(partition < spec.partitions, `topic "${topic}" has a partition ${partition}`)
      throw logCorrupt(topic, partition, 0, 'the record of the partition is missing')
    }
    const state = decodePartition(partitionPlace(topic, partition), sealed)
    if (state !== undefined) return state
    throw logCorrupt(topic, partition, 0, 'the record of the partition has a wrong checksum')
  }

  /** The base of the last block at or before `offset`. */
  #blockAt(topic: string, partition: number, offset: number): number | undefined {
    const range = {
      start: [topic, partition, offset],
      end: [topic, partition],
      reverse: true,
      limit: 1,
    }
    for (const key of this.#environment.blocks.getKeys(range)) {
      if (Array.isArray(key) && key.length === 3) return Number(key[2])
    }
    return undefined
  }

  #decode(topic: string, partition: number, base: number, bytes: Uint8Array): LogBlock {
    const block = decodeBlock(bytes, placeSeed(partitionPlace(topic, partition)))
    if ('fault' in block) throw logCorrupt(topic, partition, base, block.fault)
    if (block.baseOffset !== base) throw logCorrupt(topic, partition, base, 'another block')
    this.#lend(block.values)
    return { topic, partition, ...block }
  }

  /**
   * Gives back the memory of the block before, which is valid until this read. Left to the garbage
   * collector, megabytes of every block bring on full collections and fresh pages: 10 % of an engine.
   */
  #lend({ buffer, byteOffset, length }: Uint8Array): void {
    this.#lent?.transfer(0)
    const whole = byteOffset + length + BLOCK_PADDING === buffer.byteLength
    const own = buffer instanceof ArrayBuffer && whole && length >= LENT_BYTES_MIN
    this.#lent = own ? buffer : undefined
  }
}

/** Compresses blocks before the write lock is taken. */
export function packAll(blocks: readonly AppendBlock[]): Append[] {
  return blocks.map(block => ({ partition: block.partition, packed: packBlock(block) }))
}

export function bytesOf(appends: readonly Append[]): number {
  return appends.reduce((sum, { packed }) => sum + packed.bytes.length, 0)
}

export function topicPlace(name: string): string {
  return `topic/${name}`
}

export function partitionPlace(topic: string, partition: number): string {
  return `partition/${topic}/${partition}`
}

export function progressPlace(key: string): string {
  return `progress/${key}`
}
