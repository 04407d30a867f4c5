/**
 * Packed byte strings, each once, by dense ids.
 *
 * An entry is a header word, whose low 31 bits are the bytes of the body, and the body in whole
 * words, padded with zeros; two entries are equal when these words are. An id has one free word
 * (`user`): a reference count, or the head of a list.
 *
 * Index: open addressing over pairs (hash, id + 1), linear probing, at most 4/5 full. The slot of a
 * hash is `floor(hash · capacity / 2³²)`, so that any capacity will do, growing copies the table in
 * order, and the hash beside the id settles all but one in 2³² comparisons without a further cache
 * miss. Removal shifts later entries back: there are no tombstones. Bodies stand in one arena; a
 * freed place is reused by an entry of its size, and when more than half is free at growth the
 * arena is written anew without the holes. Buffers grow by a fifth once they are large.
 */

import { invariant } from '#base'

/** Places of up to this many words are kept by size for reuse; larger ones wait for compaction. */
const FREE_WORDS_MAX = 64
const LENGTH_MASK = 0x7fffffff

/** Words of an entry with this header, itself included. */
export function entryWords(header: number): number {
  return 1 + (((header & LENGTH_MASK) + 3) >>> 2)
}

/** A new capacity: double while small, then a fifth more, so that little stands empty. */
export function grownCapacity(capacity: number, needed: number): number {
  const larger = capacity < 16_384 ? capacity * 2 : Math.ceil(capacity * 1.2)
  return Math.max(larger, needed)
}

