/** What a task reads: one partition of one topic, from a position, and how far its time has come. */

import type { Progress } from '../operator.ts'

/** What a read of an input did. */
export type ReadOutcome =
  /** Records were taken. */
  | 'read'
  /** There is nothing more now. */
  | 'waiting'
  /** The input's end, given or marked, has been reached. */
  | 'ended'

export interface TaskInput {
  /** Of the topic: records for a codec, or changes of an earlier stage. */
  readonly kind: 'source' | 'change'
  /** Of the stage, which gives the input's rows. */
  readonly operator: number
  readonly topic: string
  readonly partition: number
  /** Event time of what was read; Infinity once it has ended for good. */
  readonly progress: Progress
  /** How far it may run ahead of the slowest input; Infinity where it may as it likes. */
  readonly aheadMaxUs: number
  /** Offset of the next record to read. */
  readonly next: number
  /** Whether a block is in hand, so that the next read needs the log for nothing. */
  readonly holding: boolean
  /** Takes at most `rows` records and pushes them on. */
  read(rows: number): ReadOutcome
  /** Records taken since the instance was made, marks not counted. */
  readonly records: number
  /** Reads no further than `offset` (bounded runs); null lifts it. */
  limit(offset: number | null): void
  /** What a commit keeps of it: JSON data. */
  position(): InputPosition
  restore(position: InputPosition): void
}

/** What a commit keeps of an input. A time that is not known yet is null. */
export interface InputPosition {
  /** Of the stage; a topic may be read by several, each at its own pace. */
  readonly operator: number
  readonly topic: string
  readonly partition: number
  readonly next: number
  /** Greatest accepted event time, of sources. */
  readonly greatest?: number | null
  /** By upstream task the last watermark and frontier it told, of repartition topics. */
  readonly upstream?: Readonly<Record<string, readonly [string, string]>>
}
