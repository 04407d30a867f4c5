/**
 * When a task's state is written whole instead of as a change: as soon as its changes since the
 * last snapshot outweigh it, so that a restore reads at most twice the state, and small states often
 * enough that a restore reads few entries.
 */

import type { StateEntry, TaskCommit } from '#ports'
import type { OperatorInstance } from '../operator.ts'

/** Deltas behind one snapshot at most, while snapshots are small. */
const DELTAS_MAX = 64
const SMALL_BYTES = 4 * 1024 * 1024

export class SnapshotSchedule {
  #snapshotBytes = -1
  #deltaBytes = 0
  #deltas = 0

  /** After a restore of a snapshot and `deltas` behind it. */
  restore(snapshotBytes: number, deltaBytes: number, deltas: number): void {
    this.#snapshotBytes = snapshotBytes
    this.#deltaBytes = deltaBytes
    this.#deltas = deltas
  }

  /** The state of the operators, by id, as one commit takes it. */
  take(operators: ReadonlyMap<string, OperatorInstance>): Pick<TaskCommit, 'kind' | 'state'> {
    const whole =
      this.#snapshotBytes < 0 ||
      (this.#deltaBytes > this.#snapshotBytes && this.#deltaBytes > SMALL_BYTES) ||
      (this.#deltas >= DELTAS_MAX && this.#snapshotBytes < SMALL_BYTES)
    const state: StateEntry[] = []
    let size = 0
    for (const [operator, instance] of operators) {
      const bytes = whole ? instance.snapshot() : instance.delta()
      if (bytes === undefined || bytes.length === 0) continue
      state.push({ operator, bytes })
      size += bytes.length
    }
    if (whole) this.restore(size, 0, 0)
    else {
      this.#deltaBytes += size
      this.#deltas++
    }
    return { kind: whole ? 'snapshot' : 'delta', state }
  }
}
