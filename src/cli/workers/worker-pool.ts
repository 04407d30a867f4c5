/**
 * The engine workers of a run: one process for each group of partitions, started, told, awaited.
 *
 * A worker prepares epochs; main applies them and says so. When a worker ends before its time the
 * run ends with `worker.failed`: nothing is lost, since the next run goes on from what is committed.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PlatformError } from '#base'
import { type Application, analyse } from '#plan'
import type { Manifest } from '#ports'
import type { WorkerProgress, WorkerSummary } from '#runtime'
import type { FromWorker, ToWorker, WorkerTuning } from './worker-messages.ts'

export interface PoolOptions {
  readonly application: Application
  /** The application's file, absolute. */
  readonly path: string
  /** The data directory, absolute. */
  readonly data: string
  readonly parallelism: number
  readonly tuning: WorkerTuning
  readonly diskReserveBytes: number | null
  readonly signal: AbortSignal
  readonly apply: (manifest: Manifest) => Promise<void>
  readonly onProgress: (progress: WorkerProgress) => void
}

/** Runs the workers to their end, or until the signal stops them. Their summaries, by worker. */
export async function runWorkers(options: PoolOptions): Promise<WorkerSummary[]> {
  const pool = new Pool(options)
  return pool.run()
}

const ENTRY = fileURLToPath(new URL('./worker-process.ts', import.meta.url))

class Pool {
  readonly #options: PoolOptions
  readonly #children: ChildProcess[] = []
  readonly #progress: WorkerProgress[]
  /** By stage, workers whose tasks of it have ended. */
  readonly #ended = new Map<number, number>()
  readonly #summaries: WorkerSummary[] = []

  constructor(options: PoolOptions) {
    this.#options = options
    this.#progress = Array.from({ length: options.parallelism }, () => ({
      records: 0,
      epochs: 0,
      decoded: {},
    }))
  }

  async run(): Promise<WorkerSummary[]> {
    const { parallelism, signal } = this.#options
    const stop = (): void => this.#broadcast({ kind: 'stop' })
    signal.addEventListener('abort', stop)
    try {
      await Promise.all(Array.from({ length: parallelism }, (_, worker) => this.#runOne(worker)))
    } catch (error) {
      for (const child of this.#children) child.kill('SIGKILL')
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
    return this.#summaries
  }

  #runOne(worker: number): Promise<void> {
    const { application, path, data, parallelism, tuning, diskReserveBytes } = this.#options
    const child = fork(ENTRY, [], { serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] })
    this.#children.push(child)
    const partitions = analyse(application).map(stage =>
      Array.from({ length: stage.partitions }, (_, p) => p).filter(p => p % parallelism === worker),
    )
    tell(child, { kind: 'start', path, data, worker, partitions, tuning, diskReserveBytes })
    if (this.#options.signal.aborted) tell(child, { kind: 'stop' })
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        this.#take(worker, child, message).catch(reject)
      })
      child.on('error', reject)
      child.on('exit', (code, signal) => {
        if (this.#summaries[worker] !== undefined) resolve()
        else reject(ended(worker, code, signal))
      })
    })
  }

  async #take(worker: number, child: ChildProcess, message: FromWorker): Promise<void> {
    switch (message.kind) {
      case 'prepared':
        await this.#options.apply(message.manifest)
        tell(child, { kind: 'applied', epoch: message.manifest.epoch })
        return
      case 'stage': {
        const count = (this.#ended.get(message.stage) ?? 0) + 1
        this.#ended.set(message.stage, count)
        if (count === this.#options.parallelism) this.#broadcast(message)
        return
      }
      case 'progress':
        this.#progress[worker] = message.progress
        this.#options.onProgress(
          this.#progress.reduce((sum, one) => ({
            records: sum.records + one.records,
            epochs: sum.epochs + one.epochs,
            decoded: addDecoded(sum.decoded, one.decoded),
          })),
        )
        return
      case 'done':
        this.#summaries[worker] = message.summary
        return
      case 'failed':
        throw failure(worker, message)
    }
  }

  #broadcast(message: ToWorker): void {
    for (const child of this.#children) tell(child, message)
  }
}

/** Rows decoded by several workers, by source. */
export function addDecoded(
  a: WorkerProgress['decoded'],
  b: WorkerProgress['decoded'],
): WorkerProgress['decoded'] {
  const sum = { ...a }
  for (const [source, { rows, fallbackRows }] of Object.entries(b)) {
    const before = sum[source] ?? { rows: 0, fallbackRows: 0 }
    sum[source] = {
      rows: before.rows + rows,
      fallbackRows: before.fallbackRows + fallbackRows,
    }
  }
  return sum
}

function tell(child: ChildProcess, message: ToWorker): void {
  // A worker that has ended since is noticed by its exit.
  if (child.connected) child.send(message, () => undefined)
}

function failure(worker: number, said: Extract<FromWorker, { kind: 'failed' }>): Error {
  if (said.code !== null) {
    return new PlatformError(said.code, said.message, said.hint === null ? {} : { hint: said.hint })
  }
  const error = new Error(`worker ${worker}: ${said.message}`)
  error.stack = said.stack
  return error
}

function ended(worker: number, code: number | null, signal: string | null): PlatformError {
  const how = signal === null ? `with code ${code}` : `by ${signal}`
  return new PlatformError('worker.failed', `engine worker ${worker} ended ${how}`, {
    hint: 'Nothing that was committed is lost: run the same command again.',
  })
}
