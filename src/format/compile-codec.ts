/**
 * The codec of a source: records of a log block through its format, then through its mapping.
 *
 * Where the mapping is each raw column under its own name, the format decodes into the caller's
 * batch and nothing is projected. Else raw columns, and those of the record's own columns
 * (`_file`, `_line` …) that the mapping uses, are decoded into a batch of the codec that shares the
 * caller's text and row identity.
 */

import { invariant } from '#base'
import { Batch, type BatchColumn, compileProject, derive } from '#columns'
import type { Column, Expression, FormatSpec, Schema, SourceSpec, Type } from '#plan'
import type { LogBlock } from '#ports'
import type { Codec, Reject } from './codec.ts'
import { compileJsonDecoder } from './json-decoder.ts'
import { compileCsv } from './text/csv-reader.ts'
import { compileLogLine } from './text/log-line.ts'
import type { RecordDecoder } from './text/record-decoder.ts'

export interface CodecOptions {
  /** Whether code is made for the source; the interpreted twin gives the same. */
  readonly generated: boolean
}

/** Header of a block whose one record is the first part of a larger one; `{"bytes", "sha256"}`. */
export const OVERSIZE_HEADER = 'oversize'

const STRING: Type = { kind: 'string', nullable: true }
const INT64: Type = { kind: 'int64', nullable: true }

/** The record's own columns that a mapping may use. */
const INTRINSICS: Schema = [
  { name: '_file', type: STRING },
  { name: '_line', type: INT64 },
  { name: '_offset', type: { kind: 'int64' } },
  { name: '_partition', type: { kind: 'int32' } },
  { name: '_appended', type: { kind: 'timestamp' } },
]

/**
 * Compiles a source. A codec is not shared between threads of execution: `decode` reuses what it
 * holds.
 *
 * @throws PlatformError `plan.invalid`, `plan.unsupported` where the format does not fit `raw`
 */
export function compileCodec(source: SourceSpec, options: CodecOptions): Codec {
  return new SourceCodec(source, options)
}

class SourceCodec implements Codec {
  readonly schema: Schema
  readonly rejects: Reject[] = []
  private readonly source: SourceSpec
  private readonly decoder: RecordDecoder
  private readonly mapping: Mapping | undefined
  /** Columns of `schema` that null may reach though they are not nullable. */
  private readonly required: readonly number[]
  private readonly atColumn: number
  /** Rows of the range that exceed the record's limit. */
  private readonly large: number[] = []
  private starts = new Uint32Array(0)
  private ends = new Uint32Array(0)

  constructor(source: SourceSpec, options: CodecOptions) {
    this.source = source
    this.schema = source.schema
    this.decoder = compileFormat(source.format, source.raw, options)
    const direct = mapsToItself(source)
    this.mapping = direct ? undefined : new Mapping(source, options)
    this.required = direct
      ? []
      : source.schema.flatMap(({ type }, i) => (type.nullable === true ? [] : [i]))
    this.atColumn = source.schema.findIndex(column => column.name === source.at)
    invariant(this.atColumn >= 0, `a source has its event time "${source.at}" as a column`)
  }

  get stats(): Codec['stats'] {
    return this.decoder.stats
  }

  decode(block: LogBlock, from: number, to: number, batch: Batch): void {
    const { rejects, mapping } = this
    const count = to - from
    rejects.length = 0
    batch.clear()
    batch.grow(count)
    this.copyText(block, from, count, batch)
    const spans = { starts: this.starts, ends: this.ends, count }
    const decoded = mapping === undefined ? batch : mapping.rawOf(batch)
    this.decoder.decode(decoded, spans, rejects, block.headers)
    const byFormat = rejects.length
    if (this.large.length > 0) this.rejectLarge(block, decoded)
    mapping?.project(decoded, block, from, batch)
    this.identify(block, from, count, batch)
    if (this.large.length > 0 || rejects.length > byFormat) rejects.sort((a, b) => a.row - b.row)
  }

