/**
 * When writes of the ports in memory take effect: in the order they came, each at once or not at all.
 *
 * Without a simulation that is the next microtask. With `held`, writes wait for `flush`, and `crash`
 * drops those that wait, as a power failure drops what was never synced: their promises never settle.
 */

interface Waiting {
  readonly run: () => void
}

export class MemoryDisk {
  readonly #held: boolean
  #waiting: Waiting[] = []
  #generation = 0

  constructor(options: { readonly held?: boolean } = {}) {
    this.#held = options.held === true
  }

  /** Writes that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs `body`, which changes all it says or throws and changes nothing, when it is flushed. */
  write<T>(body: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        run() {
          try {
            resolve(body())
          } catch (error) {
            reject(error)
          }
        },
      })
      if (this.#held) return
      const generation = this.#generation
      queueMicrotask(() => {
        if (generation === this.#generation) this.flush()
      })
    })
  }

  /** Lets the first `count` waiting writes take effect; all of them unless it says otherwise. */
  flush(count = this.#waiting.length): void {
    const ready = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    for (const { run } of ready) run()
  }

  /** Drops every write that was not flushed. */
  crash(): void {
    this.#generation++
    this.#waiting = []
  }
}