/** The hash of an entry; all 32 bits are mixed. */
export function hashEntry(words: Int32Array, at: number): number {
  const count = entryWords(words[at] as number)
  let hash = 0
  for (let k = at; k < at + count; k++) {
    hash = Math.imul(hash ^ (words[k] as number), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

export class InternTable {
  /** Pairs of hash and id + 1; id 0 stands for an empty slot. */
  #index: Int32Array
  #capacity: number
  /** By id: place in the arena (or, where free, the next free id), and the user's word. */
  #entries: Int32Array
  /** Bodies. Changes when an entry is added. */
  words: Int32Array
  #wordsUsed = 0
  #wordsFree = 0
  readonly #freePlaces = new Int32Array(FREE_WORDS_MAX + 1).fill(-1)
  #ids = 0
  #freeId = -1
  live = 0
  /** Kept so that passes which only load are not optimised away. */
  warm = 0

  constructor(capacity = 16) {
    this.#capacity = capacity
    this.#index = new Int32Array(capacity * 2)
    this.#entries = new Int32Array(capacity * 2)
    this.words = new Int32Array(capacity * 4)
  }

  get bytes(): number {
    return this.#index.byteLength + this.#entries.byteLength + this.words.byteLength
  }

  /** Where the entry of `id` begins in `words`. */
  place(id: number): number {
    return this.#entries[id * 2] as number
  }

  user(id: number): number {
    return this.#entries[id * 2 + 1] as number
  }

  setUser(id: number, value: number): void {
    this.#entries[id * 2 + 1] = value
  }

  /** Makes room for `count` more entries in the index and the list of ids. */
  reserve(count: number): void {
    const needed = this.live + count
    if (needed * 5 > this.#capacity * 4) {
      this.#rehash(grownCapacity(this.#capacity, Math.ceil((needed * 5) / 4) + 1))
    }
    const ids = this.#ids + count
    if (ids * 2 > this.#entries.length) {
      const entries = new Int32Array(grownCapacity(this.#entries.length >> 1, ids) * 2)
      entries.set(this.#entries)
      this.#entries = entries
    }
  }

  /** The id of the entry at `from[at]`, or −1. */
  find(from: Int32Array, at: number, hash: number): number {
    const index = this.#index
    for (let slot = this.#slot(hash); ; slot = slot + 1 === this.#capacity ? 0 : slot + 1) {
      const id = (index[slot * 2 + 1] as number) - 1
      if (id < 0) return -1
      if (index[slot * 2] === hash && this.#equal(id, from, at)) return id
    }
  }

  /** The id of the entry at `from[at]`, made if it is not there, its user word then `user`. */
  intern(from: Int32Array, at: number, hash: number, user: number): number {
    const id = this.find(from, at, hash)
    return id >= 0 ? id : this.add(from, at, hash, user)
  }

  /** Adds an entry that is not there. */
  add(from: Int32Array, at: number, hash: number, user: number): number {
    this.reserve(1)
    const count = entryWords(from[at] as number)
    const place = this.#takePlace(count)
    const words = this.words
    for (let k = 0; k < count; k++) words[place + k] = from[at + k] as number
    let id = this.#freeId
    if (id >= 0) this.#freeId = this.#entries[id * 2] as number
    else id = this.#ids++
    this.#entries[id * 2] = place
    this.#entries[id * 2 + 1] = user
    let slot = this.#slot(hash)
    while (this.#index[slot * 2 + 1] !== 0) slot = slot + 1 === this.#capacity ? 0 : slot + 1
    this.#index[slot * 2] = hash
    this.#index[slot * 2 + 1] = id + 1
    this.live++
    return id
  }

  /** Ids of `count` entries that begin at `starts[k]`; missing ones are made with `user`. */
  internAll(
    from: Int32Array,
    starts: Int32Array,
    hashes: Int32Array,
    count: number,
    user: number,
    ids: Int32Array,
  ): void {
    this.reserve(count)
    this.touch(hashes, count)
    for (let k = 0; k < count; k++) {
      const id = this.find(from, starts[k] as number, hashes[k] as number)
      ids[k] = id >= 0 ? id : this.add(from, starts[k] as number, hashes[k] as number, user)
    }
  }

  /** Calls `visit` with every id, in no order. */
  each(visit: (id: number) => void): void {
    for (let slot = 1; slot < this.#index.length; slot += 2) {
      const id = (this.#index[slot] as number) - 1
      if (id >= 0) visit(id)
    }
  }

  /** Loads the slots, ids and bodies of hashes, each pass without waiting for the one before. */
  touch(hashes: Int32Array, count: number): void {
    const index = this.#index
    let warm = 0
    for (let k = 0; k < count; k++) warm ^= index[this.#slot(hashes[k] as number) * 2] as number
    for (let k = 0; k < count; k++) {
      const id = index[this.#slot(hashes[k] as number) * 2 + 1] as number
      if (id !== 0) warm ^= this.#entries[id * 2 - 2] as number
    }
    for (let k = 0; k < count; k++) {
      const id = index[this.#slot(hashes[k] as number) * 2 + 1] as number
      if (id !== 0) warm ^= this.words[this.#entries[id * 2 - 2] as number] as number
    }
    this.warm = warm
  }

  remove(id: number): void {
    const place = this.#entries[id * 2] as number
    const hash = hashEntry(this.words, place)
    const index = this.#index
    let slot = this.#slot(hash)
    while (index[slot * 2 + 1] !== id + 1) {
      invariant(index[slot * 2 + 1] !== 0, 'a removed entry is in the index')
      slot = slot + 1 === this.#capacity ? 0 : slot + 1
    }
    this.#closeHole(slot)
    this.#freePlace(place)
    this.#entries[id * 2] = this.#freeId
    this.#entries[id * 2 + 1] = -1
    this.#freeId = id
    this.live--
  }

  /** Moves back what stands behind the hole and may stand nearer to its own slot. */
  #closeHole(from: number): void {
    const index = this.#index
    const capacity = this.#capacity
    let hole = from
    let slot = from
    for (;;) {
      slot = slot + 1 === capacity ? 0 : slot + 1
      if (index[slot * 2 + 1] === 0) break
      const home = this.#slot(index[slot * 2] as number)
      const distance = slot >= home ? slot - home : slot - home + capacity
      const gap = slot >= hole ? slot - hole : slot - hole + capacity
      if (distance < gap) continue
      index[hole * 2] = index[slot * 2] as number
      index[hole * 2 + 1] = index[slot * 2 + 1] as number
      hole = slot
    }
    index[hole * 2] = 0
    index[hole * 2 + 1] = 0
  }

  #slot(hash: number): number {
    return ((hash >>> 0) * this.#capacity * 2 ** -32) >>> 0
  }

  #equal(id: number, from: Int32Array, at: number): boolean {
    const words = this.words
    const place = this.#entries[id * 2] as number
    const header = from[at] as number
    if (words[place] !== header) return false
    const count = entryWords(header)
    for (let k = 1; k < count; k++) if (words[place + k] !== from[at + k]) return false
    return true
  }

  #rehash(capacity: number): void {
    const before = this.#index
    const index = new Int32Array(capacity * 2)
    this.#capacity = capacity
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === 0) continue
      let slot = this.#slot(before[from] as number)
      while (index[slot * 2 + 1] !== 0) slot = slot + 1 === capacity ? 0 : slot + 1
      index[slot * 2] = before[from] as number
      index[slot * 2 + 1] = before[from + 1] as number
    }
    this.#index = index
  }

  #takePlace(count: number): number {
    if (count <= FREE_WORDS_MAX) {
      const place = this.#freePlaces[count] as number
      if (place >= 0) {
        this.#freePlaces[count] = count === 1 ? -1 : (this.words[place + 1] as number)
        this.#wordsFree -= count
        return place
      }
    }
    if (this.#wordsUsed + count > this.words.length) this.#growWords(count)
    const place = this.#wordsUsed
    this.#wordsUsed += count
    return place
  }

  #freePlace(place: number): void {
    const count = entryWords(this.words[place] as number)
    this.#wordsFree += count
    if (count === 1 || count > FREE_WORDS_MAX) return
    this.words[place + 1] = this.#freePlaces[count] as number
    this.#freePlaces[count] = place
  }

  /** More room; without the holes where they are more than half. */
  #growWords(count: number): void {
    if (this.#wordsFree * 2 <= this.#wordsUsed) {
      const words = new Int32Array(grownCapacity(this.words.length, this.#wordsUsed + count))
      words.set(this.words.subarray(0, this.#wordsUsed))
      this.words = words
      return
    }
    const kept = this.#wordsUsed - this.#wordsFree
    const words = new Int32Array(Math.max(64, Math.ceil((kept + count) * 1.2)))
    let used = 0
    for (let slot = 1; slot < this.#index.length; slot += 2) {
      const id = (this.#index[slot] as number) - 1
      if (id < 0) continue
      const place = this.#entries[id * 2] as number
      const length = entryWords(this.words[place] as number)
      words.set(this.words.subarray(place, place + length), used)
      this.#entries[id * 2] = used
      used += length
    }
    this.words = words
    this.#wordsUsed = used
    this.#wordsFree = 0
    this.#freePlaces.fill(-1)
  }
}
