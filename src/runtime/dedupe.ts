/**
 * The first row by position of each (by…, at); nulls equal each other. It never takes a row back.
 *
 * Rows come in order of position, so the first to arrive is the one. Seen rows stand in generations
 * by event time: a row can only equal one of its own, which is dropped whole once the frontier has
 * passed its end, so that nothing is ever removed one by one. A generation is an open-addressing
 * table of full keys and times; one uuid has its own of 20 bytes a slot (100 ns a row at ten million
 * rows), other keys are packed entries of an `InternTable`.
 *
 * `stats` counts duplicates, and rows whose key was there with another time within a generation
 * (`otherTimes`, one uuid only), a finding about the data.
 */

import { invariant, PlatformError } from '#base'
import type { Batch, BatchColumn } from '#columns'
import { hashEntry, InternTable } from './intern.ts'
import type {
  OperatorContext,
  OperatorInstance,
  OperatorOf,
  OperatorStats,
  Progress,
} from './operator.ts'
import { ByteReader, ByteWriter } from './state-bytes.ts'
import { RowPacker } from './state-pack.ts'
import { readEntry, writeEntry } from './state-records.ts'

const FORMAT = 1

/** Width of a generation. Rows are kept up to this much longer than they must be. */
const GENERATION_US = 16_000_000

/** What one generation does for rows of one kind of key. */
interface Generation {
  readonly bytes: number
  readonly live: number
  snapshot(startUs: number, writer: ByteWriter): void
}

export function createDedupe(
  operator: OperatorOf<'dedupe'>,
  context: OperatorContext,
): OperatorInstance {
  const { schema } = operator.input
  const columns = operator.by.map(name => schema.findIndex(column => column.name === name))
  invariant(
    columns.every(column => column >= 0),
    'rows have the columns they are told apart by',
  )
  const kind = schema[columns[0] as number]?.type.kind
  const seen = columns.length === 1 && kind === 'uuid' ? new SeenUuids(columns[0] as number) : new SeenRows(columns)
  return new Dedupe(seen, context)
}

class Dedupe implements OperatorInstance {
  readonly #seen: SeenUuids | SeenRows
  readonly #context: OperatorContext
  #duplicates = 0

  constructor(seen: SeenUuids | SeenRows, context: OperatorContext) {
    this.#seen = seen
    this.#context = context
  }

  get stats(): OperatorStats {
    const { live, bytes, otherTimes } = this.#seen
    return { keys: live, bytes, duplicates: this.#duplicates, otherTimes }
  }

  push(_port: number, batch: Batch): void {
    const before = batch.selected
    batch.selected = this.#seen.take(batch)
    this.#duplicates += before - batch.selected
    if (batch.selected > 0) this.#context.out.push(batch)
  }

  flush(progress: Progress): Progress {
    this.#seen.generations.dropBefore(progress.frontierUs)
    return progress
  }

  delta(): Uint8Array | undefined {
    return this.#seen.delta()
  }

  snapshot(): Uint8Array {
    this.#seen.delta()
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    this.#seen.generations.snapshot(writer)
    return writer.take()
  }

  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.byte() !== FORMAT) {
      throw new PlatformError('state.corrupt', 'packed rows are of an unknown format', {
        hint: 'Run it with the version that wrote the state, or remove the state.',
      })
    }
    while (!reader.ended) this.#seen.read(reader)
  }
}

/** Generations by number, the one of the last row at hand. */
class Generations<G extends Generation> {
  readonly #byNumber = new Map<number, G>()
  readonly #make: () => G
  #last: G | undefined
  #lastNumber = Number.NaN
  #frontierUs = -Infinity

  constructor(make: () => G) {
    this.#make = make
  }

