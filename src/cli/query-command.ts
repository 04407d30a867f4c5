/** `millrace query SQL`: reads the tables as the account `reader`, in any format of ClickHouse. */

import { PlatformError } from '#base'
import { engineCode, type Store } from '#clickhouse'
import type { Platform } from './platform.ts'
import { type Context, interrupted } from './terminal.ts'

export interface QueryCommandOptions {
  readonly sql: string
  /** A format of ClickHouse; `Pretty` is `PrettyCompactMonoBlock`. */
  readonly format: string
}

const FORMATS: Readonly<Record<string, string>> = {
  Pretty: 'PrettyCompactMonoBlock',
  CSV: 'CSVWithNames',
  TSV: 'TSVWithNames',
}
const TIMEOUT_MS = 600_000

export async function queryCommand(
  platform: Platform,
  options: QueryCommandOptions,
  context: Context,
): Promise<void> {
  const sql = options.sql.trim().replace(/;$/, '')
  if (sql === '') {
    throw new PlatformError('usage', 'the query is empty', {
      hint: 'Give a statement in quotes, as in millrace query "SELECT count() FROM rejected_records".',
    })
  }
  const asked = context.json ? 'JSON' : options.format
  if (!/^[A-Za-z0-9]+$/.test(asked)) {
    throw new PlatformError('usage', `"${asked}" is no format`, {
      hint: 'Use Pretty, JSON, JSONEachRow, CSV, TSV, Parquet or another format of ClickHouse.',
    })
  }
  const store = await platform.store()
  const stopped = new Promise<never>((_, reject) => {
    const stop = (): void => reject(interrupted('the query'))
    if (context.signal.aborted) stop()
    context.signal.addEventListener('abort', stop, { once: true })
  })
  await Promise.race([stopped, answer(store, sql, asked, context)])
}

async function answer(store: Store, sql: string, asked: string, context: Context): Promise<void> {
  try {
    const parts = await store.client('reader').stream(sql, {
      timeoutMs: TIMEOUT_MS,
      settings: {
        default_format: FORMATS[asked] ?? asked,
        output_format_pretty_color: 0,
        output_format_pretty_row_numbers: 0,
        // Money keeps its scale: 5.00 is not 5.
        output_format_decimal_trailing_zeros: 1,
      },
    })
    for await (const part of parts) {
      if (context.signal.aborted) return
      context.out(part as Buffer)
      await context.ready()
    }
  } catch (error) {
    throw refusalOf(error)
  }
}

/** What to do about the errors of ClickHouse that users of `query` meet; by its own numbers. */
const ADVICE: Readonly<Record<number, string>> = {
  46: 'No such function: is its name right?',
  47: 'DESCRIBE TABLE says which columns a table has.',
  60: '"millrace tables" lists the tables there are.',
  62: 'Correct the statement; one at a time, without a semicolon inside.',
  73: 'Use Pretty, JSON, JSONEachRow, CSV, TSV, Parquet or another format of ClickHouse.',
  159: 'Ask for less at once, as with WHERE or LIMIT.',
  164: 'A query only reads: tables are written by applications alone.',
  497: 'A query only reads the tables of the applications: "millrace tables" lists them.',
}

/** The store's refusal of a user's statement: theirs to correct, not a failure of the platform. */
function refusalOf(error: unknown): unknown {
  const code = engineCode(error)
  if (code === undefined || !(error instanceof PlatformError) || error.code === 'disk.full') {
    // An answer that breaks off in the middle comes as an error of the connection.
    return error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
      ? lost(error)
      : error
  }
  if (error.code === 'store.unavailable') return error
  const hint = ADVICE[code] ?? `Correct the statement; this is error ${code} of ClickHouse.`
  return new PlatformError('query.failed', error.message, { hint, cause: error })
}

function lost(cause: Error): PlatformError {
  return new PlatformError('store.unavailable', 'the answer of the store broke off', {
    hint: 'The store is started again by itself: run the query again.',
    cause,
  })
}
