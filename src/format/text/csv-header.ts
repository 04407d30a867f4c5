/**
 * The header of a CSV file: its columns, their fingerprint, and how declared columns find them.
 *
 * A block of the log carries both in its headers, so that a codec needs nothing outside the block.
 */

import { createHash } from 'node:crypto'

/** What the headers of a block say of its columns, made once per file. */
export interface CsvHeader {
  /** First 16 hexadecimal digits of the SHA-256 of `columns`. */
  readonly fingerprint: string
  /** The names in order as a JSON list. */
  readonly columns: string
  readonly names: readonly string[]
}

export function csvHeader(names: readonly string[]): CsvHeader {
  const columns = JSON.stringify(names)
  const fingerprint = createHash('sha256').update(columns).digest('hex').slice(0, 16)
  return { fingerprint, columns, names }
}

/** Where the declared columns stand in a header. */
export interface HeaderMatch {
  /** For each declared column its field, −1 where there is none or more than one. */
  readonly fields: readonly number[]
  /** Declared columns that no name stands for. */
  readonly missing: readonly string[]
  /** Declared columns that several names stand for. */
  readonly ambiguous: readonly string[]
}

/**
 * Finds declared columns in a header: by equal name, else by the name with every character that no
 * column name may have as `_` (`exchange.timestamp` is `exchange_timestamp`), spaces around trimmed.
 */
export function matchHeader(declared: readonly string[], names: readonly string[]): HeaderMatch {
  const missing: string[] = []
  const ambiguous: string[] = []
  const plain = names.map(columnName)
  const fields = declared.map(name => {
    const from = names.includes(name) ? names : plain
    const at = from.indexOf(name)
    if (at < 0) missing.push(name)
    else if (from.indexOf(name, at + 1) >= 0) ambiguous.push(name)
    else return at
    return -1
  })
  return { fields, missing, ambiguous }
}

/** The column name that stands for a name of a header. */
export function columnName(name: string): string {
  const plain = name.trim().replace(/[^a-zA-Z0-9_]/g, '_')
  return /^[0-9]/.test(plain) ? `_${plain}` : plain
}
