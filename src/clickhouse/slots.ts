/** At most so many at once; the others wait in order. */

export interface Slots {
  /** Runs `work` when a slot is free. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** How many wait. */
  readonly waiting: number
}

export function createSlots(slots: number): Slots {
  const queue: (() => void)[] = []
  let free = slots
  return {
    get waiting() {
      return queue.length
    },
    async run(work) {
      if (free > 0) free--
      else await new Promise<void>(take => queue.push(take))
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next === undefined) free++
        else next()
      }
    },
  }
}
