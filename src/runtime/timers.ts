/**
 * What becomes due when a clock of event time passes.
 *
 * Ids are filed in buckets of equal width; a bucket is a chain of small blocks of one pool. An id
 * is filed once at a time: `#filed` remembers its bucket, and an entry elsewhere is stale and
 * skipped, so that filing again costs nothing at the old place. What is found not yet due when its
 * bucket passes is filed again by its real time (lazy re-filing): a session that grows moves once
 * per pass, not once per row. Buckets are taken in order from a heap. Nothing is persisted: after a
 * restore the owner files all that is live.
 */

import { grownCapacity } from './intern.ts'

/** Words of a block: the next block, ids in use, ids. */
const BLOCK_WORDS = 32
const BLOCK_IDS = BLOCK_WORDS - 2

interface Bucket {
  /** A lower bound of the times filed here. */
  earliest: number
  block: number
}

export class Timers {
  readonly #width: number
  readonly #buckets = new Map<number, Bucket>()
  /** Numbers of buckets, a binary heap. */
  readonly #heap: number[] = []
  /** By id: the bucket it is filed in, as 32 bits; meaningless where it is not. */
  #filed = new Int32Array(16)
  #pool = new Int32Array(BLOCK_WORDS * 4)
  #blocks = 0
  #freeBlock = -1
  #last: Bucket | undefined
  #lastNumber = Number.NaN

  /** `widthUs`: how far apart due times may be that are looked at together. */
  constructor(widthUs: number) {
    this.#width = Math.max(1, Math.floor(widthUs))
  }

  get bytes(): number {
    return this.#filed.byteLength + this.#pool.byteLength
  }

  /** The earliest time at which anything may be due; Infinity where nothing is filed. */
  get earliestUs(): number {
    const number = this.#heap[0]
    return number === undefined ? Infinity : (this.#buckets.get(number) as Bucket).earliest
  }

  /** Files `id`, which is due once the clock is at or past `dueUs`. */
  file(id: number, dueUs: number): void {
    if (id >= this.#filed.length) {
      const filed = new Int32Array(grownCapacity(this.#filed.length, id + 1))
      filed.set(this.#filed)
      this.#filed = filed
    }
    const number = Math.floor(dueUs / this.#width)
    this.#filed[id] = number | 0
    this.#append(this.#bucket(number, dueUs), id)
  }

  /**
   * Calls `due` for each id whose time has come at `nowUs`, once. `dueUs` says an id's time as it
   * is now, Infinity where it waits for nothing any more.
   */
  advance(nowUs: number, dueUs: (id: number) => number, due: (id: number) => void): void {
    while (this.#heap.length > 0 && this.earliestUs <= nowUs) {
      const number = this.#heap[0] as number
      const bucket = this.#buckets.get(number) as Bucket
      this.#removeFirst()
      this.#buckets.delete(number)
      if (this.#last === bucket) this.#lastNumber = Number.NaN
      let block = bucket.block
      while (block >= 0) {
        const at = block * BLOCK_WORDS
        const count = this.#pool[at + 1] as number
        for (let k = 0; k < count; k++) {
          this.#meet(this.#pool[at + 2 + k] as number, number, nowUs, dueUs, due)
        }
        const next = this.#pool[at] as number
        this.#pool[at] = this.#freeBlock
        this.#freeBlock = block
        block = next
      }
    }
  }

  #meet(
    id: number,
    number: number,
    nowUs: number,
    dueUs: (id: number) => number,
    due: (id: number) => void,
  ): void {
    if (this.#filed[id] !== (number | 0)) return
    this.#filed[id] = (number | 0) ^ -0x80000000
    const time = dueUs(id)
    if (time === Infinity) return
    if (time <= nowUs) due(id)
    else this.file(id, time)
  }

  #bucket(number: number, dueUs: number): Bucket {
    let bucket = this.#last
    if (number !== this.#lastNumber || bucket === undefined) {
      bucket = this.#buckets.get(number)
      if (bucket === undefined) {
        bucket = { earliest: dueUs, block: -1 }
        this.#buckets.set(number, bucket)
        this.#insert(number)
      }
      this.#last = bucket
      this.#lastNumber = number
    }
    if (dueUs < bucket.earliest) bucket.earliest = dueUs
    return bucket
  }

  #append(bucket: Bucket, id: number): void {
    let block = bucket.block
    if (block < 0 || this.#pool[block * BLOCK_WORDS + 1] === BLOCK_IDS) {
      block = this.#takeBlock()
      this.#pool[block * BLOCK_WORDS] = bucket.block
      this.#pool[block * BLOCK_WORDS + 1] = 0
      bucket.block = block
    }
    const at = block * BLOCK_WORDS
    const count = this.#pool[at + 1] as number
    this.#pool[at + 2 + count] = id
    this.#pool[at + 1] = count + 1
  }

  #takeBlock(): number {
    const free = this.#freeBlock
    if (free >= 0) {
      this.#freeBlock = this.#pool[free * BLOCK_WORDS] as number
      return free
    }
    const block = this.#blocks++
    if ((block + 1) * BLOCK_WORDS > this.#pool.length) {
      const blocks = grownCapacity(this.#pool.length / BLOCK_WORDS, block + 1)
      const pool = new Int32Array(blocks * BLOCK_WORDS)
      pool.set(this.#pool)
      this.#pool = pool
    }
    return block
  }

  #insert(number: number): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(number)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as number) <= number) break
      heap[at] = heap[parent] as number
      at = parent
    }
    heap[at] = number
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop() as number
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++
      if ((heap[child] as number) >= last) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = last
  }
}