  /** Copies the records to the front of the arena and says where each lies. */
  private copyText(block: LogBlock, from: number, count: number, batch: Batch): void {
    const { values, ends } = block
    const { recordBytesMax } = this.source
    const first = from === 0 ? 0 : (ends[from - 1] as number)
    const last = count === 0 ? first : (ends[from + count - 1] as number)
    const { arena } = batch
    arena.reserve(last - first)
    arena.bytes.set(values.subarray(first, last), 0)
    arena.used = last - first
    arena.bytes.fill(0, arena.used, arena.used + 64)
    if (this.starts.length < count) {
      this.starts = new Uint32Array(batch.capacity)
      this.ends = new Uint32Array(batch.capacity)
    }
    this.large.length = 0
    const oversize = block.headers[OVERSIZE_HEADER] !== undefined
    let start = 0
    for (let row = 0; row < count; row++) {
      const end = (ends[from + row] as number) - first
      this.starts[row] = start
      this.ends[row] = end
      if (end - start > recordBytesMax || oversize) {
        this.large.push(row)
        this.ends[row] = start
      }
      start = end
    }
  }

  /** Takes out records over the limit, whatever the format made of their place. */
  private rejectLarge(block: LogBlock, batch: Batch): void {
    const large = new Set(this.large)
    const others = this.rejects.filter(reject => !large.has(reject.row))
    const limit = this.source.recordBytesMax
    const oversize = block.headers[OVERSIZE_HEADER]
    const message =
      oversize === undefined
        ? `the record has more than ${limit} bytes`
        : `the record was too large for the log: ${oversize}`
    this.rejects.length = 0
    this.rejects.push(...others)
    for (const row of large) {
      this.rejects.push({ row, reason: 'record.size', path: '', message })
    }
    const kept = batch.selection.subarray(0, batch.selected).filter(row => !large.has(row))
    batch.selection.set(kept)
    batch.selected = kept.length
  }

  /** Fills `at`, `offset` and `index`, and takes out rows that lack a value or lie in the future. */
  private identify(block: LogBlock, from: number, count: number, batch: Batch): void {
    const { selection, at, offset } = batch
    const base = block.baseOffset + from
    for (let row = 0; row < count; row++) offset[row] = base + row
    batch.index.fill(0, 0, count)
    const column = batch.columns[this.atColumn]
    invariant(column?.kind === 'num', 'event time is a column of numbers')
    at.set(column.values.subarray(0, count))
    const required = this.required.map(place => batch.columns[place] as BatchColumn)
    const latest = block.appendedAt + this.source.skewMaxUs
    let kept = 0
    for (let i = 0; i < batch.selected; i++) {
      const row = selection[i] as number
      const absent = firstNull(required, row)
      if (absent >= 0) this.rejectNull(row, this.required[absent] as number)
      else if ((at[row] as number) > latest) this.rejectFuture(row, at[row] as number, latest)
      else selection[kept++] = row
    }
    batch.selected = kept
  }

  private rejectNull(row: number, place: number): void {
    const { name } = this.schema[place] as Column
    const message = 'the mapping gives null for a column that is not nullable'
    this.rejects.push({ row, reason: `map.${name}`, path: name, message })
  }

  private rejectFuture(row: number, at: number, latest: number): void {
    const ahead = Math.round((at - latest) / 1000)
    const message = `${ahead} ms further ahead of its arrival than the source allows`
    this.rejects.push({ row, reason: 'event.future', path: this.source.at, message })
  }
}

/** Raw columns and the record's own, and the projection of them. */
class Mapping {
  private readonly schema: Schema
  /** A projected batch shares columns with its raw one, so that each has its own. */
  private readonly raws = new WeakMap<Batch, Batch>()
  private readonly run: (input: Batch, output: Batch) => void
  /** Places of the record's own columns in `raw`, by name. */
  private readonly intrinsics: ReadonlyMap<string, number>

  constructor(source: SourceSpec, options: CodecOptions) {
    const used = new Set(source.map.flatMap(columnsOf))
    const own = INTRINSICS.filter(column => used.has(column.name))
    const schema = [...source.raw, ...own]
    this.schema = schema
    this.intrinsics = new Map(own.map((column, i) => [column.name, source.raw.length + i]))
    this.run = compileProject(schema, source.map, source.schema, options)
  }

