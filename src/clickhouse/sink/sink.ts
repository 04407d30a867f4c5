/**
 * The exactly-once sink: units of prepared epochs into tables, each row once (docs/decisions/0012).
 *
 * The rule: before an insert whose forerunner may have run, the sink ends the forerunner, sees it
 * gone, and reads back; what is there is not sent again. After all inserts of an epoch it reads
 * back what the store holds, checks the parts' files and forces the table's directory to disk;
 * only then is the epoch applied. Bytes are those of the spool, never made anew.
 *
 * Its state is in the tables themselves; in memory there are only the epochs under way. Inserts of
 * several epochs and tables run side by side; units of one table and epoch one after the other, so
 * that a read-back of one does not meet a half of another. Verification takes all epochs that wait
 * for it at once, so its cost is shared.
 */

import { type Clock, invariant, type Logger, PlatformError } from '#base'
import { crc32c, tableLayout } from '#format'
import type { TableSpec } from '#plan'
import type { Manifest, Unit } from '#ports'
import { engineCode, type StoreClient } from '../client.ts'
import { createSlots, type Slots } from '../slots.ts'
import { physicalColumns, quoteColumn, quoteTable } from '../tables/table-ddl.ts'
import { type BrokenParts, createBrokenParts } from './broken-parts.ts'
import { coverageError, explainRows, keysCovered, type StoredRows, storedRows } from './coverage.ts'
import { createVerifier, type Verifier } from './verify-epochs.ts'

/** Where a test may stop the sink; the names are the steps of reliability.md §4. */
export type CrashPoint = 'C6.before' | 'C6.between' | 'C6.after' | 'C8.before' | 'C8.after'

export interface SinkOptions {
  /** As `writer`. */
  readonly client: StoreClient
  /** As `admin`: removes parts that the engine set aside as broken, once their rows are known lost. */
  readonly admin: StoreClient
  readonly tables: readonly TableSpec[]
  /** The bytes of a unit, from the spool. */
  readonly readUnit: (manifest: Manifest, unit: Unit) => Promise<Uint8Array>
  /** Resolves when the store is up. */
  readonly whenUp: () => Promise<void>
  /** Forces a table's directory to disk. */
  readonly syncDirectory: (path: string) => Promise<void>
  readonly clock: Clock
  readonly log: Logger
  /** Inserts at once; 2 by default. */
  readonly insertsMax?: number
  /** How long one insert may take before its outcome counts as unknown; 60 s by default. */
  readonly insertTimeoutMs?: number
  /** How long failures that may pass are tried again; 60 s by default. */
  readonly patienceMs?: number
  /** The same where the disk is full, which seldom passes by itself; `patienceMs` by default. */
  readonly diskPatienceMs?: number
  readonly at?: (point: CrashPoint, unit: string) => void | Promise<void>
}

export interface ApplyOptions {
  /** Whether an earlier attempt may have been made, by this process or another. */
  readonly attempted: boolean
}

export interface AuditReport {
  readonly units: number
  /** Units that were not there and were inserted from the spool. */
  readonly missing: readonly string[]
}

export interface Sink {
  /**
   * Applies the epoch and verifies it (C6 and C8); then it may be marked applied. Any number of
   * epochs at once. Repeating it is harmless where `attempted` says so.
   *
   * @throws PlatformError `store.coverage` when table and manifest disagree, `spool.corrupt`,
   * `store.unavailable` and `disk.full` when they last longer than `patienceMs`
   */
  apply(manifest: Manifest, options: ApplyOptions): Promise<void>
  /**
   * Start-up: reads back every untrimmed epoch, and applies what is missing. Throws as `apply`.
   */
  audit(manifests: readonly Manifest[]): Promise<AuditReport>
}

/** What the sink knows of a table. */
export interface SinkTable {
  readonly name: string
  readonly key: readonly string[]
  readonly upsert: boolean
  /** `INSERT INTO … FORMAT Native`. */
  readonly insert: string
  /** Columns and types of a unit's block. */
  readonly structure: string
}

/** One unit is one block, one partition, one part; nothing is dropped because it was seen before. */
const INSERT_SETTINGS = {
  async_insert: 0,
  insert_deduplicate: 0,
  deduplicate_blocks_in_dependent_materialized_views: 0,
  optimize_on_insert: 0,
  insert_allow_materialized_columns: 1,
  max_insert_block_size: 4_000_000,
  min_insert_block_size_rows: 4_000_000,
  min_insert_block_size_bytes: 0,
  max_insert_threads: 1,
  max_partitions_per_insert_block: 1,
  max_execution_time: 0,
} as const

