/**
 * Which input is read next: of those that have more, the one whose time has come least far.
 *
 * So partitions advance together and what operators must remember stays small. A source that runs
 * further ahead of the slowest than it may pauses until that one moves on. The choice changes how
 * much is held, never a result.
 */

import type { Task } from '../task.ts'
import type { TaskInput } from './task-input.ts'

export interface Choice {
  readonly task: Task
  readonly input: TaskInput
}

interface Entry extends Choice {
  state: 'open' | 'waiting' | 'ended'
}

export class InputChoice {
  readonly #entries: readonly Entry[]

  constructor(tasks: readonly Task[]) {
    this.#entries = tasks.flatMap(task =>
      task.inputs.map(input => ({ task, input, state: 'open' as const })),
    )
  }

  /** The next input to read; undefined where none has more now. */
  next(): Choice | undefined {
    let slowest = Infinity
    for (const { state, input } of this.#entries) {
      const { watermarkUs } = input.progress
      // Of a partition without records nothing is known; its feed marks it where it stays empty.
      if (state !== 'ended' && watermarkUs > -Infinity && watermarkUs < slowest) {
        slowest = watermarkUs
      }
    }
    let best: Entry | undefined
    for (const entry of this.#entries) {
      if (entry.state !== 'open') continue
      const { progress, aheadMaxUs } = entry.input
      if (progress.watermarkUs > slowest + aheadMaxUs) continue
      if (best === undefined || progress.watermarkUs < best.input.progress.watermarkUs) best = entry
    }
    return best
  }

  /** Says that a read of the input found nothing more. */
  stopped({ input }: Choice, state: 'waiting' | 'ended'): void {
    for (const entry of this.#entries) if (entry.input === input) entry.state = state
  }

  /** Looks again at inputs that had nothing more. */
  wake(): void {
    for (const entry of this.#entries) if (entry.state === 'waiting') entry.state = 'open'
  }

  /** Whether nothing will ever come. */
  get ended(): boolean {
    return this.#entries.every(entry => entry.state === 'ended')
  }
}
