/**
 * The aggregate over input that can be taken back: the rows of a key are kept until they settle.
 *
 * A key that changed, or that the frontier or watermark has reached, is computed anew from its rows
 * by the same windows and accumulators, and what differs from the rows given out last goes out.
 * So sessions split, and extremes fall back. Cost per flush: the rows of the keys it touched.
 */

import { BATCH_ROWS_MAX, invariant, PlatformError } from '#base'
import { Batch } from '#columns'
import { entryWords, hashEntry, InternTable } from '../intern.ts'
import type { OperatorContext, OperatorInstance, OperatorStats, Progress } from '../operator.ts'
import { ByteReader, ByteWriter } from '../state-bytes.ts'
import { RowPacker, RowUnpacker } from '../state-pack.ts'
import { FLAGS, LIVE, readEntry, writeEntry } from '../state-records.ts'
import { Timers } from '../timers.ts'
import { type AggregateOperator, AggregateState, ENDED_US } from './aggregate-state.ts'
import { lastStart } from './hop-window.ts'

const FORMAT = 1

/** A row of the input that has not settled. */
interface KeptRow {
  readonly at: number
  readonly origin: number
  readonly offset: number
  readonly index: number
  readonly words: Int32Array
}

interface KeyRows {
  readonly id: number
  rows: KeptRow[]
  /** Rows given out and not taken back, by start of their window. */
  given: Map<number, Int32Array>
  /** When the next of its windows settles, and when the next closes. */
  settlesUs: number
  closesUs: number
}

/** A window of one key as it is now. */
interface ComputedWindow {
  readonly start: number
  readonly end: number
  readonly dueUs: number
  readonly words: Int32Array
}

export class RetractingAggregate implements OperatorInstance {
  readonly #operator: AggregateOperator
  readonly #context: OperatorContext
  readonly #state: AggregateState
  readonly #holdUs: number
  readonly #keys = new InternTable()
  readonly #byId = new Map<number, KeyRows>()
  readonly #keyPacker: RowPacker
  readonly #rowPacker: RowPacker
  readonly #input: Batch
  readonly #inputUnpacker: RowUnpacker
  readonly #outPacker: RowPacker
  readonly #changes: ChangeWriter
  readonly #settling: Timers
  readonly #closing: Timers
  /** Keys to compute in the next flush, and keys whose packed state is out of date. */
  #stirred = new Set<number>()
  readonly #touched = new Map<string, { readonly id: number; readonly words: Int32Array }>()
  #frontierUs = -Infinity
  #rows = 0
  #scratch: Int32Array = new Int32Array(64)

  constructor(operator: AggregateOperator, context: OperatorContext) {
    this.#operator = operator
    this.#context = context
    this.#state = new AggregateState(operator, context)
    this.#state.begin()
    const { window, schema, input } = operator
    this.#holdUs = window.kind === 'session' ? window.gapUs : 0
    const names = input.schema.map(column => column.name)
    const all = names.map((_, index) => index)
    this.#keyPacker = new RowPacker(operator.by.map(name => names.indexOf(name)))
    this.#rowPacker = new RowPacker(all)
    this.#input = new Batch(input.schema)
    this.#inputUnpacker = new RowUnpacker(all)
    this.#outPacker = new RowPacker(schema.map((_, index) => index))
    this.#changes = new ChangeWriter(this.#state, context)
    const width =
      window.kind === 'all'
        ? ENDED_US
        : window.kind === 'hop'
          ? window.advanceUs
          : window.gapUs / 64
    this.#settling = new Timers(width)
    this.#closing = new Timers(width)
  }

