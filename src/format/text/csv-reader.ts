/**
 * CSV records to columns (RFC 4180): one walk over the bytes, no string of an unquoted field.
 *
 * A quoted field may hold the delimiter, line ends and doubled quotes; only one with doubled quotes
 * is copied, behind the text. An empty field that is not quoted, and one whose text is among
 * `nulls` and not quoted, is null. A quote inside an unquoted field is a fault, as in the RFC: files
 * that mean nothing by quotes declare `quote: ''`.
 */

import { PlatformError } from '#base'
import type { Arena, Batch } from '#columns'
import type { FormatSpec, Schema } from '#plan'
import { writeNull } from '../text-value.ts'
import { matchHeader } from './csv-header.ts'
import type { RecordDecoder } from './record-decoder.ts'
import {
  decodeRecords,
  faultMessage,
  type NullTest,
  nullTest,
  type RecordReader,
  type TextField,
  textFields,
} from './text-fields.ts'

export type CsvFormat = Extract<FormatSpec, { kind: 'csv' }>

/** Headers of different files that are kept resolved. */
const HEADERS_KEPT_MAX = 256

const NO_QUOTE = -1

/** How the fields of a record go to columns. */
interface Layout {
  /** By place in the record; undefined is skipped. */
  readonly fields: readonly (TextField | undefined)[]
  /** Says what is wrong where a declared column is not in the header. */
  readonly fault: string
}

/** The first thing wrong with a record; one object, reused. */
interface Fault {
  reason: string
  path: string
  message: string
}

/**
 * The decoder of CSV records.
 *
 * @throws PlatformError `plan.invalid` where delimiter or quote is not one byte; and as
 * `compileTextParser`
 */
export function compileCsv(format: CsvFormat, raw: Schema): RecordDecoder {
  const delimiter = singleByte(format.delimiter, 'delimiter')
  const quote = format.quote === '' ? NO_QUOTE : singleByte(format.quote, 'quote')
  if (delimiter === quote) throw notOneByte('quote', format.quote)
  const fields = textFields(raw, format.parse)
  const layouts = layoutFinder(format, fields)
  const walker = new CsvWalker(delimiter, quote, nullTest(format.nulls))
  const stats = { rows: 0, fallbackRows: 0 }
  return {
    stats,
    decode(batch, spans, rejects, headers) {
      const layout = layouts(headers)
      const read: RecordReader = (into, row, start, end) =>
        walker.record(into, row, layout, start, end)
      decodeRecords(batch, spans, rejects, read, 'csv.utf8')
      stats.rows += spans.count
    },
  }
}

function singleByte(text: string, what: string): number {
  const bytes = Buffer.from(text, 'utf8')
  const byte = bytes[0]
  if (bytes.length !== 1 || byte === undefined || byte === 10 || byte === 13) {
    throw notOneByte(what, text)
  }
  return byte
}

function notOneByte(what: string, text: string): PlatformError {
  return new PlatformError('plan.invalid', `"${text}" cannot be the ${what} of CSV`, {
    hint: 'Give one ASCII character that is no line end; delimiter and quote differ.',
  })
}

/** Finds the layout of a block by its headers; resolved once a header. */
function layoutFinder(
  format: CsvFormat,
  fields: readonly TextField[],
): (headers: Readonly<Record<string, string>>) => Layout {
  if (!format.header) {
    const layout = { fields, fault: '' }
    return () => layout
  }
  const known = new Map<string, Layout>()
  return headers => {
    const key = headers['columns'] ?? ''
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= HEADERS_KEPT_MAX) known.clear()
    const layout = headerLayout(key, fields)
    known.set(key, layout)
    return layout
  }
}

function headerLayout(columns: string, fields: readonly TextField[]): Layout {
  const names = headerNames(columns)
  const match = matchHeader(
    fields.map(field => field.name),
    names,
  )
  const absent = [...match.missing, ...match.ambiguous]
  if (absent.length > 0) {
    return { fields: [], fault: `no one column "${absent.join('", "')}" in the header` }
  }
  const places: (TextField | undefined)[] = names.map(() => undefined)
  match.fields.forEach((place, i) => {
    places[place] = fields[i]
  })
  return { fields: places, fault: '' }
}

function headerNames(columns: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(columns)
    return Array.isArray(names) && names.every(name => typeof name === 'string') ? names : []
  } catch {
    return []
  }
}

/** Walks records; holds what one walk needs, so that none of it is made per record. */
class CsvWalker {
  private readonly delimiter: number
  private readonly quote: number
  private readonly isNull: NullTest
  private readonly fault: Fault = { reason: '', path: '', message: '' }
  /** Where the value of the last quoted field lies. */
  private valueStart = 0
  private valueEnd = 0

  constructor(delimiter: number, quote: number, isNull: NullTest) {
    this.delimiter = delimiter
    this.quote = quote
    this.isNull = isNull
  }

