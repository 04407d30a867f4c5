/**
 * The declared state of a `process` operator by key, and what a final flush gave out for it.
 *
 * States are objects, since the author's function changes them; they are packed as rows of the
 * declared schema when they are written.
 */

import { appendRow, Batch, readRow } from '#columns'
import { GrowingBytes, RowCodec } from '#format'
import type { Schema, Value } from '#plan'
import { entryWords, hashEntry, InternTable } from '../intern.ts'
import { columnIndexes } from '../row-key.ts'
import type { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RowPacker } from '../state-pack.ts'

export interface KeyEntry {
  readonly id: number
  state: Record<string, Value>
  /** Packed rows that a final flush gave and nothing took back or confirmed yet, in order. */
  provisional: readonly Uint8Array[]
}

/** A guess at what an object of the state costs, for figures. */
const ENTRY_BYTES = 200

export class KeyedState {
  readonly #keys = new InternTable()
  readonly #packer: RowPacker
  readonly #schema: Schema
  readonly #codec: RowCodec
  readonly #outputs: RowCodec
  readonly #row: Batch
  /** By id of the key. */
  readonly #entries: (KeyEntry | undefined)[] = []
  readonly #touched = new Set<KeyEntry>()
  readonly #provisional = new Set<KeyEntry>()

  constructor(input: Schema, by: readonly string[], state: Schema, output: Schema) {
    this.#packer = new RowPacker(columnIndexes(input, by))
    this.#schema = state.map(({ name, type }) => ({ name, type: { ...type, nullable: true } }))
    this.#codec = new RowCodec(this.#schema)
    this.#outputs = new RowCodec(output)
    this.#row = new Batch(this.#schema, 1)
  }

  get live(): number {
    return this.#keys.live
  }

  get bytes(): number {
    return this.#keys.bytes + this.#keys.live * ENTRY_BYTES
  }

  get changed(): boolean {
    return this.#touched.size > 0
  }

  /** Packs the keys of the selected rows; `at(k)` is the entry of place k. */
  locate(batch: Batch): void {
    this.#packer.pack(batch, batch.selection, batch.selected)
  }

  at(k: number): KeyEntry {
    return this.of(this.#packer.words, this.#packer.starts[k] as number)
  }

  /** The entry of a packed key, made if it is not there. */
  of(words: Int32Array, place: number): KeyEntry {
    const id = this.#keys.intern(words, place, hashEntry(words, place), 0)
    let entry = this.#entries[id]
    if (entry === undefined) {
      entry = { id, state: this.#blank(), provisional: [] }
      this.#entries[id] = entry
    }
    return entry
  }

  touch(entry: KeyEntry): void {
    this.#touched.add(entry)
  }

  withProvisional(): readonly KeyEntry[] {
    return [...this.#provisional]
  }

  /** The rows of `output`, packed. */
  pack(output: Batch): Uint8Array[] {
    return Array.from({ length: output.length }, (_, row) => {
      const bytes = new GrowingBytes(128)
      this.#outputs.encodeChange(output, row, bytes)
      return bytes.written()
    })
  }

  /** Makes `rows` what is provisional of the key. */
  setProvisional(entry: KeyEntry, rows: readonly Uint8Array[]): void {
    if (rows.length === 0 && entry.provisional.length === 0) return
    entry.provisional = rows
    if (rows.length > 0) this.#provisional.add(entry)
    else this.#provisional.delete(entry)
    this.touch(entry)
  }

  /** Fills `output` with packed rows, all of one weight. */
  unpack(rows: readonly Uint8Array[], output: Batch, weight: 1 | -1): void {
    const values = Buffer.concat(rows)
    let end = 0
    const ends = Uint32Array.from(rows, row => (end += row.length))
    this.#outputs.decodeChanges({ values, ends }, 0, rows.length, output)
    output.weight.fill(weight, 0, output.length)
  }

  write(kind: 'snapshot' | 'delta', to: ByteWriter): void {
    const changed = kind === 'delta' ? [...this.#touched] : this.#entries.filter(isEntry)
    to.unsigned(changed.length)
    for (const entry of changed) {
      const place = this.#keys.place(entry.id)
      to.words(this.#keys.words, place, entryWords(this.#keys.words[place] as number))
      const blank = entry.provisional.length === 0 && this.#isBlank(entry)
      to.byte(blank ? 0 : 1)
      if (blank) {
        this.#keys.remove(entry.id)
        this.#entries[entry.id] = undefined
      } else this.#writeEntry(entry, to)
    }
    this.#touched.clear()
  }

  restore(from: ByteReader): void {
    const count = from.unsigned()
    for (let k = 0; k < count; k++) {
      const head = new Int32Array(1)
      from.words(head, 0, 1)
      const words = new Int32Array(entryWords(head[0] as number))
      words[0] = head[0] as number
      from.words(words, 1, words.length - 1)
      const entry = this.of(words, 0)
      this.#provisional.delete(entry)
      entry.provisional = []
      if (from.byte() === 1) this.#readEntry(entry, from)
      else {
        this.#keys.remove(entry.id)
        this.#entries[entry.id] = undefined
      }
    }
  }

  #writeEntry({ state, provisional }: KeyEntry, to: ByteWriter): void {
    this.#row.clear()
    appendRow(this.#row, state, { at: 0 })
    const bytes = new GrowingBytes()
    this.#codec.encode(this.#row, 0, bytes)
    writeBytes(to, bytes.written())
    to.unsigned(provisional.length)
    for (const row of provisional) writeBytes(to, row)
  }

  #readEntry(entry: KeyEntry, from: ByteReader): void {
    const bytes = readBytes(from)
    this.#row.clear()
    this.#codec.decode(bytes, 0, bytes.length, this.#row, 0)
    entry.state = { ...readRow(this.#row, 0) }
    entry.provisional = Array.from({ length: from.unsigned() }, () => readBytes(from))
    if (entry.provisional.length > 0) this.#provisional.add(entry)
  }

  #blank(): Record<string, Value> {
    return Object.fromEntries(this.#schema.map(({ name }) => [name, null]))
  }

  #isBlank({ state }: KeyEntry): boolean {
    return this.#schema.every(({ name }) => (state[name] ?? null) === null)
  }
}

function isEntry(entry: KeyEntry | undefined): entry is KeyEntry {
  return entry !== undefined
}

function writeBytes(to: ByteWriter, bytes: Uint8Array): void {
  to.unsigned(bytes.length)
  const words = new Int32Array((bytes.length + 3) >> 2)
  new Uint8Array(words.buffer).set(bytes)
  to.wordBytes(words, 0, bytes.length)
}

function readBytes(from: ByteReader): Uint8Array {
  const length = from.unsigned()
  const words = new Int32Array((length + 3) >> 2)
  from.wordBytes(words, 0, length)
  return new Uint8Array(words.buffer, 0, length)
}
