/** A store in a directory of its own, and epochs of units for its tables: what the store's tests share. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock } from '#base'
import {
  applyMigrations,
  createSink,
  openStore,
  planMigrations,
  type Sink,
  type SinkOptions,
  type Store,
  type StoreOptions,
  spoolReader,
  syncDirectory,
} from '#clickhouse'
import { appendRow, Batch } from '#columns'
import { crc32c, NativeBlock, tableLayout } from '#format'
import type { Row, TableSpec } from '#plan'
import type { Manifest, Unit } from '#ports'

/** Why the store's tests cannot run here; false where they can. */
export const storeSkip: string | false =
  process.platform === 'linux' || process.platform === 'darwin'
    ? false
    : 'the embedded store runs on Linux with glibc and on macOS'

export interface TemporaryStore extends AsyncDisposable {
  readonly store: Store
  readonly directory: string
}

export async function temporaryStore(options: Partial<StoreOptions> = {}): Promise<TemporaryStore> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  const store = await openStore({
    dataDir: directory,
    clock: systemClock,
    log: silentLogger,
    ...options,
  })
  return {
    store,
    directory,
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Rows without a key. */
export function visits(name: string): TableSpec {
  return {
    name,
    schema: [
      { name: 'user', type: { kind: 'string' } },
      { name: 'n', type: { kind: 'int64' } },
    ],
    key: [],
    orderBy: [],
    partitionBy: null,
    approximate: [],
  }
}

/** The current row per user. */
export function totals(name: string): TableSpec {
  return { ...visits(name), key: ['user'] }
}

export interface UnitRow {
  readonly row: Row
  readonly offset: number
  readonly partition?: number
  readonly deleted?: boolean
}

export interface Epoch {
  readonly manifest: Manifest
  readonly units: readonly Uint8Array[]
}

/** One unit a list of rows, spooled in `directory`. */
export async function spoolEpoch(
  directory: string,
  epoch: number,
  parts: readonly { readonly table: TableSpec; readonly rows: readonly UnitRow[] }[],
): Promise<Manifest> {
  const units: Unit[] = []
  const blocks: Uint8Array[] = []
  let at = 0
  for (const { table, rows } of parts) {
    const block = new NativeBlock(tableLayout(table))
    const batch = new Batch(table.schema, Math.max(1, rows.length))
    for (const { row, offset, partition, deleted } of rows) {
      appendRow(batch, row, {
        at: 0,
        offset,
        origin: partition ?? 0,
        weight: deleted === true ? -1 : 1,
      })
    }
    block.append(batch, batch.selection, batch.selected, { epoch })
    const { positionHash, ranges } = block
    const bytes = block.flush().slice()
    units.push({
      id: `${table.name}-${epoch}-${units.length}`,
      table: table.name,
      upsert: table.key.length > 0,
      rows: rows.length,
      positionHash,
      at,
      bytes: bytes.length,
      crc32c: crc32c(bytes),
      ranges,
    })
    blocks.push(bytes)
    at += bytes.length
  }
  const spool = `${epoch}.spool`
  await writeFile(join(directory, spool), Buffer.concat(blocks))
  return {
    application: 'test',
    planHash: 'plan',
    codeVersion: 'code',
    epoch,
    worker: 0,
    tasks: [],
    spool,
    units,
  }
}

export async function createTables(store: Store, tables: readonly TableSpec[]): Promise<void> {
  const admin = store.client('admin')
  const plan = await planMigrations(admin, tables)
  await applyMigrations(admin, plan, { destructive: false, clock: systemClock })
}

/** A sink into `store`; `changes` replaces what a test wants otherwise. */
export function sinkInto(
  at: TemporaryStore,
  tables: readonly TableSpec[],
  changes: Partial<SinkOptions> = {},
): Sink {
  return createSink({
    client: at.store.client('writer'),
    admin: at.store.client('admin'),
    tables,
    readUnit: spoolReader(at.directory),
    whenUp: () => at.store.whenUp(),
    syncDirectory,
    clock: systemClock,
    log: silentLogger,
    ...changes,
  })
}

/** `count` rows of `n = 1` for users `u0 … u9`, at offsets from `first`. */
export function someRows(count: number, first = 0, n = 1n): readonly UnitRow[] {
  return Array.from({ length: count }, (_, index) => ({
    row: { user: `u${index % 10}`, n },
    offset: first + index,
  }))
}

/** One number of the first row, as `reader`. */
export async function numberOf(store: Store, sql: string): Promise<number> {
  const rows = await store.client('reader').rows(sql)
  return Number(rows[0]?.[0])
}
