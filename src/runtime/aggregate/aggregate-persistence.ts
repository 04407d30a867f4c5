/**
 * The records of an aggregate as bytes: all of them, or those that changed since last time.
 *
 * An entry is the record's number plus 1, its flags (0: it is free), then its key, bounds, what was
 * given out of it, and its accumulators. Numbers of records stay what they are across a restart, so
 * that a delta names what it replaces; values go out in full, so that nothing else must match.
 */

import { PlatformError } from '#base'
import { hashEntry } from '../intern.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import {
  CHANGED,
  CLOSED,
  EMITTED,
  FLAGS,
  LIVE,
  NEXT,
  readEntry,
  TOUCHED,
  writeEntry,
} from '../state-records.ts'
import type { Accumulator } from './accumulator.ts'
import type { Publication } from './aggregate.ts'
import type { AggregateState } from './aggregate-state.ts'

/** First byte of all packed state; a reader refuses any other. */
const FORMAT = 1
/** Where one record in so many changed, all are looked at in order: memory likes that better. */
const DENSE = 8
const KEPT_FLAGS = LIVE | EMITTED | CHANGED | CLOSED

export class AggregatePersistence {
  readonly #state: AggregateState
  readonly #publication: Publication
  readonly #writer = new ByteWriter()
  #entry: Int32Array = new Int32Array(64)

  constructor(state: AggregateState, publication: Publication) {
    this.#state = state
    this.#publication = publication
  }

  delta(): Uint8Array | undefined {
    const state = this.#state
    if (state.touchedCount === 0) return undefined
    const { words, stride, top } = state.store
    this.#begin(0, 0)
    const many = state.touchedCount * DENSE > top
    const count = many ? top : state.touchedCount
    for (let k = 0; k < count; k++) {
      const record = many ? k : (state.touched[k] as number)
      const at = record * stride + FLAGS
      const flags = words[at] as number
      if ((flags & TOUCHED) === 0) continue
      words[at] = flags & ~TOUCHED
      this.#write(record)
    }
    state.touchedCount = 0
    return this.#writer.take()
  }

  snapshot(): Uint8Array {
    const state = this.#state
    const { words, stride } = state.store
    for (let k = 0; k < state.touchedCount; k++) {
      const at = (state.touched[k] as number) * stride + FLAGS
      words[at] = (words[at] as number) & ~TOUCHED
    }
    state.touchedCount = 0
    this.#begin(state.store.top, state.store.keys.live)
    for (let record = 0; record < state.store.top; record++) {
      if (state.isLive(record)) this.#write(record)
    }
    return this.#writer.take()
  }

  /** Applies bytes. Free records and timers are the caller's to rebuild. */
  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.byte() !== FORMAT) {
      throw new PlatformError('state.corrupt', 'packed windows are of an unknown format', {
        hint: 'Run it with the version that wrote the state, or remove the state.',
      })
    }
    const { store } = this.#state
    store.reserve(Math.max(0, reader.unsigned() - store.top))
    store.keys.reserve(reader.unsigned())
    while (!reader.ended) this.#read(reader)
  }

  /** The format, and for how many records and keys a reader of a snapshot makes room. */
  #begin(records: number, keys: number): void {
    this.#writer.byte(FORMAT)
    this.#writer.unsigned(records)
    this.#writer.unsigned(keys)
  }

  #write(record: number): void {
    const state = this.#state
    const { words, doubles, stride, keys, values } = state.store
    const writer = this.#writer
    const base = record * stride
    const flags = (words[base + FLAGS] as number) & KEPT_FLAGS
    writer.unsigned(record + 1)
    writer.byte((flags & LIVE) === 0 ? 0 : flags)
    if ((flags & LIVE) === 0) return
    writeEntry(keys.words, keys.place(words[base] as number), writer)
    const start = doubles[base / 2 + state.start] as number
    writer.double(start)
    if (state.end !== state.start) writer.number((doubles[base / 2 + state.end] as number) - start)
    const { image, givenStart } = this.#publication
    if (givenStart >= 0) writer.number((doubles[base / 2 + givenStart] as number) - start)
    if (image >= 0) values.write(words[base + image] as number, writer)
    const { accumulators } = state
    for (let a = 0; a < accumulators.length; a++) {
      ;(accumulators[a] as Accumulator).encode(record, writer)
    }
  }

  #read(reader: ByteReader): void {
    const state = this.#state
    const { store } = state
    const record = reader.unsigned() - 1
    const flags = reader.byte()
    if (record < store.top && state.isLive(record)) this.#drop(record)
    if (flags === 0) return
    this.#entry = readEntry(reader, this.#entry)
    const key = store.keys.intern(this.#entry, 0, hashEntry(this.#entry, 0), -1)
    store.place(record, key)
    const { words, doubles, stride } = store
    const base = record * stride
    words[base + FLAGS] = flags
    const start = reader.double()
    doubles[base / 2 + state.start] = start
    if (state.end !== state.start) doubles[base / 2 + state.end] = start + reader.number()
    const { image, givenStart } = this.#publication
    if (givenStart >= 0) doubles[base / 2 + givenStart] = start + reader.number()
    if (image >= 0) words[base + image] = store.values.read(reader)
    for (const accumulator of state.accumulators) accumulator.decode(record, reader)
    this.#link(record, key, start)
  }

  #drop(record: number): void {
    const { store, accumulators } = this.#state
    this.#publication.forget(record)
    for (const accumulator of accumulators) {
      if (accumulator.referring) accumulator.release(record)
    }
    store.unlink(record)
    store.release(record)
  }

  /** Into the list of its key, later starts first. */
  #link(record: number, key: number, start: number): void {
    const { store } = this.#state
    const { words, stride } = store
    let before = -1
    let next = store.keys.user(key)
    while (next >= 0 && this.#state.startOf(next) > start) {
      before = next
      next = words[next * stride + NEXT] as number
    }
    words[record * stride + NEXT] = next
    if (before < 0) store.keys.setUser(key, record)
    else words[before * stride + NEXT] = record
  }
}
