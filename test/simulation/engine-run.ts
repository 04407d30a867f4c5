/** Runs `engineApplication` over the ports in memory, with crashes, and reads what it published. */

import { manualClock, type Random, seededRandom, systemClock } from '#base'
import { openMemory } from '#local'
import { type Application, analyse } from '#plan'
import type { Log, LogBlock, Manifest, StateStore } from '#ports'
import { type CrashPoint, runWorker, type Spool, type WorkerSummary } from '#runtime'
import type { Item } from './engine-application.ts'
import { type NativeRow, nativeRows } from './native-rows.ts'

/** A log whose source topics are given, in blocks with gaps of offsets between them. */
export class RecordedLog implements Log {
  readonly #log: Log
  readonly #random: Random
  readonly #topics = new Map<string, LogBlock[][]>()

  constructor(log: Log, random: Random) {
    this.#log = log
    this.#random = random
  }

  /** Adds items to a topic, behind those that it has. */
  record(topic: string, items: readonly (readonly Item[])[]): void {
    const partitions = this.#topics.get(topic) ?? items.map((): LogBlock[] => [])
    this.#topics.set(topic, partitions)
    for (const [partition, list] of items.entries()) {
      const blocks = partitions[partition] as LogBlock[]
      for (let at = 0; at < list.length; ) {
        const last = blocks.at(-1)
        const baseOffset = (last?.baseOffset ?? 0) + (last?.count ?? 0) + this.#random.int(4)
        const block = blockOf(list, at, 1 + this.#random.int(40), { topic, partition, baseOffset })
        blocks.push(block)
        at += block.count
      }
    }
  }

  ensureTopic(spec: Parameters<Log['ensureTopic']>[0]): Promise<void> {
    return this.#log.ensureTopic(spec)
  }