  of(at: number): G {
    const number = Math.floor(at / GENERATION_US)
    if (number === this.#lastNumber && this.#last !== undefined) return this.#last
    let generation = this.#byNumber.get(number)
    if (generation === undefined) {
      invariant(at >= this.#frontierUs, 'no row is older than the frontier')
      generation = this.#make()
      this.#byNumber.set(number, generation)
    }
    this.#last = generation
    this.#lastNumber = number
    return generation
  }

  /** Drops the generations all of whose rows are before the frontier. */
  dropBefore(frontierUs: number): void {
    if (frontierUs <= this.#frontierUs) return
    this.#frontierUs = frontierUs
    for (const number of this.#byNumber.keys()) {
      if ((number + 1) * GENERATION_US > frontierUs) continue
      this.#byNumber.delete(number)
      if (number === this.#lastNumber) this.#last = undefined
    }
  }

  snapshot(writer: ByteWriter): void {
    for (const [number, generation] of this.#byNumber) {
      generation.snapshot(number * GENERATION_US, writer)
    }
  }

  get bytes(): number {
    let bytes = 0
    for (const generation of this.#byNumber.values()) bytes += generation.bytes
    return bytes
  }

  get live(): number {
    let live = 0
    for (const generation of this.#byNumber.values()) live += generation.live
    return live
  }
}

/** Words of a slot: the uuid, and 1 + µs since the generation began; 0 there is an empty slot. */
const SLOT_WORDS = 5

class UuidGeneration implements Generation {
  #slots = new Int32Array(64 * SLOT_WORDS)
  #capacity = 64
  live = 0
  otherTimes = 0

  get bytes(): number {
    return this.#slots.byteLength
  }

  /** Whether it was not there; it is now. */
  add(a: number, b: number, c: number, d: number, time: number): boolean {
    const slots = this.#slots
    const capacity = this.#capacity
    let slot = this.#slot(a, b, c, d)
    let other = false
    for (;;) {
      const at = slot * SLOT_WORDS
      const held = slots[at + 4] as number
      if (held === 0) break
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) {
        if (held === time) return false
        other = true
      }
      slot = slot + 1 === capacity ? 0 : slot + 1
    }
    const at = slot * SLOT_WORDS
    slots[at] = a
    slots[at + 1] = b
    slots[at + 2] = c
    slots[at + 3] = d
    slots[at + 4] = time
    if (other) this.otherTimes++
    if (++this.live * 4 > capacity * 3) this.#grow()
    return true
  }

  /** Loads the slot of a uuid, so that rows of a batch do not wait for one another. */
  touch(a: number, b: number, c: number, d: number): number {
    return this.#slots[this.#slot(a, b, c, d) * SLOT_WORDS + 4] as number
  }

  snapshot(startUs: number, writer: ByteWriter): void {
    const slots = this.#slots
    for (let at = 0; at < slots.length; at += SLOT_WORDS) {
      const time = slots[at + 4] as number
      if (time !== 0) writeUuid(writer, slots, at, startUs + (time >>> 0) - 1)
    }
  }

  #slot(a: number, b: number, c: number, d: number): number {
    let hash = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(c, 0xc2b2ae35)
    hash = Math.imul(hash ^ (hash >>> 15) ^ d, 0x2c1b3c6d)
    hash = Math.imul(hash ^ (hash >>> 13), 0x297a2d39)
    return (((hash ^ (hash >>> 16)) >>> 0) * this.#capacity * 2 ** -32) >>> 0
  }

  #grow(): void {
    const before = this.#slots
    this.#capacity = Math.ceil(this.#capacity * 1.5)
    const slots = new Int32Array(this.#capacity * SLOT_WORDS)
    for (let from = 0; from < before.length; from += SLOT_WORDS) {
      if (before[from + 4] === 0) continue
      let slot = this.#slot(
        before[from] as number,
        before[from + 1] as number,
        before[from + 2] as number,
        before[from + 3] as number,
      )
      while (slots[slot * SLOT_WORDS + 4] !== 0) slot = slot + 1 === this.#capacity ? 0 : slot + 1
      for (let w = 0; w < SLOT_WORDS; w++) {
        slots[slot * SLOT_WORDS + w] = before[from + w] as number
      }
    }
    this.#slots = slots
  }
}

function writeUuid(writer: ByteWriter, words: Int32Array, at: number, atUs: number): void {
  writer.double(atUs)
  writer.words(words, at, 4)
}

/** Rows told apart by one uuid and their time. */
class SeenUuids {
  readonly generations = new Generations(() => new UuidGeneration())
  readonly #column: number
  readonly #writer = new ByteWriter()
  /** Times of the rows whose uuid is null. */
  readonly #nulls = new SeenRows([])
  readonly #one = new Int32Array(4)
  #warm = 0
  otherTimes = 0

  constructor(column: number) {
    this.#column = column
  }

  get bytes(): number {
    return this.generations.bytes + this.#nulls.bytes
  }

  get live(): number {
    return this.generations.live + this.#nulls.live
  }

  /** Keeps the rows not seen before; returns how many they are. */
  take(batch: Batch): number {
    const column = batch.columns[this.#column] as BatchColumn
    invariant(column.kind === 'uuid', 'the rows are told apart by a uuid')
    const { selection, selected, at } = batch
    const { words, nulls } = column
    this.#touch(batch, words)
    let kept = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const time = at[row] as number
      let fresh: boolean
      if (nulls[row] !== 0) fresh = this.#nulls.takeRow(batch, row)
      else {
        const generation = this.generations.of(time)
        const others = generation.otherTimes
        fresh = generation.add(
          words[row * 4] as number,
          words[row * 4 + 1] as number,
          words[row * 4 + 2] as number,
          words[row * 4 + 3] as number,
          timeWord(time),
        )
        this.otherTimes += generation.otherTimes - others
        if (fresh) writeUuid(this.#writer, words, row * 4, time)
      }
      if (fresh) selection[kept++] = row
    }
    return kept
  }

  delta(): Uint8Array | undefined {
    const nulls = this.#nulls.delta()
    invariant(nulls === undefined || nulls.length > 0, 'a delta says something')
    if (this.#writer.used === 0) return undefined
    return framed(this.#writer)
  }

  read(reader: ByteReader): void {
    const time = reader.double()
    const words = this.#one
    reader.words(words, 0, 4)
    const [a, b, c, d] = words as unknown as [number, number, number, number]
    this.generations.of(time).add(a, b, c, d, timeWord(time))
  }

  #touch(batch: Batch, words: Int32Array): void {
    const { selection, selected, at } = batch
    let warm = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      warm ^= this.generations
        .of(at[row] as number)
        .touch(
          words[row * 4] as number,
          words[row * 4 + 1] as number,
          words[row * 4 + 2] as number,
          words[row * 4 + 3] as number,
        )
    }
    this.#warm ^= warm
  }
}