const RETRY_DELAY_MS_MIN = 20
const RETRY_DELAY_MS_MAX = 2_000
/** Epochs asked for in one read-back of the audit. */
const AUDIT_EPOCHS = 500

/** Opens a sink; it starts nothing. */
export function createSink(options: SinkOptions): Sink {
  return new StoreSink(options)
}

class StoreSink implements Sink {
  private readonly options: SinkOptions
  private readonly tables: ReadonlyMap<string, SinkTable>
  private readonly inserts: Slots
  private readonly brokenParts: BrokenParts
  private readonly verifier: Verifier

  constructor(options: SinkOptions) {
    this.options = options
    this.tables = new Map(options.tables.map(spec => [spec.name, sinkTable(spec)]))
    this.inserts = createSlots(options.insertsMax ?? 2)
    this.brokenParts = createBrokenParts(options)
    this.verifier = createVerifier({
      client: options.client,
      syncDirectory: options.syncDirectory,
      table: name => this.table(name),
      readUnit: (manifest, unit) => this.bytes(manifest, unit),
      brokenParts: this.brokenParts,
    })
  }

  async apply(manifest: Manifest, { attempted }: ApplyOptions): Promise<void> {
    const byTable = Map.groupBy(manifest.units, unit => unit.table)
    let missing: readonly Unit[] = manifest.units
    let unknown = attempted
    for (let round = 0; missing.length > 0; round++) {
      if (round === 3) {
        const unit = (missing[0] as Unit).id
        throw coverageError(unit, 'it was inserted three times and is not there')
      }
      const sent = new Set(missing)
      await Promise.all(
        [...byTable].map(async ([, units]) => {
          for (const unit of units)
            if (sent.has(unit)) await this.insertUnit(manifest, unit, unknown)
        }),
      )
      await this.reach('C8.before', String(manifest.epoch))
      missing = await this.patiently(() => this.verifier.verify(manifest))
      // What was acknowledged and is not there is sent again, after a read-back of its own.
      unknown = true
      for (const unit of missing) this.options.log.warn('a unit was lost', { unit: unit.id })
    }
    await this.reach('C8.after', String(manifest.epoch))
  }

  async audit(manifests: readonly Manifest[]): Promise<AuditReport> {
    const missing: string[] = []
    let units = 0
    for (let from = 0; from < manifests.length; from += AUDIT_EPOCHS) {
      const some = manifests.slice(from, from + AUDIT_EPOCHS)
      const lost = await this.patiently(() => this.auditSome(some))
      for (const manifest of some) {
        units += manifest.units.length
        const own = lost.filter(entry => entry.manifest === manifest)
        missing.push(...own.map(entry => entry.unit.id))
        if (own.length > 0) await this.apply(manifest, { attempted: true })
      }
    }
    return { units, missing }
  }

  /** The units of `manifests` that are not there. */
  private async auditSome(
    manifests: readonly Manifest[],
  ): Promise<readonly { readonly manifest: Manifest; readonly unit: Unit }[]> {
    const tables = new Set(manifests.flatMap(manifest => manifest.units.map(unit => unit.table)))
    const lost: { manifest: Manifest; unit: Unit }[] = []
    for (const name of tables) {
      const epochs = manifests.filter(entry => entry.units.some(unit => unit.table === name))
      const stored = await storedRows(
        this.options.client,
        name,
        epochs.map(manifest => manifest.epoch),
      )
      for (const manifest of epochs) {
        const units = manifest.units.filter(unit => unit.table === name)
        const own = stored.filter(group => group.epoch === manifest.epoch)
        const covered = await this.coveredUnits(manifest, units, own)
        for (const unit of units) if (!covered.has(unit)) lost.push({ manifest, unit })
      }
      const own = lost.map(entry => entry.unit).filter(unit => unit.table === name)
      await this.brokenParts.clear(name, own)
    }
    return lost
  }