  /** Reads a record; undefined where it is good, else what is wrong, valid until the next. */
  record(batch: Batch, row: number, layout: Layout, start: number, end: number): Fault | undefined {
    this.fault.reason = ''
    if (layout.fault !== '') this.say('csv.header', '', layout.fault)
    else this.walk(batch, row, layout, start, end)
    return this.fault.reason === '' ? undefined : this.fault
  }

  private walk(batch: Batch, row: number, layout: Layout, start: number, end: number): void {
    const { fields } = layout
    const count = fields.length
    let place = 0
    let at = start - 1
    do {
      const field = place < count ? fields[place] : undefined
      at = this.field(batch, row, field, at + 1, end)
      if (at < 0) return
      place++
    } while (at < end)
    if (place === count) return
    this.say('csv.columns', '', `${place} fields where there are ${count} columns`)
  }

  /** Reads one field at `start`; where it ends, −1 where the record cannot be read on. */
  private field(
    batch: Batch,
    row: number,
    field: TextField | undefined,
    start: number,
    end: number,
  ): number {
    const { arena } = batch
    const { bytes } = arena
    const { delimiter, quote } = this
    const quoted = start < end && bytes[start] === quote
    let at = start
    if (quoted) {
      at = this.quoted(arena, start, end)
      if (at < 0) this.say('csv.quote', field?.name ?? '', 'a quoted field does not end')
      else if (at < end && arena.bytes[at] !== delimiter) {
        this.say('csv.quote', field?.name ?? '', 'text follows a closing quote')
        return -1
      }
      if (at < 0) return -1
    } else {
      while (at < end && bytes[at] !== delimiter && bytes[at] !== quote) at++
      if (at < end && bytes[at] === quote) {
        this.say('csv.quote', field?.name ?? '', 'a quote stands in a field that has none around')
        return -1
      }
      this.valueStart = start
      this.valueEnd = at
    }
    if (field !== undefined) this.value(batch, row, field, quoted)
    return at
  }

  /** Reads a quoted field at `start`; where it ends, −1 where it does not. */
  private quoted(arena: Arena, start: number, end: number): number {
    const { quote } = this
    const { bytes } = arena
    let at = start + 1
    let doubled = 0
    for (; at < end; at++) {
      if (bytes[at] !== quote) continue
      if (at + 1 >= end || bytes[at + 1] !== quote) break
      doubled++
      at++
    }
    if (at >= end) return -1
    this.valueStart = start + 1
    this.valueEnd = at
    if (doubled > 0) this.unescape(arena)
    return at + 1
  }

  /** Copies the quoted value behind the text with each doubled quote once. */
  private unescape(arena: Arena): void {
    arena.reserve(this.valueEnd - this.valueStart)
    const { bytes } = arena
    let to = arena.used
    for (let at = this.valueStart; at < this.valueEnd; at++) {
      const byte = bytes[at] as number
      bytes[to++] = byte
      if (byte === this.quote) at++
    }
    this.valueStart = arena.used
    this.valueEnd = to
    arena.used = to
  }

  private value(batch: Batch, row: number, field: TextField, quoted: boolean): void {
    const { valueStart: start, valueEnd: end } = this
    const { bytes } = batch.arena
    const column = batch.columns[field.column]
    if (column === undefined || this.fault.reason !== '') return
    if (!quoted && (start === end || this.isNull(bytes, start, end))) {
      if (field.nullable) writeNull(column, row)
      else this.say('csv.null', field.name, 'null in a column that is not nullable')
      return
    }
    const fault = field.parse(bytes, start, end, column, row)
    if (fault !== '') {
      this.say('csv.type', field.name, faultMessage(fault, field, bytes, start, end))
    }
  }

  private say(reason: string, path: string, message: string): void {
    this.fault.reason = reason
    this.fault.path = path
    this.fault.message = message
  }
}

/** The names in a header record; undefined where it is no CSV. */
export function readHeaderNames(
  format: Pick<CsvFormat, 'delimiter' | 'quote'>,
  record: string,
): readonly string[] | undefined {
  const names: string[] = []
  let at = 0
  for (;;) {
    let name = ''
    if (format.quote !== '' && record.startsWith(format.quote, at)) {
      for (at++; ; ) {
        const close = record.indexOf(format.quote, at)
        if (close < 0) return undefined
        name += record.slice(at, close)
        at = close + 1
        if (!record.startsWith(format.quote, at)) break
        name += format.quote
        at++
      }
    } else {
      const next = record.indexOf(format.delimiter, at)
      name = record.slice(at, next < 0 ? record.length : next)
      at += name.length
    }
    names.push(name)
    if (at >= record.length) return names
    if (!record.startsWith(format.delimiter, at)) return undefined
    at++
  }
}
