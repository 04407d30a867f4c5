/**
 * The engine over a recording, in this process and in memory: what its tables would hold.
 *
 * Epochs are prepared and applied as in a real run, and a crash at a named point loses what was not
 * flushed and starts again. Only the store is left out: units are read back from their own bytes.
 */

import { manualClock, type Random, seededRandom, systemClock } from '#base'
import { MemoryDisk, openMemory } from '#local'
import { type Application, analyse, type Stage } from '#plan'
import { type CrashPoint, REJECTED_RECORDS, runWorker, type WorkerSummary } from '#runtime'
import { Crash, Life } from './memory-life.ts'
import { MemoryTables, type TableRows } from './memory-tables.ts'
import { part, play, type Recording } from './recorded.ts'

/**
 * Where a run may crash: in a worker's commit, around an application to the tables, in recovery, or
 * between any two writes that reach the disk (`disk`). Writes that wait are lost at all of them.
 */
export const CRASH_PLACES = [
  'C3',
  'C4.spooled',
  'C5.committed',
  'C6.before',
  'C6.after',
  'C9',
  'recovery',
  'disk',
] as const satisfies readonly (CrashPoint | 'C6.before' | 'C6.after' | 'C9' | 'recovery' | 'disk')[]
export type CrashPlace = (typeof CRASH_PLACES)[number]

/** How the engine runs; nothing here may change what it gives. */
export interface MemoryRunOptions {
  readonly batchRows: number | 'random'
  readonly epochRows: number
  /** Workers; of several numbers each life of the run takes the next: tasks move between workers. */
  readonly parallelism: number | readonly number[]
  readonly generated: boolean
  readonly seed: number
  /** Crashes at about every so manieth passage of `crashPlaces`; none where 0. */
  readonly crashEvery: number
  readonly crashPlaces: readonly CrashPlace[]
  /** How often a run crashes at most, so that it ends. */
  readonly crashesMax: number
  /** Into how many parts of the recording there is a bounded run each, one behind the other. */
  readonly rounds: number
  /** Called after each round; what the tables and the log hold then is computed when it is asked. */
  readonly onRound: (round: Round) => Promise<void> | void
}

/** What a round leaves. */
export interface Round {
  readonly tables: () => readonly TableRows[]
  readonly soFar: () => Recording
  readonly last: boolean
}

export const MEMORY_RUN: MemoryRunOptions = {
  batchRows: 1024,
  epochRows: 5_000,
  parallelism: 1,
  generated: true,
  seed: 1,
  crashEvery: 0,
  crashPlaces: CRASH_PLACES,
  crashesMax: 6,
  rounds: 1,
  onRound: () => undefined,
}

export interface MemoryRun {
  readonly tables: readonly TableRows[]
  /** What became of records that gave no rows. */
  readonly rejected: TableRows
  readonly summaries: readonly WorkerSummary[]
  readonly crashes: number
}

/** Runs `application` over `recording` to its end. */
export async function runInMemory(
  application: Application,
  recording: Recording,
  given: Partial<MemoryRunOptions> = {},
): Promise<MemoryRun> {
  const options = { ...MEMORY_RUN, ...given }
  const run = new Run(application, options)
  const { rounds, onRound } = options
  for (let round = 1; round <= rounds; round++) {
    await run.round(part(recording, round - 1, round, rounds))
    const soFar = () => part(recording, 0, round, rounds)
    await onRound({ tables: () => run.tables(), soFar, last: round === rounds })
  }
  return run.result()
}

/** Runs `application` over recordings one behind the other, a bounded run each. */
export async function runEachInMemory(
  application: Application,
  recordings: readonly Recording[],
  given: Partial<Omit<MemoryRunOptions, 'rounds' | 'onRound'>> = {},
): Promise<MemoryRun> {
  const run = new Run(application, { ...MEMORY_RUN, ...given })
  for (const records of recordings) await run.round(records)
  return run.result()
}

/** The directory, store and workers of a run. */
class Run {
  readonly #application: Application
  readonly #options: MemoryRunOptions
  readonly #stages: readonly Stage[]
  readonly #random: Random
  readonly #clock = manualClock()
  readonly #data = openMemory({ clock: this.#clock, held: true })
  /** The spool's own disk: its writes and the others' reach theirs in any order. */
  readonly #spoolDisk = new MemoryDisk({ held: true })
  readonly #spool = new Map<string, readonly Uint8Array[]>()
  readonly #tables: MemoryTables
  #summaries: WorkerSummary[] = []
  #crashes = 0
  #lives = 0

