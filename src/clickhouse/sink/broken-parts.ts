/**
 * Parts that the engine set aside when it opened a table, because their files were damaged.
 *
 * Such a part held rows that were acknowledged. If the units that are missing account for it, it
 * goes, and the sink inserts them from the spool; else rows of an epoch that nobody can make again
 * are lost, and the run ends. It is removed before the insert: a crash in between leaves a missing
 * unit, which the next audit finds, and never a part nobody can explain.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '#base'
import type { Unit } from '#ports'
import type { StoreClient } from '../client.ts'
import { DATABASE, quoteTable } from '../tables/table-ddl.ts'
import { coverageError } from './coverage.ts'

export interface BrokenParts {
  /**
   * Removes the broken parts of `table` that units of `missing` account for.
   *
   * @throws PlatformError `store.coverage` for one that they do not
   */
  clear(table: string, missing: readonly Unit[]): Promise<void>
}

export function createBrokenParts(options: {
  readonly client: StoreClient
  readonly admin: StoreClient
  readonly log: Logger
}): BrokenParts {
  return {
    async clear(table, missing) {
      const left = [...missing]
      const found = await options.client.rows(
        `SELECT name, reason, path FROM system.detached_parts
WHERE database = '${DATABASE}' AND table = {table:String} AND startsWith(reason, 'broken')`,
        { params: { table } },
      )
      for (const [name, reason, path] of found as readonly string[][]) {
        const part = String(name)
        const rows = await rowCount(String(path))
        const index = left.findIndex(unit => rows === undefined || unit.rows === rows)
        if (index < 0) throw unexplained(table, part, String(reason))
        options.log.warn('a broken part is replaced from the spool', { table, part })
        left.splice(index, 1)
        await options.admin.read(
          `ALTER TABLE ${quoteTable(table)} DROP DETACHED PART {part:String}`,
          { params: { part }, settings: { allow_drop_detached: 1 } },
        )
      }
    },
  }
}

/** Rows of the part, from the file in which the engine keeps their number; damaged perhaps. */
async function rowCount(path: string): Promise<number | undefined> {
  const text = await readFile(join(path, 'count.txt'), 'utf8').catch(() => '')
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined
}

function unexplained(table: string, part: string, reason: string): Error {
  return coverageError(
    `${table}/${part}`,
    `the store has set the part aside as "${reason}", and its rows are not in the spool`,
    'The disk lost bytes of an applied epoch. Keep the data directory and run millrace verify --repair.',
  )
}
