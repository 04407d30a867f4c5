/**
 * Crafted input through the whole engine, in memory: what the tests of the rules share.
 *
 * The tests of a rule say partition, order, and the time of arrival of every record; a source of
 * the test kit (`openKit`) says less, and is enough where a rule is about rows alone.
 */

import assert from 'node:assert/strict'
import { Batch, readRow } from '#columns'
import { RowCodec } from '#format'
import type { Application, Row, TableSpec } from '#plan'
import { REJECTED_RECORDS } from '#runtime'
import {
  type MemoryRun,
  type MemoryRunOptions,
  runInMemory,
} from '../../src/cli/parity/memory-run.ts'
import type { TableRows } from '../../src/cli/parity/memory-tables.ts'
import { runModel } from '../../src/cli/parity/model-run.ts'
import type { Recorded, Recording } from '../../src/cli/parity/recorded.ts'

export const SECOND = 1_000_000

/** A record's text or fields, with when it was appended where that matters; or a mark. */
export type Item =
  | string
  | { readonly mark: number }
  | { readonly record: Readonly<Record<string, unknown>>; readonly appendedAt: number }
  | { readonly fields: Readonly<Record<string, unknown>> }

/** When records were appended that do not say so: late enough for any event time in the tests. */
export const APPENDED_AT = 4e15

/** The partitions of each topic. */
export type Crafted = Readonly<Record<string, readonly (readonly Item[])[]>>

export interface CraftedRun {
  /** Settled rows of a table, in canonical order. */
  rows(table: string): Row[]
  readonly rejected: readonly Row[]
  readonly run: MemoryRun
}

/** Bounded runs of `application` over `given`, to the end, which give what the model gives. */
export async function runCrafted(
  application: Application,
  given: Crafted,
  options: Partial<MemoryRunOptions> = {},
): Promise<CraftedRun> {
  const recording = recordingOf(given)
  const run = await runInMemory(application, recording, options)
  for (const [index, { table, rows, sha256 }] of (
    await runModel(application, recording)
  ).entries()) {
    assert.deepEqual([run.tables[index]?.rows, run.tables[index]?.sha256], [rows, sha256], table)
  }
  return {
    run,
    rejected: rowsOf(REJECTED_RECORDS, run.rejected),
    rows(name) {
      const index = application.tables.findIndex(table => table.name === name)
      return rowsOf(application.tables[index] as TableSpec, run.tables[index] as TableRows)
    },
  }
}

export function recordingOf(given: Crafted): Recording {
  return new Map(
    Object.entries(given).map(([topic, partitions]) => [
      topic,
      partitions.map(items => items.map(recordedOf)),
    ]),
  )
}

function recordedOf(item: Item): Recorded {
  const rest = { line: 0, headers: {}, appendedAt: APPENDED_AT, markAt: 0 }
  if (typeof item === 'string') return { ...rest, kind: 'data', value: Buffer.from(item) }
  if ('mark' in item) return { ...rest, kind: 'mark', value: new Uint8Array(0), markAt: item.mark }
  const fields = 'record' in item ? item.record : item.fields
  const appendedAt = 'record' in item ? item.appendedAt : APPENDED_AT
  return { ...rest, kind: 'data', value: Buffer.from(JSON.stringify(fields)), appendedAt }
}

/** The rows of a table as values. */
export function rowsOf(table: TableSpec, stored: TableRows): Row[] {
  const codec = new RowCodec(table.schema)
  const batch = new Batch(table.schema, 1)
  return Array.from({ length: stored.rows }, (_, index) => {
    const bytes = stored.row(index)
    batch.clear()
    codec.decode(bytes, 0, bytes.length, batch, 0)
    return readRow(batch, 0)
  })
}