  topics(): ReturnType<Log['topics']> {
    return [...this.#topics.keys()].map(name => this.topic(name))
  }

  topic(name: string): ReturnType<Log['topic']> {
    const partitions = this.#topics.get(name)
    if (partitions === undefined) return this.#log.topic(name)
    const extents = partitions.map(blocks => {
      const last = blocks.at(-1)
      return { start: 0, end: last === undefined ? 0 : last.baseOffset + last.count }
    })
    return { name, partitions: extents.length, source: null, logBytesMax: null, extents, bytes: 0 }
  }

  append(...args: Parameters<Log['append']>): Promise<number[]> {
    return this.#log.append(...args)
  }

  read(topic: string, partition: number, offset: number): LogBlock | undefined {
    const blocks = this.#topics.get(topic)?.[partition]
    if (blocks === undefined) return this.#log.read(topic, partition, offset)
    return blocks.find(block => block.baseOffset + block.count > offset)
  }

  progress(key: string): string | undefined {
    return this.#log.progress(key)
  }

  progressKeys(prefix: string): readonly string[] {
    return this.#log.progressKeys(prefix)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}

function blockOf(
  list: readonly Item[],
  from: number,
  most: number,
  place: Pick<LogBlock, 'topic' | 'partition' | 'baseOffset'>,
): LogBlock {
  const first = list[from] as Item
  const rest = { ...place, appendedAt: 1e12, headers: {}, lines: null }
  if (first.kind === 'mark') {
    const values = new Uint8Array(64)
    return { ...rest, kind: 'mark', markAt: first.at, count: 1, values, ends: Uint32Array.of(0) }
  }
  const records: Buffer[] = []
  for (let at = from; at < list.length && records.length < most; at++) {
    const item = list[at] as Item
    if (item.kind === 'mark') break
    records.push(Buffer.from(item.value))
  }
  let end = 0
  const ends = Uint32Array.from(records, record => (end += record.length))
  const values = Buffer.concat([...records, Buffer.alloc(64)])
  return { ...rest, kind: 'data', markAt: 0, count: records.length, values, ends }
}

export interface EngineOptions {
  readonly batchRows: number | 'random'
  readonly epochRows: number
  readonly workers: number
  readonly generated: boolean
  /** Runs until aborted, or until end marks are everywhere. */
  readonly endless?: AbortSignal
}

export class Crash extends Error {}

/** One data directory in memory, that survives the runs over it. */
export class Engine {
  application: Application
  readonly log: RecordedLog
  readonly state: StateStore
  readonly #files = new Map<string, Uint8Array>()
  readonly #random: Random

  constructor(application: Application, seed: number) {
    const memory = openMemory({ clock: manualClock() })
    this.#random = seededRandom(seed)
    this.application = application
    this.log = new RecordedLog(memory.log, this.#random)
    this.state = memory.state
  }

  /** One bounded run of all workers; `crash` says at which pass of which point it dies. */
  async run(
    options: EngineOptions,
    crash?: { readonly point: CrashPoint; readonly pass: number },
  ): Promise<WorkerSummary[]> {
    const stages = analyse(this.application)
    const barrier = stageBarrier(options.workers)
    let passes = 0
    let dead = false
    const spool: Spool = {
      write: async (epoch, parts) => {
        this.#files.set(`${epoch}`, Buffer.concat(parts))
        return { name: `${epoch}` }
      },
    }
    const workers = Array.from({ length: options.workers }, (_, worker) =>
      runWorker({
        ...options,
        application: this.application,
        codeVersion: 'test',
        worker,
        partitions: stages.map(stage =>
          Array.from({ length: stage.partitions }, (_, p) => p).filter(
            p => p % options.workers === worker,
          ),
        ),
        log: this.log,
        state: this.state,
        spool,
        clock: systemClock,
        random: this.#random,
        epochMs: options.endless === undefined ? 1_000 : 5,
        pollMs: 1,
        preparedMax: 4,
        bounded: options.endless === undefined,
        signal: options.endless ?? new AbortController().signal,
        onPrepared: async () => undefined,
        stageDone: barrier.done,
        onProgress: () => undefined,
        at: point => {
          // All workers die with the first.
          dead ||= crash?.point === point && passes++ === crash.pass
          if (dead) throw new Crash(point)
        },
      }).catch((error: unknown) => {
        barrier.release()
        throw error
      }),
    )
    const outcomes = await Promise.allSettled(workers)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return await Promise.all(workers)
  }

  manifests(): readonly Manifest[] {
    return this.state.prepared()
  }

  /** Every published row of a table, in the order of epochs. */
  published(table: string): NativeRow[] {
    return this.manifests().flatMap(({ spool, units }) => {
      const file = this.#files.get(spool ?? '') ?? new Uint8Array()
      return units
        .filter(unit => unit.table === table)
        .flatMap(unit => nativeRows(file.slice(unit.at, unit.at + unit.bytes)))
    })
  }

  /** What a table holds: its columns as JSON, sorted. */
  table(name: string): string[] {
    const spec = this.application.tables.find(table => table.name === name)
    const columns = spec?.schema.map(entry => entry.name) ?? []
    const current = new Map<string, NativeRow>()
    for (const [index, row] of this.published(name).entries()) {
      const key = spec?.key.map(column => row[column]) ?? []
      current.set(JSON.stringify(key.length === 0 ? index : key), row)
    }
    return [...current.values()]
      .filter(row => row['_deleted'] !== 1)
      .map(row => JSON.stringify(columns.map(column => row[column])))
      .sort()
  }
}

/** Lets a stage begin once all workers have ended the one before. */
function stageBarrier(workers: number) {
  const waiting = new Map<number, (() => void)[]>()
  return {
    done: (stage: number) =>
      new Promise<void>(resolve => {
        const list = waiting.get(stage) ?? []
        waiting.set(stage, list)
        list.push(resolve)
        if (list.length === workers) for (const release of list) release()
      }),
    /** Lets everybody go on, to die at the next named point. */
    release: () => {
      for (const list of waiting.values()) for (const release of list) release()
    },
  }
}
