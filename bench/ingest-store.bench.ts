/**
 * Claim: 1 M clicks of 350 bytes that lie in the log become verified ClickHouse rows at 200,000
 * events per second or more, all processes on this machine. Goal 500,000.
 *
 * The platform as users run it: main, one engine worker, the store. The clock runs from the start of
 * the workers' pool to the last epoch's verification; store and tables are there before. Every row
 * of both tables is then counted in the store. Reading the file into the log (`millrace ingest`) is
 * measured by itself. CPU time is that of all processes, from /proc.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { invariant, systemClock } from '#base'
import { createLogger, createMetrics } from '#observe'
import type { WorkerSummary } from '#runtime'
import type { BenchResult } from '../src/cli/bench-command.ts'
import { openApplier } from '../src/cli/epoch-applier.ts'
import { ensureTopics, ingestInto } from '../src/cli/ingest-command.ts'
import { openPlatform, type Platform } from '../src/cli/platform.ts'
import { tuningOf } from '../src/cli/run-command.ts'
import type { Context } from '../src/cli/terminal.ts'
import { runWorkers } from '../src/cli/workers/worker-pool.ts'
import { inTemporaryDirectory, writeClicks } from './click-log.ts'
import { app } from './clicks-app.ts'

export const claim = '200,000 events per second or more, log to verified rows; goal 500,000'

const APP = join(import.meta.dirname, 'clicks-app.ts')
const ROUNDS = 3
const STORE_MEMORY_BYTES = 2_000_000_000
/** Of /proc: USER_HZ, 100 on every Linux that Node runs on. */
const TICK_MS = 10

const CONTEXT: Context = {
  directory: '/',
  json: true,
  interactive: false,
  signal: new AbortController().signal,
  out: () => undefined,
  say: () => undefined,
  ready: async () => undefined,
  input: (async function* () {})(),
}

interface Round {
  readonly ingestPerSecond: number
  readonly ingestCpuMs: number
  readonly elapsedMs: number
  readonly cpuMs: number
  readonly storeCpuMs: number
  readonly summary: WorkerSummary
  readonly rows: Readonly<Record<string, number>>
}

export async function run({ events = 1_000_000 }: { events?: number }): Promise<BenchResult> {
  return inTemporaryDirectory(async directory => {
    const file = writeClicks(join(directory, 'clicks.jsonl'), events)
    const rounds: Round[] = []
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push(await round(join(directory, `data-${i}`), file.path))
    }
    const best = rounds.reduce((a, b) => (b.elapsedMs < a.elapsedMs ? b : a))
    return {
      bench: 'ingest-store',
      events,
      elapsedMs: best.elapsedMs,
      eventsPerSecond: (events / best.elapsedMs) * 1000,
      cpuMs: best.cpuMs,
      eventsPerCpuSecond: (events / best.cpuMs) * 1000,
      rssMaxBytes: process.resourceUsage().maxRSS * 1024,
      details: {
        storeCpuMs: best.storeCpuMs,
        engineCpuMs: best.cpuMs - best.storeCpuMs,
        rows: best.rows,
        counts: best.summary.counts['clicks'],
        epochs: best.summary.epochs,
        elapsedMsOfRounds: rounds.map(each => Math.round(each.elapsedMs)),
        ingestEventsPerSecond: Math.max(...rounds.map(each => each.ingestPerSecond)),
        ingestEventsPerCpuSecond:
          (events / Math.min(...rounds.map(each => each.ingestCpuMs))) * 1000,
        bytesPerEvent: file.bytes / events,
      },
    }
  })
}

/** A data directory of its own: the file into the log, then the log into the store. */
async function round(data: string, file: string): Promise<Round> {
  await using platform = openPlatform('/', {
    data,
    storeMemoryBytes: STORE_MEMORY_BYTES,
    storeStopMs: 0,
    clock: systemClock,
    logger: createLogger({ level: 'warn' }),
    metrics: createMetrics(),
  })
  const source = app.sources[0]
  invariant(source !== undefined, 'the application has a source')
  await ensureTopics(platform, app)
  const ingestCpu = cpuMsOf('self')
  const ingested = await ingestInto(platform, source, [file], false, CONTEXT)
  const ingestCpuMs = cpuMsOf('self') - ingestCpu
  const store = await platform.store()
  const applier = await openApplier(platform, {
    application: app,
    destructive: false,
    keep: false,
    signal: CONTEXT.signal,
    onMigration: () => undefined,
    at: () => undefined,
  })
  const storeCpu = cpuMsOf(String(store.pid))
  const ownCpu = cpuMsOf('self')
  const begin = systemClock.monotonicMs()
  const [summary] = await runWorkers({
    application: app,
    path: APP,
    data: platform.data.path,
    parallelism: 1,
    tuning: tuningOf(true),
    diskReserveBytes: null,
    signal: CONTEXT.signal,
    apply: manifest => applier.apply(manifest),
    onProgress: () => undefined,
  })
  const elapsedMs = systemClock.monotonicMs() - begin
  const storeCpuMs = cpuMsOf(String(store.pid)) - storeCpu
  const ownCpuMs = cpuMsOf('self') - ownCpu
  invariant(summary !== undefined, 'the worker has ended')
  return {
    ingestPerSecond: ingested.recordsPerSecond,
    ingestCpuMs,
    elapsedMs,
    cpuMs: ownCpuMs + storeCpuMs,
    storeCpuMs,
    summary,
    rows: await countRows(platform, summary),
  }
}

/** Rows in the store by table; those of the append-only one must be every accepted click once. */
async function countRows(
  platform: Platform,
  { counts }: WorkerSummary,
): Promise<Readonly<Record<string, number>>> {
  const client = (await platform.store()).client('reader')
  const rows: Record<string, number> = {}
  for (const { name } of app.tables) {
    const found = await client.rows(`SELECT count() FROM app.${name}`)
    rows[name] = Number(found[0]?.[0])
  }
  const topic = counts['clicks']
  invariant(topic !== undefined, 'the topic was read')
  const wanted = topic.accepted - topic.duplicates
  invariant(rows['clicks'] === wanted, `${rows['clicks']} clicks in the store, not ${wanted}`)
  return rows
}

/** User and system time of a process, its threads, and its children that have ended. */
function cpuMsOf(pid: string): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS
}
