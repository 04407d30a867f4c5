/** What the log keeps of a partition beside its blocks: one small sealed value, in every append. */

import { openValue, sealValue } from './sealed-value.ts'

const BYTES = 33

export interface PartitionState {
  /** First offset kept, and the offset after the last record. */
  readonly start: number
  readonly end: number
  /** Stored bytes of the blocks kept. */
  readonly bytes: number
  readonly appendedAt: number
  /** Whether its end mark is written. */
  readonly ended: boolean
}

export const EMPTY_PARTITION: PartitionState = {
  start: 0,
  end: 0,
  bytes: 0,
  appendedAt: Number.NEGATIVE_INFINITY,
  ended: false,
}

export function encodePartition(place: string, partition: PartitionState): Buffer {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeDoubleLE(partition.start, 0)
  bytes.writeDoubleLE(partition.end, 8)
  bytes.writeDoubleLE(partition.bytes, 16)
  bytes.writeDoubleLE(partition.appendedAt, 24)
  bytes[32] = partition.ended ? 1 : 0
  return sealValue(place, bytes)
}

/** The partition that was sealed for `place`, or undefined where it is damaged. */
export function decodePartition(place: string, sealed: Uint8Array): PartitionState | undefined {
  const bytes = openValue(place, sealed)
  if (bytes?.length !== BYTES) return undefined
  return {
    start: bytes.readDoubleLE(0),
    end: bytes.readDoubleLE(8),
    bytes: bytes.readDoubleLE(16),
    appendedAt: bytes.readDoubleLE(24),
    ended: bytes[32] === 1,
  }
}