  /** Sends `unit` once, or not at all where it is there already. */
  private async insertUnit(manifest: Manifest, unit: Unit, attempted: boolean): Promise<void> {
    const table = this.table(unit.table)
    const queryId = `${manifest.application}/${manifest.epoch}/${unit.id}`
    let unknown = attempted
    await this.patiently(async () => {
      if (unknown && (await this.present(manifest, unit, queryId))) return
      const bytes = await this.bytes(manifest, unit)
      await this.reach('C6.before', unit.id)
      unknown = true
      const rows = await this.inserts.run(() =>
        this.options.client.insert(table.insert, bytes, {
          queryId,
          settings: INSERT_SETTINGS,
          timeoutMs: this.options.insertTimeoutMs ?? 60_000,
        }),
      )
      await this.reach('C6.between', unit.id)
      if (rows !== unit.rows) {
        throw coverageError(unit.id, `the store took ${rows} rows of ${unit.rows}`)
      }
    })
    await this.reach('C6.after', unit.id)
  }

  /** Ends what may still insert the unit, sees it gone, and reads back. */
  private async present(manifest: Manifest, unit: Unit, queryId: string): Promise<boolean> {
    await this.options.client.kill(queryId)
    const units = manifest.units.filter(entry => entry.table === unit.table)
    const stored = await storedRows(this.options.client, unit.table, [manifest.epoch])
    return (await this.coveredUnits(manifest, units, stored)).has(unit)
  }

  /**
   * The units among `units` (all of one table and epoch) that `stored` shows. Rows of an append
   * table that no unit explains end the run; in a keyed one merges may have taken rows, so keys are
   * asked for.
   */
  private async coveredUnits(
    manifest: Manifest,
    units: readonly Unit[],
    stored: readonly StoredRows[],
  ): Promise<ReadonlySet<Unit>> {
    const { covered, unexplained } = explainRows(units, stored)
    const table = this.table((units[0] as Unit).table)
    if (!table.upsert) {
      const strange = unexplained[0]
      if (strange === undefined) return covered
      throw coverageError(
        units.map(unit => unit.id).join('", "'),
        `table "${table.name}" has ${strange.rows} rows of epoch ${manifest.epoch} in partition ${strange.partition} that are not those of the manifest`,
      )
    }
    const all = new Set(covered)
    for (const unit of units) {
      if (all.has(unit)) continue
      const bytes = await this.bytes(manifest, unit)
      if (await keysCovered(this.options.client, table, manifest.epoch, bytes)) all.add(unit)
    }
    return all
  }

  private async bytes(manifest: Manifest, unit: Unit): Promise<Uint8Array> {
    const bytes = await this.options.readUnit(manifest, unit)
    if (bytes.length === unit.bytes && crc32c(bytes) === unit.crc32c) return bytes
    throw new PlatformError(
      'spool.corrupt',
      `unit "${unit.id}" in spool file "${manifest.spool}" at ${unit.at} is not what was written`,
      { hint: 'Check the disk. The epoch can be made again from the log: run millrace verify.' },
    )
  }

  /** Tries again what may pass, until it has failed for `patienceMs`. */
  private async patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, patienceMs = 60_000, diskPatienceMs = patienceMs } = this.options
    const began = clock.monotonicMs()
    for (let delayMs = RETRY_DELAY_MS_MIN; ; delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX)) {
      try {
        return await attempt()
      } catch (error) {
        const passing = error instanceof PlatformError && (error.retryable || sameIdRuns(error))
        const passed = clock.monotonicMs() - began
        const patience = passing && error.code === 'disk.full' ? diskPatienceMs : patienceMs
        if (!passing || passed > patience) throw error
        // Many units wait for the same thing: once each is enough to know of it.
        const level = delayMs === RETRY_DELAY_MS_MIN ? 'warn' : 'debug'
        this.options.log[level]('the sink tries again', { code: error.code, error: error.message })
        await new Promise(done => setTimeout(done, delayMs))
        await this.options.whenUp()
      }
    }
  }

  private table(name: string): SinkTable {
    const found = this.tables.get(name)
    invariant(found !== undefined, `the sink knows the table "${name}"`)
    return found
  }

  private async reach(point: CrashPoint, unit: string): Promise<void> {
    if (this.options.at !== undefined) await this.options.at(point, unit)
  }
}

/** An earlier attempt with the same query id is still under way. */
function sameIdRuns(error: PlatformError): boolean {
  return engineCode(error) === 216
}

function sinkTable(spec: TableSpec): SinkTable {
  const layout = tableLayout(spec)
  const columns = physicalColumns(layout)
  const names = columns.map(column => quoteColumn(column.name))
  return {
    name: spec.name,
    key: spec.key,
    upsert: layout.upsert,
    insert: `INSERT INTO ${quoteTable(spec.name)} (${names.join(', ')}) FORMAT Native`,
    structure: columns.map((column, index) => `${names[index]} ${column.clickhouse}`).join(', '),
  }
}