  /** The raw batch over the rows of `batch`. */
  rawOf(batch: Batch): Batch {
    let raw = this.raws.get(batch)
    if (raw === undefined) {
      raw = new Batch(this.schema, batch.capacity, batch)
      this.raws.set(batch, raw)
    }
    derive(raw, batch)
    return raw
  }

  /** Fills `batch` from the raw batch and what the block says of its records. */
  project(raw: Batch, block: LogBlock, from: number, batch: Batch): void {
    this.fill(raw, block, from)
    this.run(raw, batch)
  }

  /** Fills the record's own columns from the block. */
  private fill(raw: Batch, block: LogBlock, from: number): void {
    const { length } = raw
    for (const [name, place] of this.intrinsics) {
      const column = raw.columns[place] as BatchColumn
      if (column.kind === 'text') fillText(raw, column, block.headers['file'])
      else if (column.kind === 'num' || column.kind === 'wide') {
        if (name === '_partition') column.values.fill(block.partition, 0, length)
        else if (name === '_appended') column.values.fill(block.appendedAt, 0, length)
        else if (name === '_line') fillLines(column.values, block.lines, from, length)
        else
          for (let row = 0; row < length; row++) column.values[row] = block.baseOffset + from + row
      }
    }
  }
}

function fillText(
  raw: Batch,
  column: Extract<BatchColumn, { kind: 'text' }>,
  text: string | undefined,
): void {
  const { arena, length } = raw
  const offset = text === undefined ? 0 : arena.appendString(text)
  column.offsets.fill(offset, 0, length)
  column.lengths.fill(text === undefined ? -1 : arena.used - offset, 0, length)
}

function fillLines(
  values: Float64Array,
  lines: Uint32Array | null,
  from: number,
  count: number,
): void {
  for (let row = 0; row < count; row++) values[row] = lines?.[from + row] ?? Number.NaN
}

/** The first of `columns` that is null at `row`, −1 for none. */
function firstNull(columns: readonly BatchColumn[], row: number): number {
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i] as BatchColumn
    switch (column.kind) {
      case 'num':
      case 'wide':
        if (Number.isNaN(column.values[row])) return i
        break
      case 'uuid':
        if (column.nulls[row] === 1) return i
        break
      default:
        if ((column.lengths[row] as number) < 0) return i
    }
  }
  return -1
}

function compileFormat(format: FormatSpec, raw: Schema, options: CodecOptions): RecordDecoder {
  switch (format.kind) {
    case 'json':
      return compileJsonDecoder(format, raw, options)
    case 'csv':
      return compileCsv(format, raw)
    case 'log':
      return compileLogLine(format, raw)
  }
}

/** Whether the mapping is every raw column, in order, under its own name and type. */
function mapsToItself({ raw, schema, map }: SourceSpec): boolean {
  if (raw.length !== schema.length) return false
  return schema.every((column, i) => {
    const from = raw[i]
    const by = map[i]
    if (from === undefined || by?.node !== 'column') return false
    return by.name === from.name && column.name === from.name && sameType(column.type, from.type)
  })
}

function sameType(a: Type, b: Type): boolean {
  if (a.kind !== b.kind || (a.nullable === true) !== (b.nullable === true)) return false
  if (a.kind === 'decimal' && b.kind === 'decimal') {
    return a.precision === b.precision && a.scale === b.scale
  }
  if (a.kind === 'enum' && b.kind === 'enum') {
    return (
      a.values.length === b.values.length && a.values.every((value, i) => value === b.values[i])
    )
  }
  return a.kind !== 'array' || b.kind !== 'array' || sameType(a.of, b.of)
}

/** The names of columns that an expression reads. */
function columnsOf(expression: Expression): readonly string[] {
  switch (expression.node) {
    case 'column':
      return [expression.name]
    case 'literal':
      return []
    case 'call':
      return expression.args.flatMap(columnsOf)
  }
}
