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

/** The rows seen so far. */
interface Seen {
  readonly generations: Generations<Generation>
  /** Rows whose key was seen with another time. */
  readonly otherTimes: number
  /** Shortens the selection to the rows not seen before; returns how many they are. */
  take(batch: Batch): number
  delta(): Uint8Array | undefined
  read(reader: ByteReader): void
}

export function createDedupe(
  operator: OperatorOf<'dedupe'>,
  context: OperatorContext,
): OperatorInstance {
  const { schema } = operator.input
  const columns = [operator.input.at, ...operator.by].map(name =>
    schema.findIndex(column => column.name === name),
  )
  const types = columns.map(column => schema[column]?.type)
  invariant(!types.includes(undefined), 'rows have the columns they are told apart by')
  const uuid = types.length === 2 && types[1]?.kind === 'uuid' && types[1].nullable !== true
  return new Dedupe(uuid ? new SeenUuids(columns[1] as number) : new SeenRows(columns), context)
}

class Dedupe implements OperatorInstance {
  readonly #seen: Seen
  readonly #context: OperatorContext
  #duplicates = 0

  constructor(seen: Seen, context: OperatorContext) {
    this.#seen = seen
    this.#context = context
  }

  get stats(): OperatorStats {
    const { generations, otherTimes } = this.#seen
    const { live, bytes } = generations
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
  /** No generation is older. */
  #oldest = Infinity

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
      if (number < this.#oldest) this.#oldest = number
    }
    this.#last = generation
    this.#lastNumber = number
    return generation
  }

  /** Drops the generations all of whose rows are before the frontier. */
  dropBefore(frontierUs: number): void {
    if (frontierUs > this.#frontierUs) this.#frontierUs = frontierUs
    if ((this.#oldest + 1) * GENERATION_US > frontierUs) return
    this.#oldest = Infinity
    for (const number of this.#byNumber.keys()) {
      if ((number + 1) * GENERATION_US > frontierUs) {
        this.#oldest = Math.min(this.#oldest, number)
        continue
      }
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
  #slots = new Int32Array(8 * SLOT_WORDS)
  #capacity = 8
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

/** Rows told apart by one uuid, never null, and their time. */
class SeenUuids implements Seen {
  readonly generations = new Generations(() => new UuidGeneration())
  readonly #column: number
  readonly #fresh = new ByteWriter()
  readonly #one = new Int32Array(4)
  #warm = 0
  otherTimes = 0

  constructor(column: number) {
    this.#column = column
  }

  take(batch: Batch): number {
    const column = batch.columns[this.#column] as BatchColumn
    invariant(column.kind === 'uuid', 'the rows are told apart by a uuid')
    const { selection, selected, at } = batch
    const { words } = column
    this.#touch(batch, words)
    let kept = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      if (!this.#add(words, row * 4, at[row] as number)) continue
      writeUuid(this.#fresh, words, row * 4, at[row] as number)
      selection[kept++] = row
    }
    return kept
  }

  delta(): Uint8Array | undefined {
    return framed(this.#fresh)
  }

  read(reader: ByteReader): void {
    const time = reader.double()
    reader.words(this.#one, 0, 4)
    this.#add(this.#one, 0, time)
  }

  #add(words: Int32Array, at: number, time: number): boolean {
    const generation = this.generations.of(time)
    const others = generation.otherTimes
    const fresh = generation.add(
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
      timeWord(time),
    )
    this.otherTimes += generation.otherTimes - others
    return fresh
  }

  #touch({ selection, selected, at }: Batch, words: Int32Array): void {
    let warm = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const word = row * 4
      const generation = this.generations.of(at[row] as number)
      warm ^= generation.touch(
        words[word] as number,
        words[word + 1] as number,
        words[word + 2] as number,
        words[word + 3] as number,
      )
    }
    this.#warm ^= warm
  }
}

/** Time within its generation, from 1. */
function timeWord(time: number): number {
  return time - Math.floor(time / GENERATION_US) * GENERATION_US + 1
}

class RowGeneration implements Generation {
  readonly table = new InternTable(8)

  get bytes(): number {
    return this.table.bytes
  }

  get live(): number {
    return this.table.live
  }

  snapshot(_startUs: number, writer: ByteWriter): void {
    this.table.each(id => writeEntry(this.table.words, this.table.place(id), writer))
  }
}

const bits = new Float64Array(1)
const bitWords = new Int32Array(bits.buffer)

/** Rows told apart by any columns; the time is packed first. */
class SeenRows implements Seen {
  readonly generations = new Generations(() => new RowGeneration())
  readonly otherTimes = 0
  readonly #packer: RowPacker
  readonly #fresh = new ByteWriter()
  #scratch: Int32Array = new Int32Array(64)

  /** `columns`: event time, and those that rows are told apart by. */
  constructor(columns: readonly number[]) {
    this.#packer = new RowPacker(columns)
  }

  take(batch: Batch): number {
    const { selection, selected, at } = batch
    this.#packer.pack(batch, selection, selected)
    const { words, starts, hashes } = this.#packer
    let kept = 0
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const { table } = this.generations.of(at[row] as number)
      const place = starts[k] as number
      const hash = hashes[k] as number
      if (table.find(words, place, hash) >= 0) continue
      table.add(words, place, hash, 0)
      writeEntry(words, place, this.#fresh)
      selection[kept++] = row
    }
    return kept
  }

  delta(): Uint8Array | undefined {
    return framed(this.#fresh)
  }

  read(reader: ByteReader): void {
    this.#scratch = readEntry(reader, this.#scratch)
    bitWords[0] = this.#scratch[1] as number
    bitWords[1] = this.#scratch[2] as number
    const { table } = this.generations.of(bits[0] as number)
    table.intern(this.#scratch, 0, hashEntry(this.#scratch, 0), 0)
  }
}

/** What was written, behind the format's number; undefined where nothing was. */
function framed(writer: ByteWriter): Uint8Array | undefined {
  if (writer.used === 0) return undefined
  const body = writer.take()
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = FORMAT
  bytes.set(body, 1)
  return bytes
}
