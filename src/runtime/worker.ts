/**
 * A worker: the tasks it was given, read round and round in one thread, and committed together.
 *
 * Bounded, it takes each partition's end as it stood at the start, runs stage after stage to its
 * end, publishes what a log that ended there gives, and returns. Else it reads until it is aborted,
 * commits what it has, and returns.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { BATCH_ROWS_MAX, type Clock, PlatformError, type Random } from '#base'
import { compileCodec } from '#format'
import { type Application, analyse, planHash, type SourceSpec, type Stage } from '#plan'
import type { AppendBlock, Log, Manifest, StateStore } from '#ports'
import { addCounts, NO_COUNTS, type SourceCounts } from './read/counters.ts'
import { InputChoice } from './read/input-choice.ts'
import { SourceDecoder } from './read/source-input.ts'
import { Task, type TopicAppend, taskId } from './task.ts'
import { type CrashPoint, EpochCommitter, type Spool } from './write/epoch.ts'
import { REJECTED_RECORDS } from './write/rejected-rows.ts'
import { type EpochState, TableSink } from './write/table-sink.ts'

/** How many times `epochMs` an epoch may last while others are being applied. */
const BUSY_EPOCHS = 10

export interface WorkerOptions {
  readonly application: Application
  readonly codeVersion: string
  /** Number of this worker among its run's. */
  readonly worker: number
  /** By stage the partitions whose tasks this worker runs. */
  readonly partitions: readonly (readonly number[])[]
  readonly log: Log
  readonly state: StateStore
  readonly spool: Spool
  readonly clock: Clock
  readonly random: Random
  /** Rows of a batch at most; `random` draws each from 1 to `BATCH_ROWS_MAX`. */
  readonly batchRows: number | 'random'
  /** Records read before an epoch is committed. */
  readonly epochRows: number
  /** Milliseconds after which records that were read are committed; tenfold while others are applied. */
  readonly epochMs: number
  /** Milliseconds between looks for new records where there are none. */
  readonly pollMs: number
  /** Epochs that may be prepared and not applied; reading waits beyond. */
  readonly preparedMax: number
  readonly generated: boolean
  readonly bounded: boolean
  readonly signal: AbortSignal
  /** Takes each prepared epoch; its promise resolves once the epoch is applied. */
  readonly onPrepared: (manifest: Manifest) => Promise<void>
  /**
   * Called when the tasks of a stage have ended in a bounded run; resolves once those of all
   * workers have, which later stages wait for.
   */
  readonly stageDone: (stage: number) => Promise<void>
  /** Called with what has been read, after each epoch. */
  readonly onProgress: (progress: WorkerProgress) => void
  /** Called when an endless run has read and committed all there is; the test kit ends it then. */
  readonly onIdle?: () => void
  /** Where tests crash. */
  readonly at: (point: CrashPoint, epoch: number) => void
}

export interface WorkerProgress {
  /** Records read since the start. */
  readonly records: number
  readonly epochs: number
  /** By source, rows decoded since the start, and how many of them by the slow path. */
  readonly decoded: Readonly<Record<string, DecodedRows>>
}

export interface DecodedRows {
  readonly rows: number
  readonly fallbackRows: number
}

export interface WorkerSummary extends WorkerProgress {
  /** Cumulative over runs, of the worker's own tasks, by source. */
  readonly counts: Readonly<Record<string, SourceCounts>>
  /** By `topic/partition` the offset after the last record read. */
  readonly ends: Readonly<Record<string, number>>
  readonly keys: number
  readonly stateBytes: number
}

