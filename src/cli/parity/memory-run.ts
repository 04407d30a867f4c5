/**
 * The engine over a recording, in this process and in memory: what its tables would hold.
 *
 * Epochs are prepared and applied as in a real run, and a crash at a named point loses what was not
 * flushed and starts again. Only the store is left out: units are read back from their own bytes.
 */

import { manualClock, type Random, seededRandom, systemClock } from '#base'
import { canonicalTable, nativeRows, type StoredRow } from '#format'
import { openMemory } from '#local'
import { type Application, analyse, type Manifest, type TableSpec } from '#plan'
import { REJECTED_RECORDS, runWorker, type WorkerSummary } from '#runtime'
import { play, type Recording } from './recorded.ts'

/** How the engine runs; nothing here may change what it gives. */
export interface MemoryRunOptions {
  readonly batchRows: number | 'random'
  readonly epochRows: number
  readonly parallelism: number
  readonly generated: boolean
  readonly seed: number
  /** Crashes at about every so manieth commit point; none where 0. */
  readonly crashEvery: number
  /** Runs over growing parts of the recording, one bounded run each. */
  readonly rounds: number
}

export const MEMORY_RUN: MemoryRunOptions = {
  batchRows: 1024,
  epochRows: 5_000,
  parallelism: 1,
  generated: true,
  seed: 1,
  crashEvery: 0,
  rounds: 1,
}

export interface TableRows {
  readonly table: string
  readonly rows: number
  readonly sha256: string
  /** A row's RowBinary bytes, in canonical order. */
  row(index: number): Uint8Array
}

export interface MemoryRun {
  readonly tables: readonly TableRows[]
  readonly summaries: readonly WorkerSummary[]
  readonly crashes: number
}

/** What a test throws at a crash point. */
class Crash extends Error {}

/** Runs `application` over `recording` to its end. */
export async function runInMemory(
  application: Application,
  recording: Recording,
  given: Partial<MemoryRunOptions> = {},
): Promise<MemoryRun> {
  const options = { ...MEMORY_RUN, ...given }
  const random = seededRandom(options.seed)
  const clock = manualClock()
  const data = openMemory({ clock })
  const spool = new Map<string, readonly Uint8Array[]>()
  const tables = new MemoryTables([...application.tables, REJECTED_RECORDS])
  let crashes = 0
  let summaries: WorkerSummary[] = []
  for (const part of partsOf(recording, options.rounds)) {
    await play(part, application.sources, data.log, clock)
    for (;;) {
      // What an earlier life prepared is applied from the spool before anything is read.
      for (const manifest of data.state.prepared(application.name)) tables.apply(manifest, spool)
      const crash = crasher(options, random, () => crashes)
      try {
        summaries = await runAll(application, options, random, { data, spool, tables, crash })
        break
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        crashes++
        data.disk.crash()
      }
    }
  }
  return { tables: application.tables.map(table => tables.rows(table)), summaries, crashes }
}

/** The recording in `rounds` parts, each behind the one before. */
function partsOf(recording: Recording, rounds: number): Recording[] {
  return Array.from({ length: rounds }, (_, round) => {
    const cut = (length: number, at: number): number => Math.floor((length * at) / rounds)
    return new Map(
      Array.from(recording, ([topic, partitions]) => [
        topic,
        partitions.map(records =>
          records.slice(cut(records.length, round), cut(records.length, round + 1)),
        ),
      ]),
    )
  })
}

interface Parts {
  readonly data: ReturnType<typeof openMemory>
  readonly spool: Map<string, readonly Uint8Array[]>
  readonly tables: MemoryTables
  readonly crash: () => void
}