  constructor(application: Application, options: MemoryRunOptions) {
    this.#application = application
    this.#options = options
    this.#stages = analyse(application)
    this.#random = seededRandom(options.seed)
    this.#tables = new MemoryTables([...application.tables, REJECTED_RECORDS])
  }

  /** One bounded run behind `records`: as many lives as it takes. */
  async round(records: Recording): Promise<void> {
    const { log } = this.#data
    const append = () => play(records, this.#application.sources, log, this.#clock)
    await this.#life().run(append, this.#random, () => undefined)
    for (;;) {
      const life = this.#life()
      try {
        this.#summaries = await life.run(
          () => this.#live(life),
          this.#random,
          () => this.#crash('disk'),
        )
        return
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        this.#crashes++
      }
    }
  }

  tables(): TableRows[] {
    return this.#application.tables.map(table => this.#tables.rows(table))
  }

  result(): MemoryRun {
    return {
      tables: this.tables(),
      rejected: this.#tables.rows(REJECTED_RECORDS),
      summaries: this.#summaries,
      crashes: this.#crashes,
    }
  }

  #life(): Life {
    return new Life([this.#data.disk, this.#spoolDisk])
  }

  /** What an earlier life prepared is applied from the spool before anything is read. */
  async #recover(): Promise<void> {
    for (const manifest of this.#data.state.prepared(this.#application.name)) {
      this.#crash('recovery')
      this.#tables.apply(manifest, this.#spool)
      this.#crash('recovery')
      await this.#data.state.markApplied(manifest.epoch)
    }
  }

  /** Recovery, and then all workers, stage by stage together. */
  async #live(life: Life): Promise<WorkerSummary[]> {
    await this.#recover()
    const { parallelism } = this.#options
    const counts = typeof parallelism === 'number' ? [parallelism] : parallelism
    const count = counts[this.#lives++ % counts.length] ?? 1
    const stages = this.#stages
    const barriers = stages.map(() => barrier(count))
    return Promise.all(
      Array.from({ length: count }, (_, worker) => {
        const partitions = stages.map(stage =>
          Array.from({ length: stage.partitions }, (__, p) => p).filter(p => p % count === worker),
        )
        return this.#worker(life, worker, partitions, barriers)
      }),
    )
  }

  #worker(
    life: Life,
    worker: number,
    partitions: readonly (readonly number[])[],
    barriers: readonly (() => Promise<void>)[],
  ): Promise<WorkerSummary> {
    const { batchRows, epochRows, generated } = this.#options
    const log = life.mortal(this.#data.log)
    const state = life.mortal(this.#data.state)
    const tables = life.mortal(this.#tables)
    const disk = life.mortal(this.#spoolDisk)
    return runWorker({
      application: this.#application,
      codeVersion: 'parity',
      worker,
      partitions,
      log,
      state,
      spool: {
        write: (epoch, bytes) => {
          const name = `epoch-${epoch}.native`
          const copies = bytes.map(part => part.slice())
          return disk.write(() => {
            this.#spool.set(name, copies)
            return { name }
          })
        },
      },
      clock: systemClock,
      random: seededRandom(this.#random.int(2 ** 31)),
      batchRows,
      epochRows,
      epochMs: 3_600_000,
      pollMs: 1,
      preparedMax: 2,
      generated,
      bounded: true,
      signal: new AbortController().signal,
      onPrepared: async manifest => {
        this.#crash('C6.before')
        tables.apply(manifest, this.#spool)
        this.#crash('C6.after')
        await state.markApplied(manifest.epoch)
        this.#crash('C9')
      },
      stageDone: stage => barriers[stage]?.() ?? Promise.resolve(),
      onProgress: () => undefined,
      at: place => this.#crash(place),
    })
  }

  /** Throws at about every so manieth call, and at last not any more, so that a run ends. */
  #crash(place: CrashPlace): void {
    const { crashEvery, crashPlaces, crashesMax } = this.#options
    if (this.#crashes >= crashesMax || !crashPlaces.includes(place)) return
    if (this.#random.next() * crashEvery < 1 && crashEvery > 0) throw new Crash(place)
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
