/**
 * The port of the durable log: topics of partitions of records with strictly increasing offsets.
 *
 * Records travel in blocks: one append of one partition, or a part of it. Implementations are the
 * embedded log (module `local`), one in memory, and later Kafka.
 */

/** Event time of the mark that ends a partition. */
export const END_OF_TIME_US = 9007199254740991

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /** The `SourceSpec` as canonical JSON for topics that users feed; null for the platform's own. */
  readonly source: string | null
  /** Bytes kept before retention may drop applied blocks; null keeps all. */
  readonly logBytesMax: number | null
}

export interface TopicInfo extends TopicSpec {
  /** Per partition: first offset kept and the offset after the last record. */
  readonly extents: readonly { readonly start: number; readonly end: number }[]
  readonly bytes: number
}

/**
 * Records of one partition with offsets `baseOffset + i`; gaps of a log lie between blocks.
 * Record i's value is `values[ends[i-1] … ends[i])`, `ends[-1]` being 0.
 */
export interface LogBlock {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly count: number
  /** µs since 1970 UTC, recorded by the log at append. */
  readonly appendedAt: number
  /**
   * `data`: records as they came. `mark`: one record without a value that says nothing older than
   * `markAt` will come. `change`: rows between stages of a plan (repartition topics).
   */
  readonly kind: 'data' | 'mark' | 'change'
  readonly markAt: number
  /** At least 64 readable bytes lie behind the last value, so that a scanner needs no bound. */
  readonly values: Uint8Array
  readonly ends: Uint32Array
  /** What all records of the block share: `file`, `header` (its fingerprint), `source`. */
  readonly headers: Readonly<Record<string, string>>
  /** 1-based line of each record in the decompressed text, where it came from a file. */
  readonly lines: Uint32Array | null
}

/** What an appender gives; the log adds offsets and time. */
export type AppendBlock = Omit<LogBlock, 'baseOffset' | 'appendedAt' | 'topic'>

/** Where a feed is with one of its inputs; committed with the records it gave. */
export interface FeedProgress {
  /** `${topic}/${base name}/${sha256}` of a file. */
  readonly key: string
  /** The feed's own JSON: line reached, whether complete, counts. */
  readonly value: string
}

export interface Log {
  /** Creates the topic, or checks that it is as `spec` says. @throws PlatformError `topic.changed` */
  ensureTopic(spec: TopicSpec): Promise<void>
  topics(): readonly TopicInfo[]
  /** @throws PlatformError `topic.unknown` */
  topic(name: string): TopicInfo
  /**
   * Appends blocks, and progress with them, in one transaction; resolves when it is flushed.
   * Returns the base offset of each block. `appendedAt` never falls within a partition.
   *
   * @throws PlatformError `log.ended` behind an end mark, `disk.full` below the reserve
   */
  append(
    topic: string,
    blocks: readonly AppendBlock[],
    progress?: readonly FeedProgress[],
  ): Promise<number[]>
  /**
   * The block that holds `offset`, or the first after it; undefined at the end. It may begin before
   * `offset`: the reader skips. Valid until the next `read` of the same reader.
   */
  read(topic: string, partition: number, offset: number): LogBlock | undefined
  progress(key: string): string | undefined
  progressKeys(prefix: string): readonly string[]
  close(): Promise<void>
}
