/**
 * Records that give no row, and why: dead letters and too late rows, with the record's own bytes,
 * in the table `rejected_records`, in the same epoch as everything else (reliability.md, R7).
 */

import { appendRow, Batch } from '#columns'
import type { Schema, SourceSpec, TableSpec } from '#plan'
import type { LogBlock } from '#ports'
import type { Downstream } from '../operator.ts'

const SCHEMA: Schema = [
  { name: 'topic', type: { kind: 'string' } },
  { name: 'partition', type: { kind: 'int32' } },
  { name: 'offset', type: { kind: 'int64' } },
  { name: 'index', type: { kind: 'int32' } },
  { name: 'reason', type: { kind: 'string' } },
  { name: 'path', type: { kind: 'string' } },
  { name: 'message', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp', nullable: true } },
  { name: 'appended_at', type: { kind: 'timestamp' } },
  { name: 'line', type: { kind: 'int64', nullable: true } },
  { name: 'value', type: { kind: 'bytes' } },
  { name: 'headers', type: { kind: 'json' } },
  { name: 'schema_version', type: { kind: 'string' } },
  { name: 'plan_hash', type: { kind: 'string' } },
]

/** Every application has it. `at` is null for dead letters, `reason` of too-late rows is `event.too_late`. */
export const REJECTED_RECORDS: TableSpec = {
  name: 'rejected_records',
  schema: SCHEMA,
  key: [],
  orderBy: ['topic', 'reason', 'appended_at'],
  partitionBy: null,
  approximate: [],
}

/** The reason of rows that came after the frontier had passed them. */
export const TOO_LATE = 'event.too_late'

export interface Rejection {
  readonly reason: string
  readonly path: string
  readonly message: string
  /** Null where the record has no time that could be read. */
  readonly at: number | null
  readonly index: number
}

/** What a source's rejected records have in common. */
export interface RejectedSource {
  readonly source: SourceSpec
  readonly origin: number
  readonly planHash: string
}

/** Collects the rejections of one task; `flush` hands them to the table. */
export class RejectedRows {
  readonly #batch = new Batch(SCHEMA)
  readonly #out: Downstream

  constructor(out: Downstream) {
    this.#out = out
  }

  /** Takes record `record` of `block`. */
  add(from: RejectedSource, block: LogBlock, record: number, why: Rejection): void {
    const offset = block.baseOffset + record
    const start = record === 0 ? 0 : (block.ends[record - 1] as number)
    appendRow(
      this.#batch,
      {
        topic: block.topic,
        partition: block.partition,
        offset: BigInt(offset),
        index: why.index,
        reason: why.reason,
        path: why.path,
        message: why.message,
        at: why.at,
        appended_at: block.appendedAt,
        line: block.lines === null ? null : BigInt(block.lines[record] as number),
        value: block.values.slice(start, block.ends[record]),
        headers: JSON.stringify(block.headers),
        schema_version: from.source.schemaVersion,
        plan_hash: from.planHash,
      },
      { at: block.appendedAt, origin: from.origin, offset, index: why.index },
    )
    if (this.#batch.length >= 1_024 || this.#batch.arena.used > 4 * 1024 * 1024) this.flush()
  }

  flush(): void {
    if (this.#batch.length === 0) return
    this.#out.push(this.#batch)
    this.#batch.clear()
  }
}
