/**
 * What CSV and log lines share: the field of a column, its texts for null, and what is said of a bad one.
 */

import { isUtf8 } from 'node:buffer'

import type { Batch } from '#columns'
import type { ParseSpec, Schema, Type } from '#plan'
import type { Reject } from '../codec.ts'
import type { RecordSpans } from '../json-decoder.ts'
import { compileTextParser, writeNull } from '../text-value.ts'
import type { TextFault, TextParser } from './text-parser.ts'

/** How the text of one raw column is read. */
export interface TextField {
  /** Place in `raw`. */
  readonly column: number
  readonly name: string
  readonly type: Type
  readonly nullable: boolean
  readonly parse: TextParser
}

/** The field of every raw column, in order. @throws PlatformError as `compileTextParser` */
export function textFields(
  raw: Schema,
  parse: Readonly<Record<string, ParseSpec>>,
): readonly TextField[] {
  return raw.map(({ name, type }, column) => ({
    column,
    name,
    type,
    nullable: type.nullable === true,
    parse: compileTextParser(type, parse[name]),
  }))
}

/** Whether a slice is one of the texts that stand for null. */
export type NullTest = (bytes: Uint8Array, start: number, end: number) => boolean

export function nullTest(nulls: readonly string[]): NullTest {
  const known = nulls.map(text => Buffer.from(text, 'utf8'))
  return (bytes, start, end) => {
    for (let i = 0; i < known.length; i++) {
      const text = known[i] as Uint8Array
      if (text.length !== end - start) continue
      let at = 0
      while (at < text.length && text[at] === bytes[start + at]) at++
      if (at === text.length) return true
    }
    return false
  }
}

/** Bytes of a bad field that a message shows. */
const SHOWN_BYTES = 60

const SAYS: Readonly<Record<Exclude<TextFault, ''>, string>> = {
  type: 'is no',
  range: 'is out of the range of',
  scale: 'has more fraction digits than',
  enum: 'is none of the values of',
}

/** What is wrong with a field, for people: `"12.x" is no decimal(9, 2)`. */
export function faultMessage(
  fault: Exclude<TextFault, ''>,
  field: TextField,
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const cut = Math.min(end, start + SHOWN_BYTES)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, cut - start).toString('utf8')
  const { type } = field
  const name = type.kind === 'decimal' ? `decimal(${type.precision}, ${type.scale})` : type.kind
  return `"${text}${cut < end ? '…' : ''}" ${SAYS[fault]} ${name}`
}

/**
 * Whether every record is valid UTF-8; where not, `validRecord` says which. Records lie side by
 * side, so that one that begins with a continuation byte could complete its neighbour.
 */
export function validRecords(bytes: Uint8Array, { starts, ends, count }: RecordSpans): boolean {
  if (count === 0) return true
  if (!isUtf8(bytes.subarray(starts[0], ends[count - 1]))) return false
  for (let i = 1; i < count; i++) {
    if (((bytes[starts[i] as number] as number) & 0xc0) === 0x80) return false
  }
  return true
}

export function validRecord(bytes: Uint8Array, start: number, end: number): boolean {
  return isUtf8(bytes.subarray(start, end))
}

/** Reads one record into its row; undefined where it is good, else all but its row. */
export type RecordReader = (
  batch: Batch,
  row: number,
  start: number,
  end: number,
) => Omit<Reject, 'row'> | undefined

/** The loop over records that text formats share: UTF-8, selection, rejects. */
export function decodeRecords(
  batch: Batch,
  spans: RecordSpans,
  rejects: Reject[],
  read: RecordReader,
  utf8Reason: string,
): void {
  const { starts, ends, count } = spans
  batch.grow(count)
  batch.length = count
  batch.selected = 0
  const valid = validRecords(batch.arena.bytes, spans)
  for (let row = 0; row < count; row++) {
    const start = starts[row] as number
    const end = ends[row] as number
    const fault =
      valid || validRecord(batch.arena.bytes, start, end)
        ? read(batch, row, start, end)
        : { reason: utf8Reason, path: '', message: 'the record is not valid UTF-8' }
    if (fault === undefined) batch.selection[batch.selected++] = row
    else {
      for (const column of batch.columns) writeNull(column, row)
      rejects.push({ row, ...fault })
    }
  }
}
