/**
 * Event time of one partition: what is on time, late and too late, and how far time has come.
 *
 * ```
 * W(p, o) = max{ at of accepted rows and of marks of p at offsets < o } − D
 * late      W − L ≤ at < W        too late   at < W − L        F = W − L
 * ```
 *
 * The only state is the greatest `at` so far. A row is judged once, from the prefix of its own
 * partition: rows of one record (equal offsets) against the same W, whatever batches they come in.
 * Compared are distances (`greatest − at` with D and D + L), which are exact over all safe integers,
 * where `greatest − D` could leave them.
 */

import type { Batch } from '#columns'
import { END_OF_TIME_US } from '#ports'
import { PROGRESS_END, type Progress } from '../operator.ts'

export class PartitionTime {
  /** Greatest `at` of accepted rows and marks; −Infinity at the start. */
  greatest = -Infinity
  /** Rows of the last `classify` that were too late, ascending. */
  readonly tooLateRows: number[] = []
  /** Of the last `classify`: late rows, which stay selected. */
  late = 0

  readonly #disorderUs: number
  readonly #boundUs: number
  /** The record that rows are being judged of, and the greatest `at` before it. */
  #record = -1
  #judged = -Infinity
  #progress: Progress | undefined

  /** `latenessUs` is Infinity in a correction run, which includes everything. */
  constructor(disorderUs: number, latenessUs: number) {
    this.#disorderUs = disorderUs
    this.#boundUs = disorderUs + latenessUs
  }

  /** Judges the selected rows in order; takes the too late ones out of the selection. ~2 ns a row. */
  classify(batch: Batch): void {
    const { selection, at, offset, selected } = batch
    const disorder = this.#disorderUs
    const bound = this.#boundUs
    let greatest = this.greatest
    let judged = this.#judged
    let record = this.#record
    let kept = 0
    let late = 0
    this.tooLateRows.length = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const time = at[row] as number
      if (offset[row] !== record) {
        record = offset[row] as number
        judged = greatest
      }
      const behind = judged - time
      if (behind > disorder) {
        if (behind > bound) {
          this.tooLateRows.push(row)
          continue
        }
        late++
      }
      if (time > greatest) greatest = time
      selection[kept++] = row
    }
    batch.selected = kept
    this.late = late
    this.#record = record
    this.#judged = judged
    this.#move(greatest)
  }

  /** Takes a mark: no record older than `markAt` will come. */
  mark(markAt: number): void {
    if (markAt > this.greatest) this.#move(markAt)
  }

  /** Takes over what a commit kept. */
  restore(greatest: number): void {
    this.#move(greatest)
  }

  get progress(): Progress {
    this.#progress ??= this.#progressNow()
    return this.#progress
  }

  #move(greatest: number): void {
    if (greatest === this.greatest) return
    this.greatest = greatest
    this.#progress = undefined
  }

  #progressNow(): Progress {
    if (this.greatest >= END_OF_TIME_US) return PROGRESS_END
    return {
      watermarkUs: before(this.greatest, this.#disorderUs),
      frontierUs: before(this.greatest, this.#boundUs),
    }
  }
}

/** `at − distance`, where that is no safe integer any more the least one: no row is older than it. */
function before(at: number, distance: number): number {
  return at === -Infinity ? at : Math.max(at - distance, Number.MIN_SAFE_INTEGER)
}