/** The workers of one life, stage by stage together. */
async function runAll(
  application: Application,
  options: MemoryRunOptions,
  random: Random,
  { data, spool, tables, crash }: Parts,
): Promise<WorkerSummary[]> {
  const stages = analyse(application)
  const barriers = stages.map(() => barrier(options.parallelism))
  const stop = new AbortController()
  const workers = Array.from({ length: options.parallelism }, (_, worker) =>
    runWorker({
      application,
      codeVersion: 'parity',
      worker,
      partitions: stages.map(({ partitions }) =>
        Array.from({ length: partitions }, (__, p) => p).filter(
          p => p % options.parallelism === worker,
        ),
      ),
      log: data.log,
      state: data.state,
      spool: {
        async write(epoch, parts) {
          const name = `epoch-${epoch}.native`
          spool.set(
            name,
            parts.map(part => part.slice()),
          )
          return { name }
        },
      },
      clock: systemClock,
      random: seededRandom(random.int(2 ** 31)),
      batchRows: options.batchRows,
      epochRows: options.epochRows,
      epochMs: 3_600_000,
      pollMs: 1,
      preparedMax: 2,
      generated: options.generated,
      bounded: true,
      signal: stop.signal,
      onPrepared: async manifest => {
        tables.apply(manifest, spool)
        crash()
        await data.state.markApplied(manifest.epoch)
      },
      stageDone: stage => barriers[stage]?.() ?? Promise.resolve(),
      onProgress: () => undefined,
      at: crash,
    }),
  )
  // A crash of one is a crash of all: they are one life.
  const failed = (await Promise.allSettled(workers.map(stopOthers(stop, barriers)))).find(
    (result): result is PromiseRejectedResult => result.status === 'rejected',
  )
  if (failed !== undefined) throw failed.reason
  return Promise.all(workers)
}

function stopOthers(
  stop: AbortController,
  barriers: readonly (() => Promise<void>)[],
): (worker: Promise<WorkerSummary>) => Promise<WorkerSummary> {
  return async worker => {
    try {
      return await worker
    } catch (error) {
      stop.abort()
      // Others may wait for a stage that this one will never end.
      for (const arrive of barriers) void arrive()
      throw error
    }
  }
}

/** A promise that resolves when it has been asked for by `count`. */
function barrier(count: number): () => Promise<void> {
  let waiting = count
  const { promise, resolve } = Promise.withResolvers<void>()
  return () => {
    if (--waiting <= 0) resolve()
    return promise
  }
}

/** Throws at about every so manieth call; ever less often, so that a run ends. */
function crasher(options: MemoryRunOptions, random: Random, crashes: () => number): () => void {
  if (options.crashEvery === 0) return () => undefined
  return () => {
    if (random.next() * options.crashEvery * (1 + crashes() / 10) < 1) throw new Crash('planned')
  }
}

/** Tables as the store would hold them: units by id, since applying one twice changes nothing. */
class MemoryTables {
  readonly #specs: ReadonlyMap<string, TableSpec>
  readonly #units = new Map<string, { readonly table: string; readonly rows: StoredRow[] }>()

  constructor(tables: readonly TableSpec[]) {
    this.#specs = new Map(tables.map(table => [table.name, table]))
  }

  apply(manifest: Manifest, spool: ReadonlyMap<string, readonly Uint8Array[]>): void {
    const file = Buffer.concat(spool.get(manifest.spool ?? '') ?? [])
    for (const unit of manifest.units) {
      const table = this.#specs.get(unit.table)
      if (table === undefined) throw new Error(`a unit of the unknown table "${unit.table}"`)
      const rows = nativeRows(table, file.subarray(unit.at, unit.at + unit.bytes))
      this.#units.set(unit.id, { table: unit.table, rows })
    }
  }

  /** The current settled rows: of a keyed table the newest of each key, without tombstones. */
  rows(table: TableSpec): TableRows {
    const all = [...this.#units.values()].flatMap(unit =>
      unit.table === table.name ? unit.rows : [],
    )
    const current = table.key.length === 0 ? all : newest(all)
    const bytes = Buffer.concat(
      current.filter(({ deleted, settled }) => !deleted && settled).map(row => row.bytes),
    )
    const canonical = canonicalTable({ schema: table.schema, key: table.key }, bytes)
    return { table: table.name, ...canonical }
  }
}

function newest(rows: readonly StoredRow[]): StoredRow[] {
  const byKey = new Map<string, StoredRow>()
  for (const row of rows) {
    if ((byKey.get(row.key)?.epoch ?? -1) <= row.epoch) byKey.set(row.key, row)
  }
  return [...byKey.values()]
}
