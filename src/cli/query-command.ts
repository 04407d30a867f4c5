/** `millrace query SQL`: reads the tables as the account `reader`, in any format of ClickHouse. */

import { PlatformError } from '#base'
import type { Platform } from './platform.ts'
import type { Context } from './terminal.ts'

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
  const answer = await store.client('reader').stream(sql, {
    timeoutMs: TIMEOUT_MS,
    settings: {
      default_format: FORMATS[asked] ?? asked,
      output_format_pretty_color: 0,
      output_format_pretty_row_numbers: 0,
    },
  })
  for await (const part of answer) context.out(part as Buffer)
}
