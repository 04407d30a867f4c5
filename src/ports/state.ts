/**
 * The port of checkpoints: what one epoch commits atomically, and what a restart finds.
 *
 * A task is one stage of an application's plans over one partition; it owns its state. An epoch is
 * one commit of one worker: for each of its tasks read positions and state changes, the records it
 * appends to repartition topics, and the manifest of the units it spooled for tables.
 */

import type { AppendBlock } from './log.ts'

/** `${application}/${stage}/${partition}`. */
export type TaskId = string

/** Packed state of one operator of a task. Bytes are the operator's own, checksummed by the store. */
export interface StateEntry {
  /** Id of the operator within its stage. */
  readonly operator: string
  readonly bytes: Uint8Array
}

export interface TaskCommit {
  readonly task: TaskId
  /** JSON: next offset and watermark state of each input partition, counters. */
  readonly positions: string
  /** `snapshot` replaces all that was stored before; `delta` is applied on top of it, in order. */
  readonly kind: 'snapshot' | 'delta'
  readonly state: readonly StateEntry[]
}

/**
 * The smallest thing inserted or retried: rows of one table and one table partition, encoded as one
 * Native block, bytes `[at, at + bytes)` of the epoch's spool file.
 */
export interface Unit {
  readonly id: string
  readonly table: string
  readonly upsert: boolean
  readonly rows: number
  /** Σ over rows of `(_o·2654435761 + _p·40503 + _i·97) mod 2³²`, exact (< 2⁵³). */
  readonly positionHash: number
  readonly at: number
  readonly bytes: number
  readonly crc32c: number
  /** Per log partition, the first and last offset of its rows. */
  readonly ranges: readonly (readonly [partition: number, first: number, last: number])[]
}

export interface Manifest {
  readonly application: string
  readonly planHash: string
  readonly codeVersion: string
  readonly epoch: number
  readonly worker: number
  readonly tasks: readonly TaskId[]
  /** Base name of the file in `spool/`; null where the epoch gave no rows. */
  readonly spool: string | null
  readonly units: readonly Unit[]
}

export interface EpochCommit {
  readonly manifest: Manifest
  readonly tasks: readonly TaskCommit[]
  /** Records for repartition topics; they become readable with the epoch. */
  readonly appends: readonly { readonly topic: string; readonly blocks: readonly AppendBlock[] }[]
}

export interface TaskRestore {
  readonly epoch: number
  readonly planHash: string
  readonly positions: string
  /** Snapshot first, then deltas, each in commit order. */
  readonly state: readonly (readonly StateEntry[])[]
}

export interface StateStore {
  restore(task: TaskId): TaskRestore | undefined
  /** The tasks with state, of one application or all. */
  tasks(application?: string): readonly TaskId[]
  /** A number greater than every epoch before it, across processes. */
  reserveEpoch(): number
  /** All of it or nothing; resolves when flushed (step C5 of reliability.md). */
  commit(epoch: EpochCommit): Promise<void>
  /** Manifests that are prepared and not yet applied, by epoch. */
  prepared(application?: string): readonly Manifest[]
  /** Step C9: applied and verified. The manifest stays for the audit until it is trimmed. */
  markApplied(epoch: number): Promise<void>
  /** Applied manifests that are not trimmed, by epoch. */
  applied(application?: string): readonly Manifest[]
  trim(epoch: number): Promise<void>
}
