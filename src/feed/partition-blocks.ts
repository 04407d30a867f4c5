/**
 * Records of one topic gathered into blocks, one growing block a partition.
 *
 * All partitions are handed over together, so that one number, the line reached, says what the log
 * holds of an input.
 */

import type { AppendBlock } from '#ports'
import type { LargeSummary } from './record-stage.ts'
import { RecordStage } from './record-stage.ts'

/** A partition that holds this much makes the gathering full. */
const BLOCK_RECORDS_MAX = 4096
const BLOCK_BYTES_MAX = 1024 * 1024

export class PartitionBlocks {
  private readonly stages: readonly RecordStage[]
  private readonly finished: AppendBlock[] = []
  full = false

  constructor(partitions: number) {
    this.stages = Array.from({ length: partitions }, () => new RecordStage(1024, 64 * 1024))
  }

  /** Appends record `i` of `from` to a partition. */
  add(partition: number, from: RecordStage, i: number): void {
    const stage = this.stages[partition] as RecordStage
    const start = i === 0 ? 0 : (from.ends[i - 1] as number)
    stage.add(from.values, start, from.ends[i] as number, from.lines[i] as number)
    if (stage.count >= BLOCK_RECORDS_MAX || stage.used >= BLOCK_BYTES_MAX) this.full = true
  }

  /** Appends the first part of a record over the limit, as a block of its own. */
  addLarge(
    partition: number,
    { kept, bytes, sha256, line }: LargeSummary,
    headers: Readonly<Record<string, string>>,
  ): void {
    this.finishBlock(partition, headers)
    const stage = new RecordStage(1, kept.length)
    stage.add(Buffer.from(kept), 0, kept.length, line)
    const oversize = JSON.stringify({ bytes, sha256 })
    this.finished.push(blockOf(partition, stage, { ...headers, oversize }))
    this.full = true
  }

  /** The blocks gathered; valid until `clear`. */
  blocks(headers: Readonly<Record<string, string>>): readonly AppendBlock[] {
    for (let partition = 0; partition < this.stages.length; partition++) {
      const stage = this.stages[partition] as RecordStage
      if (stage.count > 0) this.finished.push(blockOf(partition, stage, headers))
    }
    return this.finished
  }

  clear(): void {
    this.finished.length = 0
    this.full = false
    for (const stage of this.stages) stage.clear()
  }

  private finishBlock(partition: number, headers: Readonly<Record<string, string>>): void {
    const stage = this.stages[partition] as RecordStage
    if (stage.count === 0) return
    const copy = new RecordStage(stage.count, stage.used)
    for (let i = 0, start = 0; i < stage.count; i++) {
      const end = stage.ends[i] as number
      copy.add(stage.values, start, end, stage.lines[i] as number)
      start = end
    }
    this.finished.push(blockOf(partition, copy, headers))
    stage.clear()
  }
}

/** A stage as a block. Its values are no `Buffer`, whose `slice` does not copy. */
function blockOf(
  partition: number,
  stage: RecordStage,
  headers: Readonly<Record<string, string>>,
): AppendBlock {
  const { buffer, byteOffset } = stage.values
  return {
    partition,
    count: stage.count,
    kind: 'data',
    markAt: 0,
    values: new Uint8Array(buffer, byteOffset, stage.used + 64),
    ends: stage.ends.subarray(0, stage.count),
    headers,
    lines: stage.lines.subarray(0, stage.count),
  }
}
