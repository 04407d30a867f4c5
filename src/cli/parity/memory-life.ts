/**
 * One life of the processes over a data directory in memory: writes take effect when a pump lets
 * them, and once the life has ended in a crash nothing it still does has an effect.
 */

import { setImmediate } from 'node:timers/promises'
import type { Random } from '#base'
import type { MemoryDisk } from '#local'

/** What a crash is known by. */
export class Crash extends Error {}

/** How often a pump lets waiting writes wait on. */
const PATIENCE = 0.3

export class Life {
  readonly #disks: readonly MemoryDisk[]
  #dead = false

  constructor(disks: readonly MemoryDisk[]) {
    this.#disks = disks
  }

  /** `target` as long as this life lasts; behind it every call is a crash. */
  mortal<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object)
        if (typeof value !== 'function') return value
        return (...given: readonly unknown[]): unknown => {
          if (this.#dead) throw new Crash('after the crash')
          return Reflect.apply(value, object, given)
        }
      },
    })
  }

  /**
   * Waits for `work`, while writes are flushed some at a time; `mayCrash` is asked before each.
   * Where either throws, what was not flushed is lost.
   */
  async run<T>(work: () => Promise<T>, random: Random, mayCrash: () => void): Promise<T> {
    let ended = false
    const working = work().finally(() => {
      ended = true
    })
    const pump = async (): Promise<never> => {
      while (!ended) {
        for (const disk of this.#disks) {
          if (disk.waiting === 0 || random.next() < PATIENCE) continue
          mayCrash()
          disk.flush(1 + random.int(disk.waiting))
        }
        await setImmediate()
      }
      return new Promise(() => undefined)
    }
    try {
      return await Promise.race([working, pump()])
    } catch (error) {
      this.#dead = true
      for (const disk of this.#disks) disk.crash()
      throw error
    }
  }
}
