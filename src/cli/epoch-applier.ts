/**
 * From prepared epochs to tables (reliability.md, C6 to C9): audits what an earlier run left, applies
 * what workers prepare, marks it, and lets go of spool files nobody can need again.
 */

import { once } from 'node:events'
import {
  applyMigrations,
  createSink,
  syncDirectory as fsyncDirectory,
  planMigrations,
  type Sink,
  type TableChange,
} from '#clickhouse'
import type { Application, TableSpec } from '#plan'
import type { Manifest } from '#ports'
import { REJECTED_RECORDS } from '#runtime'
import type { Platform } from './platform.ts'
import { interrupted } from './terminal.ts'

/** Applied epochs whose spool files are kept by an endless run, as the last defence of R8. */
const EPOCHS_KEPT = 64

const BOUNDED_DISK_PATIENCE_MS = 5_000

export interface ApplierOptions {
  readonly application: Application
  readonly destructive: boolean
  /** Keep the last applied epochs for the next start's audit; not after bounded runs. */
  readonly keep: boolean
  /** Told of changes to tables before they are made. */
  readonly onMigration: (changes: readonly TableChange[]) => void
  readonly at: (point: string) => void
  readonly signal: AbortSignal
}

export interface EpochApplier {
  /** Tables of the application, `rejected_records` included. */
  readonly tables: readonly TableSpec[]
  /** Applies one prepared epoch; resolves when it is verified and marked. */
  apply(manifest: Manifest): Promise<void>
  /** Removes what no audit needs any more. */
  trim(): Promise<void>
}

/**
 * Migrates the tables, audits every untrimmed epoch, and finishes those that an earlier run
 * prepared and did not apply.
 *
 * @throws PlatformError `store.migration`, `store.coverage`, `spool.corrupt`
 */
export async function openApplier(
  platform: Platform,
  options: ApplierOptions,
): Promise<EpochApplier> {
  const { data } = platform
  const store = await platform.store()
  const tables = [...options.application.tables, REJECTED_RECORDS]
  await migrate(platform, tables, options)
  const sink = createSink({
    client: store.client('writer'),
    admin: store.client('admin'),
    tables,
    readUnit: async (manifest, unit) => data.spool.read(manifest.spool ?? '', unit),
    whenUp: () => unlessStopped(store.whenUp(), options.signal),
    // Who waits for the end of a run is told; the platform waits for somebody to make room.
    ...(options.keep ? {} : { diskPatienceMs: BOUNDED_DISK_PATIENCE_MS }),
    syncDirectory: fsyncDirectory,
    clock: platform.options.clock,
    log: platform.options.logger,
    at: point => options.at(point),
  })
  await finishEarlier(platform, options.application.name, sink)
  return applierOf(platform, options, tables, sink)
}

/** Ends the waiting for a store that is away when the user does not want to wait any more. */
async function unlessStopped(waiting: Promise<void>, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const stopped = once(signal, 'abort', { signal: stop.signal }).catch(() => undefined)
  try {
    if (!signal.aborted) await Promise.race([waiting, stopped])
    if (signal.aborted) throw interrupted('the writing of tables')
  } finally {
    stop.abort()
  }
}

async function migrate(
  platform: Platform,
  tables: readonly TableSpec[],
  { destructive, onMigration }: ApplierOptions,
): Promise<void> {
  const admin = (await platform.store()).client('admin')
  const plan = await planMigrations(admin, tables)
  if (plan.changes.length > 0) onMigration(plan.changes)
  await applyMigrations(admin, plan, { destructive, clock: platform.options.clock })
}

async function finishEarlier(platform: Platform, name: string, sink: Sink): Promise<void> {
  const { state } = platform.data
  const prepared = state.prepared(name)
  const { missing } = await sink.audit([...state.applied(name), ...prepared])
  if (missing.length > 0) {
    platform.options.logger.warn('units were missing and have been inserted', { units: missing })
  }
  for (const { epoch } of prepared) await state.markApplied(epoch)
}

function applierOf(
  platform: Platform,
  options: ApplierOptions,
  tables: readonly TableSpec[],
  sink: Sink,
): EpochApplier {
  const { data } = platform
  const { clock, metrics } = platform.options
  const name = options.application.name
  let applied = 0
  const trim = async (kept: number): Promise<void> => {
    const manifests = data.state.applied(name)
    for (const { epoch, spool } of manifests.slice(0, Math.max(0, manifests.length - kept))) {
      await data.state.trim(epoch)
      if (spool !== null) data.spool.remove([spool])
    }
  }
  return {
    tables,
    async apply(manifest) {
      const begin = clock.monotonicMs()
      await sink.apply(manifest, { attempted: false })
      await data.state.markApplied(manifest.epoch)
      options.at('C9')
      metrics.add('millrace_epochs_total', 1, { step: 'applied' })
      metrics.observe('millrace_epoch_apply_seconds', (clock.monotonicMs() - begin) / 1000)
      for (const unit of manifest.units) {
        metrics.add('millrace_rows_applied_total', unit.rows, { table: unit.table })
      }
      // Not after each epoch: a trim is a transaction of its own.
      if (++applied % EPOCHS_KEPT === 0) await trim(EPOCHS_KEPT)
    },
    trim: () => trim(options.keep ? EPOCHS_KEPT : 0),
  }
}
