/** Time, passed in: the only file that reads the machine's clock. */

/** What asks for the time takes one of these. */
export interface Clock {
  /** Now, in integer microseconds since 1970-01-01 UTC. */
  nowUs(): number
  /** A monotonic reading in milliseconds, for durations only. */
  monotonicMs(): number
}

/** The machine's clock. Handed out by the composition root, never read by a transform. */
export const systemClock: Clock = {
  nowUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  monotonicMs: () => performance.now(),
}

/** A clock that stands where it is put, for tests. */
export function manualClock(startUs = 0): Clock & { set(nowUs: number): void } {
  let now = startUs
  return {
    nowUs: () => now,
    monotonicMs: () => now / 1000,
    set(nowUs) {
      now = nowUs
    },
  }
}