/**
 * Runs the worker's tasks. Rejects with whatever a port rejects with; what was not committed then
 * never happened.
 *
 * @throws PlatformError `plan.changed` where a task's state is of another plan
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerSummary> {
  const worker = new Worker(options)
  await worker.open()
  if (options.bounded) await worker.runBounded()
  else await worker.runEndless()
  await worker.close()
  return worker.summary()
}

class Worker {
  readonly #options: WorkerOptions
  readonly #stages: readonly Stage[]
  readonly #planHash: string
  readonly #epoch: EpochState = { number: -1, final: false }
  readonly #sinks: ReadonlyMap<string, TableSink>
  readonly #committer: EpochCommitter
  readonly #decoders = new Map<string, SourceDecoder>()
  readonly #tasks: Task[] = []
  /** Records of this epoch, and when the first of them was read. */
  #pending = 0
  #since = 0
  #records = 0
  #epochs = 0

  constructor(options: WorkerOptions) {
    const { application } = options
    this.#options = options
    this.#stages = analyse(application)
    this.#planHash = planHash(application)
    const tables = [...application.tables, REJECTED_RECORDS]
    this.#sinks = new Map(tables.map(table => [table.name, new TableSink(table, this.#epoch)]))
    this.#committer = new EpochCommitter({
      ...options,
      application: application.name,
      planHash: this.#planHash,
    })
  }

  async open(): Promise<void> {
    const { log, partitions } = this.#options
    for (const { repartitions } of this.#stages) {
      for (const { topic, partitions: count } of repartitions) {
        await log.ensureTopic({ name: topic, partitions: count, source: null, logBytesMax: null })
      }
    }
    for (const stage of this.#stages) {
      for (const partition of partitions[stage.id] ?? []) {
        this.#tasks.push(this.#open(stage, partition))
      }
    }
    this.#beginEpoch()
  }

  async runBounded(): Promise<void> {
    const { log, signal, stageDone } = this.#options
    const ends = new Map(log.topics().map(({ name, extents }) => [name, extents]))
    for (const stage of this.#stages) {
      const tasks = this.#tasks.filter(task => task.stage === stage.id)
      for (const input of tasks.flatMap(task => task.inputs)) {
        const extents = input.kind === 'source' ? ends.get(input.topic) : undefined
        const extent = (extents ?? log.topic(input.topic).extents)[input.partition]
        input.limit(extent?.end ?? 0)
      }
      const choice = new InputChoice(tasks)
      while (!choice.ended && !signal.aborted) {
        if (!(await this.#step(choice))) choice.wake()
      }
      if (this.#pending > 0) await this.#commit(choice)
      if (signal.aborted) return
      await this.#publish(tasks)
      await stageDone(stage.id)
    }
  }

  async runEndless(): Promise<void> {
    const { signal, pollMs } = this.#options
    const choice = new InputChoice(this.#tasks)
    while (!signal.aborted && !choice.ended) {
      if (await this.#step(choice)) continue
      if (this.#pending > 0 && this.#due()) await this.#commit(choice)
      else if (!choice.ended) {
        if (this.#pending === 0) this.#options.onIdle?.()
        await wait(pollMs, signal)
      }
      choice.wake()
    }
    if (this.#pending > 0) await this.#commit(choice)
  }

  async close(): Promise<void> {
    await this.#committer.settle()
  }

  summary(): WorkerSummary {
    const counts: Record<string, SourceCounts> = {}
    const ends: Record<string, number> = {}
    let [keys, stateBytes] = [0, 0]
    for (const task of this.#tasks) {
      const positions = task.positions()
      for (const [source, count] of Object.entries(positions.counts)) {
        counts[source] = addCounts(counts[source] ?? NO_COUNTS, count)
      }
      for (const input of task.inputs) ends[`${input.topic}/${input.partition}`] = input.next
      for (const { stats } of task.stats()) {
        keys += stats.keys
        stateBytes += stats.bytes
      }
    }
    const decoded = this.#decoded()
    return { records: this.#records, epochs: this.#epochs, decoded, counts, ends, keys, stateBytes }
  }

  #decoded(): Record<string, DecodedRows> {
    return Object.fromEntries(
      Array.from(this.#decoders, ([source, { codec }]) => [source, { ...codec.stats }]),
    )
  }

  #open(stage: Stage, partition: number): Task {
    const { application, state, log, generated } = this.#options
    const id = taskId(application.name, stage.id, partition)
    const task = new Task({
      application,
      planHash: this.#planHash,
      stages: this.#stages,
      stage,
      partition,
      log,
      generated,
      decoder: source => this.#decoder(source),
      sinks: this.#sinks,
    })
    const from = state.restore(id)
    if (from === undefined) return task
    if (from.planHash !== this.#planHash) {
      throw new PlatformError(
        'plan.changed',
        `task "${id}" has state of plan ${from.planHash}, and the application is plan ${this.#planHash}`,
        { hint: 'Run the application it was written by, or begin anew in another data directory.' },
      )
    }
    task.restore(from)
    return task
  }

  #decoder(source: SourceSpec): SourceDecoder {
    let decoder = this.#decoders.get(source.name)
    if (decoder === undefined) {
      const codec = compileCodec(source, { generated: this.#options.generated })
      decoder = new SourceDecoder(source, codec)
      this.#decoders.set(source.name, decoder)
    }
    return decoder
  }

  /** Reads one batch, and commits where an epoch is full; false where nothing is there to read. */
  async #step(choice: InputChoice): Promise<boolean> {
    const chosen = choice.next()
    if (chosen === undefined) return false
    const { task, input } = chosen
    // The whole block, since the log may hand out one at a time.
    do {
      const before = input.next
      const outcome = input.read(this.#batchRows())
      if (outcome !== 'read') {
        choice.stopped(chosen, outcome)
        return true
      }
      task.dirty = true
      if (this.#pending === 0) this.#since = this.#options.clock.monotonicMs()
      this.#pending += Math.max(1, input.next - before)
      if (this.#pending >= this.#options.epochRows || this.#due()) await this.#commit(choice)
    } while (input.holding && !this.#options.signal.aborted)
    return true
  }

  #batchRows(): number {
    const { batchRows, random } = this.#options
    return batchRows === 'random' ? 1 + random.int(BATCH_ROWS_MAX) : batchRows
  }

  /**
   * Whether the epoch is old enough. While the store has one in hand it may grow on: under load
   * fewer and larger epochs cost less, and when there is little to do none waits.
   */
  #due(): boolean {
    const { clock, epochMs } = this.#options
    const ageMs = clock.monotonicMs() - this.#since
    return ageMs >= (this.#committer.applying === 0 ? epochMs : epochMs * BUSY_EPOCHS)
  }

  async #commit(choice: InputChoice): Promise<void> {
    const dirty = this.#tasks.filter(task => task.dirty)
    for (const task of dirty) task.flush(false)
    await this.#prepare(dirty)
    choice.wake()
  }

  /** Publishes what tasks hold as if their input ended here. */
  async #publish(tasks: readonly Task[]): Promise<void> {
    this.#epoch.final = true
    for (const task of tasks) task.flush(true)
    await this.#prepare(tasks)
    this.#epoch.final = false
  }

  async #prepare(tasks: readonly Task[]): Promise<void> {
    const { final, number } = this.#epoch
    await this.#committer.commit({
      epoch: number,
      units: Array.from(this.#sinks.values(), sink => sink.drain()).flat(),
      tasks: tasks.map(task => task.commit()),
      appends: joinAppends(tasks.flatMap(task => task.appends(final))),
    })
    this.#epochs++
    this.#records = this.#tasks
      .flatMap(task => task.inputs)
      .reduce((n, { records }) => n + records, 0)
    this.#pending = 0
    this.#beginEpoch()
    this.#options.onProgress({
      records: this.#records,
      epochs: this.#epochs,
      decoded: this.#decoded(),
    })
  }

  #beginEpoch(): void {
    this.#epoch.number = this.#options.state.reserveEpoch()
  }
}

/** The blocks of all tasks by topic, each partition's in the order its task wrote them. */
function joinAppends(appends: readonly TopicAppend[]): TopicAppend[] {
  const byTopic = new Map<string, AppendBlock[]>()
  for (const { topic, blocks } of appends) {
    const joined = byTopic.get(topic)
    if (joined === undefined) byTopic.set(topic, [...blocks])
    else joined.push(...blocks)
  }
  return Array.from(byTopic, ([topic, blocks]) => ({ topic, blocks }))
}

/** Resolves after `ms`, or as soon as the run is aborted. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
