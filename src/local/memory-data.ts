/** Log and checkpoints in memory, over one disk, so that a crash drops the same writes of both. */

import type { Clock } from '#base'
import { MemoryDisk } from './memory-disk.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryState } from './memory-state.ts'

export interface MemoryData {
  readonly log: MemoryLog
  readonly state: MemoryState
  /** Where a simulation flushes and crashes. */
  readonly disk: MemoryDisk
}

/** With `held`, writes take effect by `disk.flush()` only; else at the next microtask. */
export function openMemory(options: {
  readonly clock: Clock
  readonly held?: boolean
}): MemoryData {
  const disk = new MemoryDisk(options)
  const log = new MemoryLog(options.clock, disk)
  return { log, state: new MemoryState(log, disk), disk }
}
