/** What can be told from the beginning of a text about files that are not what they were taken for. */

import { PlatformError } from '#base'
import type { FormatSpec } from '#plan'

/** Bytes of the beginning that are looked at. */
const SNIFFED_BYTES = 16 * 1024

/** Share of control bytes above which it is no text. */
const CONTROL_SHARE_MAX = 0.05

/** Beginnings of files of other kinds. */
const KINDS: readonly (readonly [magic: string, kind: string, hint: string])[] = [
  ['PK\x03\x04', 'a zip archive', 'Unpack it and give the files in it.'],
  [
    'BZh',
    'compressed with bzip2',
    'Unpack it with bunzip2; gzip, xz and zstd are read as they are.',
  ],
  ['PAR1', 'a Parquet file', 'Export it as JSON lines or CSV.'],
  ['Obj\x01', 'an Avro file', 'Export it as JSON lines or CSV.'],
  ['%PDF', 'a PDF', 'Give text: JSON lines, CSV or log lines.'],
  ['SQLite format 3', 'an SQLite database', 'Export a table as CSV.'],
  ['\xff\xfe', 'UTF-16 text', 'Convert it, as in iconv -f UTF-16 -t UTF-8.'],
  ['\xfe\xff', 'UTF-16 text', 'Convert it, as in iconv -f UTF-16 -t UTF-8.'],
]

/**
 * Refuses a text that is no records of `format` as a whole; single bad records are not its affair.
 *
 * @throws PlatformError `input.format`
 */
export function refuseWrongInput(head: Uint8Array, format: FormatSpec, name: string): void {
  const text = Buffer.from(head.subarray(0, SNIFFED_BYTES)).toString('latin1')
  const refuse = (kind: string, hint: string): never => {
    throw new PlatformError('input.format', `"${name}" is ${kind}`, { hint })
  }
  for (const [magic, kind, hint] of KINDS) if (text.startsWith(magic)) refuse(kind, hint)
  if (/^(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)/i.test(text)) {
    refuse('a web page or XML', 'A download may have given an error page: look at its beginning.')
  }
  if (controlShare(text) > CONTROL_SHARE_MAX) {
    refuse('no text', 'Give text: JSON lines, CSV or log lines, which may be gzip, xz or zstd.')
  }
  if (text.length === SNIFFED_BYTES && text.includes('\r') && !text.includes('\n')) {
    refuse('text whose lines end in CR alone', String.raw`Convert it, as in tr '\r' '\n'.`)
  }
  if (format.kind === 'json') refuseOtherJson(text, refuse)
}

function refuseOtherJson(text: string, refuse: (kind: string, hint: string) => never): void {
  if (/^(\xef\xbb\xbf)?\s*\[\s*[[{]/.test(text)) {
    refuse('one JSON array', "Make it JSON lines, one record a line, as in jq -c '.[]'.")
  }
  if (/^(\xef\xbb\xbf)?\s*\{[ \t]*\r?\n/.test(text)) {
    refuse('JSON over several lines', 'Make it JSON lines, one record a line, as in jq -c .')
  }
}

function controlShare(text: string): number {
  let controls = 0
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i)
    if (byte < 32 && !(byte >= 9 && byte <= 13) && byte !== 27) controls++
  }
  return text.length === 0 ? 0 : controls / text.length
}
