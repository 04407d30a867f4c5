/**
 * Lines of text by pattern: `%{name}` fields between literal text, as in
 * `%{ip} - %{user} [%{time}] "%{method} %{path} %{protocol}" %{status} %{bytes}`.
 *
 * A scanner over bytes without backtracking: a field ends where the literal behind it first stands,
 * the last one at the end of the line. Where that literal begins with `"`, a quote behind a
 * backslash does not end the field, as web servers write them; the text keeps its backslashes. So
 * the cost is one walk over the line.
 */

import { PlatformError } from '#base'
import type { Batch } from '#columns'
import type { FormatSpec, Schema } from '#plan'
import { writeNull } from '../text-value.ts'
import type { RecordDecoder } from './record-decoder.ts'
import {
  decodeRecords,
  faultMessage,
  nullTest,
  type RecordReader,
  type TextField,
  textFields,
} from './text-fields.ts'

export type LogFormat = Extract<FormatSpec, { kind: 'log' }>

/** A field and the literal text behind it; the empty one stands for the end of the line. */
interface Part {
  readonly field: TextField
  readonly behind: Uint8Array
}

interface Pattern {
  readonly before: Uint8Array
  readonly parts: readonly Part[]
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * The decoder of lines.
 *
 * @throws PlatformError `plan.invalid` where the pattern's fields are not the raw columns, each
 * once, or two of them stand side by side; and as `compileTextParser`
 */
export function compileLogLine(format: LogFormat, raw: Schema): RecordDecoder {
  const pattern = readPattern(format.pattern, textFields(raw, format.parse))
  const isNull = nullTest(format.nulls)
  const record = (batch: Batch, row: number, start: number, end: number): string => {
    const { bytes } = batch.arena
    let at = matchAt(bytes, start, end, pattern.before)
    if (at < 0) return 'the line begins otherwise'
    for (let i = 0; i < pattern.parts.length; i++) {
      const { field, behind } = pattern.parts[i] as Part
      const stop = behind.length === 0 ? end : findFrom(bytes, at, end, behind)
      if (stop < 0) return `no "${text(behind)}" behind the field "${field.name}"`
      const column = batch.columns[field.column]
      if (column !== undefined) {
        if (isNull(bytes, at, stop)) {
          if (!field.nullable) return `the field "${field.name}" is null and its column is not`
          writeNull(column, row)
        } else {
          const fault = field.parse(bytes, at, stop, column, row)
          if (fault !== '') {
            const message = faultMessage(fault, field, bytes, at, stop)
            return `the field "${field.name}": ${message}`
          }
        }
      }
      at = stop + behind.length
    }
    return at === end ? '' : 'text follows what the pattern says'
  }
  const read: RecordReader = (batch, row, start, end) => {
    const message = record(batch, row, start, end)
    return message === '' ? undefined : { reason: 'log.pattern', path: '', message }
  }
  const stats = { rows: 0, fallbackRows: 0 }
  return {
    stats,
    decode(batch, spans, rejects) {
      decodeRecords(batch, spans, rejects, read, 'log.utf8')
      stats.rows += spans.count
    },
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

/** Where the literal ends that must stand at `at`, −1 where it does not. */
function matchAt(bytes: Uint8Array, at: number, end: number, literal: Uint8Array): number {
  if (at + literal.length > end) return -1
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return -1
  return at + literal.length
}

/** Where the literal first stands, −1 where it does not. */
function findFrom(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): number {
  const first = literal[0] as number
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH && first === QUOTE) at++
    else if (byte === first && matchAt(bytes, at, end, literal) >= 0) return at
  }
  return -1
}

function readPattern(pattern: string, fields: readonly TextField[]): Pattern {
  const pieces = pattern.split(/%\{([^{}]*)\}/)
  const parts: Part[] = []
  const used = new Set<string>()
  for (let i = 1; i < pieces.length; i += 2) {
    const name = pieces[i] ?? ''
    const behind = Buffer.from(pieces[i + 1] ?? '', 'utf8')
    const field = fields.find(entry => entry.name === name)
    if (field === undefined || used.has(name)) {
      const what = used.has(name) ? 'twice the field' : 'the unknown field'
      throw invalid(pattern, `has ${what} "${name}"`, 'Its fields are the raw columns, each once.')
    }
    if (behind.length === 0 && i + 2 < pieces.length) {
      throw invalid(pattern, `has nothing behind "${name}"`, 'Put text between two fields.')
    }
    used.add(name)
    parts.push({ field, behind })
  }
  const absent = fields.find(field => !used.has(field.name))
  if (absent !== undefined) {
    throw invalid(pattern, `has no field "${absent.name}"`, `Add %{${absent.name}} to it.`)
  }
  return { before: Buffer.from(pieces[0] ?? '', 'utf8'), parts }
}

function invalid(pattern: string, what: string, hint: string): PlatformError {
  return new PlatformError('plan.invalid', `the log pattern "${pattern}" ${what}`, { hint })
}