  get stats(): OperatorStats {
    return { keys: this.#byId.size, bytes: this.#keys.bytes, rows: this.#rows }
  }

  push(_port: number, batch: Batch): void {
    const { selection, selected } = batch
    this.#keyPacker.pack(batch, selection, selected)
    this.#rowPacker.pack(batch, selection, selected)
    for (let k = 0; k < selected; k++) {
      const row = selection[k] as number
      const { words, starts, hashes } = this.#keyPacker
      const key = this.#keyOf(words, starts[k] as number, hashes[k] as number)
      const kept: KeptRow = {
        at: batch.at[row] as number,
        origin: batch.origin[row] as number,
        offset: batch.offset[row] as number,
        index: batch.index[row] as number,
        words: entryAt(this.#rowPacker.words, this.#rowPacker.starts[k] as number),
      }
      if ((batch.weight[row] as number) > 0) key.rows.push(kept)
      else removeRow(key.rows, kept)
      this.#rows += batch.weight[row] as number
      this.#stirred.add(key.id)
    }
  }

  flush(progress: Progress, final: boolean): Progress {
    const { watermarkUs, frontierUs } = progress
    if (!final) {
      const stir = (id: number): void => void this.#stirred.add(id)
      this.#settling.advance(frontierUs, id => this.#byId.get(id)?.settlesUs ?? Infinity, stir)
      if (this.#context.emit === 'closed') {
        this.#closing.advance(watermarkUs, id => this.#byId.get(id)?.closesUs ?? Infinity, stir)
      }
    }
    const ids = final ? [...this.#byId.keys()] : [...this.#stirred]
    for (const id of ids) {
      const key = this.#byId.get(id)
      if (key !== undefined) this.#recompute(key, progress, final)
    }
    if (!final) {
      this.#stirred = new Set()
      this.#frontierUs = Math.max(this.#frontierUs, frontierUs)
    }
    this.#changes.send()
    return {
      watermarkUs: watermarkUs - this.#holdUs,
      frontierUs: frontierUs - this.#holdUs,
    }
  }

  delta(): Uint8Array | undefined {
    if (this.#touched.size === 0) return undefined
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.double(this.#frontierUs)
    for (const { id, words } of this.#touched.values()) {
      const known = this.#byId.has(id) && sameWords(this.#entryOf(id), words)
      writeKey(writer, words, known ? this.#byId.get(id) : undefined)
    }
    this.#touched.clear()
    return writer.take()
  }

  snapshot(): Uint8Array {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.double(this.#frontierUs)
    for (const [id, key] of this.#byId) writeKey(writer, this.#entryOf(id), key)
    this.#touched.clear()
    return writer.take()
  }

  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    if (reader.byte() !== FORMAT) {
      throw new PlatformError('state.corrupt', 'packed windows are of an unknown format', {
        hint: 'Run it with the version that wrote the state, or remove the state.',
      })
    }
    this.#frontierUs = reader.double()
    while (!reader.ended) this.#readKey(reader)
    this.#touched.clear()
  }

  #readKey(reader: ByteReader): void {
    this.#scratch = readEntry(reader, this.#scratch)
    const key = this.#keyOf(this.#scratch, 0, hashEntry(this.#scratch, 0))
    this.#rows -= key.rows.length
    key.rows = []
    key.given = new Map()
    const rows = reader.unsigned()
    for (let k = 0; k < rows; k++) {
      const at = reader.double()
      const origin = reader.number()
      const offset = reader.number()
      const index = reader.number()
      this.#scratch = readEntry(reader, this.#scratch)
      key.rows.push({ at, origin, offset, index, words: entryAt(this.#scratch, 0) })
    }
    this.#rows += rows
    const given = reader.unsigned()
    for (let k = 0; k < given; k++) {
      const start = reader.double()
      this.#scratch = readEntry(reader, this.#scratch)
      key.given.set(start, entryAt(this.#scratch, 0))
    }
    if (rows + given === 0) this.#forget(key)
    else this.#stirred.add(key.id)
  }

  #keyOf(words: Int32Array, at: number, hash: number): KeyRows {
    const id = this.#keys.intern(words, at, hash, 0)
    let key = this.#byId.get(id)
    if (key === undefined) {
      key = { id, rows: [], given: new Map(), settlesUs: Infinity, closesUs: Infinity }
      this.#byId.set(id, key)
    }
    return key
  }

  #entryOf(id: number): Int32Array {
    return entryAt(this.#keys.words, this.#keys.place(id))
  }

  #forget(key: KeyRows): void {
    this.#byId.delete(key.id)
    this.#keys.remove(key.id)
    this.#stirred.delete(key.id)
  }

  #recompute(key: KeyRows, { watermarkUs, frontierUs }: Progress, final: boolean): void {
    const { emit, images } = this.#context
    const windows = this.#windowsOf(key)
    this.#takeBackGone(key, windows)
    key.settlesUs = Infinity
    key.closesUs = Infinity
    const settled: ComputedWindow[] = []
    for (const window of windows) {
      const { start, dueUs, words } = window
      const due = !final && dueUs <= frontierUs
      const given = key.given.get(start)
      const closed = emit === 'closed' && (dueUs <= watermarkUs || given !== undefined)
      const changed = !sameWords(given, words)
      // What settles is given once more even as it was: nothing can change it any more.
      if (final || due || (changed && (emit === 'update' || closed))) {
        if (given !== undefined) this.#changes.takeBack(given)
        this.#changes.give(words, final || due)
        key.given.set(start, words)
      } else if (given !== undefined && images && changed) {
        this.#changes.takeBack(given)
        key.given.delete(start)
      }
      if (due) settled.push(window)
      else {
        key.settlesUs = Math.min(key.settlesUs, dueUs)
        if (dueUs > watermarkUs) key.closesUs = Math.min(key.closesUs, dueUs)
      }
    }
    const words = this.#entryOf(key.id)
    this.#touched.set(words.join(), { id: key.id, words })
    if (final) return
    this.#settle(key, settled, frontierUs)
    if (key.settlesUs < Infinity) this.#settling.file(key.id, key.settlesUs)
    if (key.closesUs < Infinity && emit === 'closed') this.#closing.file(key.id, key.closesUs)
  }

  /** The windows of a key that had not settled before this flush. */
  #windowsOf(key: KeyRows): ComputedWindow[] {
    const state = this.#state
    for (let from = 0; from < key.rows.length; from += BATCH_ROWS_MAX) {
      this.#load(key.rows.slice(from, from + BATCH_ROWS_MAX))
      state.add(this.#input, this.#input.selection, this.#input.selected)
    }
    const { store } = state
    const out = new Batch(this.#operator.schema, Math.max(1, store.live))
    const records = new Int32Array(store.live)
    const rows = Int32Array.from(records, (_, k) => k)
    let count = 0
    for (let record = 0; record < store.top; record++) {
      const flags = store.words[record * store.stride + FLAGS] as number
      if ((flags & LIVE) !== 0) records[count++] = record
    }
    state.write(records, rows, count, out)
    this.#outPacker.pack(out, rows, count)
    const windows: ComputedWindow[] = []
    for (let k = 0; k < count; k++) {
      const record = records[k] as number
      const dueUs = state.dueUs(record)
      const words = entryAt(this.#outPacker.words, this.#outPacker.starts[k] as number)
      if (dueUs > this.#frontierUs) {
        windows.push({ start: state.startOf(record), end: state.endOf(record), dueUs, words })
      }
      store.unlink(record)
      state.free(record)
    }
    state.pendingCount = 0
    state.touchedCount = 0
    return windows
  }

  #load(rows: readonly KeptRow[]): void {
    const input = this.#input
    input.clear()
    rows.forEach((kept, row) => {
      this.#inputUnpacker.unpack(kept.words, 0, input, row)
      input.at[row] = kept.at
      input.origin[row] = kept.origin
      input.offset[row] = kept.offset
      input.index[row] = kept.index
    })
    input.length = rows.length
    input.selectAll()
  }

  /** Takes back what was given out of windows that are no more. */
  #takeBackGone(key: KeyRows, windows: readonly ComputedWindow[]): void {
    const starts = new Set(windows.map(window => window.start))
    for (const [start, words] of key.given) {
      if (starts.has(start)) continue
      this.#changes.takeBack(words)
      key.given.delete(start)
    }
  }

  /** Forgets windows that settled, rows that no other window needs, and the key with its last. */
  #settle(key: KeyRows, settled: readonly ComputedWindow[], frontierUs: number): void {
    const { window } = this.#operator
    const before = key.rows.length
    if (window.kind === 'hop') {
      const { sizeUs } = window
      key.rows = key.rows.filter(row => lastStart(row.at, window) + sizeUs > frontierUs)
    } else if (settled.length > 0) {
      key.rows = key.rows.filter(
        ({ at }) =>
          window.kind === 'session' && !settled.some(({ start, end }) => start <= at && at <= end),
      )
    }
    for (const { start } of settled) key.given.delete(start)
    this.#rows -= before - key.rows.length
    if (key.rows.length === 0 && key.given.size === 0) this.#forget(key)
  }
}

/** Rows on their way out: all that are taken back, then all that appear. */
class ChangeWriter {
  readonly #state: AggregateState
  readonly #context: OperatorContext
  readonly #out: Batch
  readonly #unpacker: RowUnpacker
  #back: Int32Array[] = []
  #given: { readonly words: Int32Array; readonly settled: boolean }[] = []

  constructor(state: AggregateState, context: OperatorContext) {
    this.#state = state
    this.#context = context
    const { schema } = state.operator
    this.#out = new Batch(schema)
    this.#unpacker = new RowUnpacker(schema.map((_, index) => index))
  }

  takeBack(words: Int32Array): void {
    this.#back.push(words)
  }

  give(words: Int32Array, settled: boolean): void {
    this.#given.push({ words, settled })
  }

  send(): void {
    for (const words of this.#back) this.#append(words, -1, false)
    for (const { words, settled } of this.#given) this.#append(words, 1, settled)
    this.#push()
    this.#back = []
    this.#given = []
  }

  #append(words: Int32Array, weight: number, settled: boolean): void {
    const out = this.#out
    const { position } = this.#context
    const row = out.length++
    this.#unpacker.unpack(words, 0, out, row)
    this.#state.readAt(out, row)
    out.weight[row] = weight
    out.settled[row] = settled ? 1 : 0
    out.origin[row] = position.origin
    out.offset[row] = position.offset
    out.index[row] = position.index
    if (out.length === BATCH_ROWS_MAX) this.#push()
  }

  #push(): void {
    const out = this.#out
    if (out.length === 0) return
    out.selectAll()
    this.#context.out.push(out)
    out.clear()
  }
}

function writeKey(writer: ByteWriter, words: Int32Array, key: KeyRows | undefined): void {
  writeEntry(words, 0, writer)
  writer.unsigned(key?.rows.length ?? 0)
  for (const row of key?.rows ?? []) {
    writer.double(row.at)
    writer.number(row.origin)
    writer.number(row.offset)
    writer.number(row.index)
    writeEntry(row.words, 0, writer)
  }
  writer.unsigned(key?.given.size ?? 0)
  for (const [start, row] of key?.given ?? []) {
    writer.double(start)
    writeEntry(row, 0, writer)
  }
}

/** Takes out the row that is equal; the one of the same position where several are. */
function removeRow(rows: KeptRow[], gone: KeptRow): void {
  let found = -1
  for (let k = 0; k < rows.length; k++) {
    const row = rows[k] as KeptRow
    if (row.at !== gone.at || !sameWords(row.words, gone.words)) continue
    found = k
    if (row.origin === gone.origin && row.offset === gone.offset && row.index === gone.index) break
  }
  invariant(found >= 0, 'a row that is taken back is there')
  rows.splice(found, 1)
}

function sameWords(a: Int32Array | undefined, b: Int32Array): boolean {
  if (a === undefined || a.length !== b.length) return false
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false
  return true
}

/** A copy of an entry. */
function entryAt(words: Int32Array, at: number): Int32Array {
  return words.slice(at, at + entryWords(words[at] as number))
}
