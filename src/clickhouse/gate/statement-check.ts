/** Asks the engine how it reads a statement, and decides on that whether `console` may run it. */

import { PlatformError } from '#base'
import { engineCode, type StoreClient } from '../client.ts'
import { type Refusal, refuseStatement } from './statement-rules.ts'

/** The engine reads statements up to this length unless told otherwise. */
export const STATEMENT_BYTES_MAX = 262_144

/** A statement after its check. `code` 0 where it may run. */
export type Checked = { readonly canonical: string } | { readonly refusal: Refusal }

/**
 * Checks `statement` with one short query as `reader` (1 to 2 ms).
 *
 * @throws PlatformError `store.unavailable`
 */
export async function checkStatement(
  reader: StoreClient,
  statement: Buffer,
  params: readonly string[],
): Promise<Checked> {
  if (statement.length > STATEMENT_BYTES_MAX) {
    const message = `The statement is longer than ${STATEMENT_BYTES_MAX} bytes`
    return { refusal: { code: 62, name: 'SYNTAX_ERROR', message } }
  }
  if (statement.includes(0)) {
    const message = 'The statement has a NUL byte'
    return { refusal: { code: 62, name: 'SYNTAX_ERROR', message } }
  }
  try {
    const canonical = await reader.read(
      `SELECT formatQuerySingleLine(${quoteLiteral(statement)}) FORMAT RawBLOB`,
      { settings: { max_query_size: 4 * STATEMENT_BYTES_MAX }, timeoutMs: 10_000 },
    )
    const text = canonical.toString()
    const refusal = refuseStatement(text, params)
    return refusal === undefined ? { canonical: text } : { refusal }
  } catch (error) {
    const code = engineCode(error)
    if (code === undefined || !(error instanceof PlatformError)) throw error
    return { refusal: unreadable(code, error.message, statement) }
  }
}

/** A string literal of the engine: two characters are special in it. */
function quoteLiteral(statement: Buffer): string {
  return `'${statement.toString('utf8').replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** The engine's own words, without what is only known of our question. */
function unreadable(code: number, message: string, statement: Buffer): Refusal {
  const text = message.replace(/:? ?(?:In scope|While processing|while executing) [\s\S]*$/, '')
  // An INSERT with its rows is not printed, and would be refused anyway.
  if (/^\s*INSERT\b/i.test(statement.toString())) {
    const refusal = { code: 497, name: 'ACCESS_DENIED' }
    return { ...refusal, message: 'Not enough privileges: INSERT needs credentials' }
  }
  const name = /\(([A-Z_]+)\)\s*$/.exec(message)?.[1] ?? 'SYNTAX_ERROR'
  return { code, name, message: text.replace(/\s*\([A-Z_]+\)\s*$/, '') }
}
