/**
 * `millrace run APP`: ingests the inputs, runs the pipelines over what the log holds, and says what
 * each table holds then. `--bounded` ends where the log ends; else it goes on until stopped.
 */

import { PlatformError } from '#base'
import { tableRows } from '#clickhouse'
import { STANDARD_INPUT } from '#feed'
import { canonicalTable } from '#format'
import { type Application, explain, type TableSpec } from '#plan'
import {
  addCounts,
  NO_COUNTS,
  type SourceCounts,
  type WorkerProgress,
  type WorkerSummary,
} from '#runtime'
import { crashAt, crashPlan } from './config.ts'
import { type EpochApplier, openApplier } from './epoch-applier.ts'
import {
  ensureTopics,
  ingestInto,
  ingestText,
  oneStandardInput,
  resolved,
} from './ingest-command.ts'
import type { Platform } from './platform.ts'
import { progressLine } from './progress-line.ts'
import { type Context, grouped, interrupted, printResult, textTable } from './terminal.ts'
import { applicationPath, loadApplication } from './user-application.ts'
import type { WorkerTuning } from './workers/worker-messages.ts'
import { runWorkers } from './workers/worker-pool.ts'

export interface RunCommandOptions {
  readonly app: string
  /** `TOPIC=FILE` pairs in the order they were given. */
  readonly inputs: readonly { readonly topic: string; readonly file: string }[]
  readonly again: boolean
  readonly bounded: boolean
  readonly explain: boolean
  readonly parallelism: number
  readonly destructive: boolean
  readonly tuning: Partial<WorkerTuning>
}

export interface TableResult {
  readonly table: string
  readonly rows: number
  readonly sha256: string
}

export interface TopicResult {
  readonly topic: string
  readonly records: number
  readonly accepted: number
  readonly duplicates: number
  readonly late: number
  readonly tooLate: number
  readonly filtered: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
  /** Rows decoded in this run that took the slow path: another shape than was learned. */
  readonly fallbackRows: number
  /** By partition, the offset after the last record read. */
  readonly ends: readonly number[]
}

export interface RunResult {
  readonly app: string
  readonly tables: readonly TableResult[]
  readonly topics: readonly TopicResult[]
  readonly elapsedMs: number
  readonly recordsPerSecond: number
}

const TUNING: WorkerTuning = {
  batchRows: 1024,
  epochRows: 50_000,
  epochMs: 100,
  pollMs: 10,
  preparedMax: 4,
  generated: true,
  bounded: false,
  seed: 1,
}
/** Nobody waits for the rows of a bounded run one by one: its epochs end by their records. */
const BOUNDED_EPOCH_MS = 2_000

/** How workers work where a caller says nothing. */
export function tuningOf(bounded: boolean, given: Partial<WorkerTuning> = {}): WorkerTuning {
  return { ...TUNING, ...(bounded ? { epochMs: BOUNDED_EPOCH_MS } : {}), ...given, bounded }
}

/** Looks at everything that was said before it opens anything. */
export async function runCommand(
  open: () => Platform,
  options: RunCommandOptions,
  context: Context,
): Promise<void> {
  const application = await loadApplication(options.app, context.directory)
  checkInputs(application, options)
  if (options.explain) {
    const plan = explain(application)
    printResult(context, { app: application.name, plan }, () => plan)
    return
  }
  await using platform = open()
  const result = await runApplication(platform, application, options, context)
  printResult(context, result, () => runText(result))
}

function checkInputs(application: Application, { inputs }: RunCommandOptions): void {
  const names = application.sources.map(({ name }) => name)
  const unknown = inputs.find(({ topic }) => !names.includes(topic))
  if (unknown !== undefined) {
    throw new PlatformError(
      'topic.unknown',
      `application "${application.name}" reads no topic "${unknown.topic}"`,
      { hint: `It reads ${names.join(', ')}: use --input ${names[0]}=FILE.` },
    )
  }
  if (inputs.filter(({ file }) => file === STANDARD_INPUT).length > 1) throw oneStandardInput()
}

/** Runs an application to the end of its log, or until the context's signal. */
export async function runApplication(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
): Promise<RunResult> {
  const { clock } = platform.options
  const begin = clock.monotonicMs()
  await ensureTopics(platform, application)
  const { applier, summaries } = options.bounded
    ? await ingestThenRun(platform, application, options, context)
    : await runEndless(platform, application, options, context)
  if (options.bounded) refuseInterrupted(context)
  await applier.trim()
  const elapsedMs = clock.monotonicMs() - begin
  const records = summaries.reduce((sum, summary) => sum + summary.records, 0)
  return {
    app: application.name,
    // An endless run was stopped by hand: who stops it does not want to wait for hashes.
    tables: options.bounded ? await hashTables(platform, application.tables) : [],
    topics: topicResults(application, summaries),
    elapsedMs: Math.round(elapsedMs),
    recordsPerSecond: Math.round((records * 1000) / Math.max(1, elapsedMs)),
  }
}

function refuseInterrupted({ signal }: Context): void {
  if (signal.aborted) throw interrupted('the run')
}

interface Ran {
  readonly applier: EpochApplier
  readonly summaries: readonly WorkerSummary[]
}

async function ingestThenRun(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
): Promise<Ran> {
  await ingestInputs(platform, application, options, context)
  refuseInterrupted(context)
  const applier = await open(platform, application, options, context)
  return { applier, summaries: await work(platform, application, options, context, applier) }
}

/** Without an end the pipelines run while the inputs come in. */
async function runEndless(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
): Promise<Ran> {
  const applier = await open(platform, application, options, context)
  const summaries = await together(context, [
    inner => work(platform, application, options, inner, applier),
    async inner => {
      await ingestInputs(platform, application, options, inner)
      return []
    },
  ])
  return { applier, summaries: summaries.flat() }
}

/**
 * Does things at the same time. When one fails the others are stopped, and it throws once all have
 * ended, so that nothing goes on behind a failure.
 */
export async function together<T>(
  context: Context,
  things: readonly ((context: Context) => Promise<T>)[],
): Promise<T[]> {
  const failed = new AbortController()
  const signal = AbortSignal.any([context.signal, failed.signal])
  const running = things.map(thing =>
    thing({ ...context, signal }).catch((error: unknown) => {
      failed.abort(failed.signal.aborted ? undefined : error)
      throw error
    }),
  )
  await Promise.allSettled(running)
  if (failed.signal.aborted) throw failed.signal.reason
  return Promise.all(running)
}

async function ingestInputs(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
): Promise<void> {
  for (const source of application.sources) {
    const files = options.inputs
      .filter(({ topic }) => topic === source.name)
      .map(({ file }) => file)
    if (files.length === 0) continue
    const result = await ingestInto(
      platform,
      source,
      resolved(files, context),
      options.again,
      context,
    )
    for (const note of result.notes) context.say(`${note}\n`)
    if (result.interrupted) return
    if (!context.json) context.say(ingestText(result))
  }
}

function open(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
): Promise<EpochApplier> {
  return openApplier(platform, {
    application,
    destructive: options.destructive,
    keep: !options.bounded,
    signal: context.signal,
    onMigration: changes => {
      for (const { table, description } of changes) {
        if (!context.json) context.say(`table ${table}: ${description}\n`)
      }
    },
    at: crashAt(crashPlan(), { main: () => process.pid, store: () => platform.storePid() }),
  })
}

async function work(
  platform: Platform,
  application: Application,
  options: RunCommandOptions,
  context: Context,
  applier: EpochApplier,
): Promise<WorkerSummary[]> {
  const { clock, diskReserveBytes = null } = platform.options
  const total = backlog(platform, application)
  const line = progressLine(context, clock, application.name, 'records')
  try {
    return await runWorkers({
      application,
      path: applicationPath(options.app, context.directory),
      data: platform.data.path,
      parallelism: options.parallelism,
      tuning: tuningOf(options.bounded, options.tuning),
      diskReserveBytes,
      signal: context.signal,
      apply: manifest => applier.apply(manifest),
      onProgress: progress => {
        line.update(progress.records, options.bounded ? total : undefined)
        countDecoded(platform, progress.decoded)
      },
    })
  } finally {
    line.end()
  }
}

/** Sets what the workers of a run have decoded so far, all of them together. */
function countDecoded({ options }: Platform, decoded: WorkerProgress['decoded']): void {
  for (const [topic, { rows, fallbackRows }] of Object.entries(decoded)) {
    options.metrics.set('millrace_decoded_rows', rows, { topic })
    options.metrics.set('millrace_decode_fallback_rows', fallbackRows, { topic })
  }
}

/** Records of the sources' topics, for the progress line. */
function backlog(platform: Platform, application: Application): number {
  return application.sources
    .flatMap(({ name }) => platform.data.log.topic(name).extents)
    .reduce((sum, { start, end }) => sum + end - start, 0)
}

/** Rows and canonical hash of each table as it stands, settled rows only. */
export async function hashTables(
  platform: Platform,
  tables: readonly TableSpec[],
): Promise<TableResult[]> {
  const client = (await platform.store()).client('reader')
  const results: TableResult[] = []
  for (const table of tables) {
    const parts: Buffer[] = []
    for await (const part of tableRows(client, table, { settledOnly: true })) parts.push(part)
    const { rows, sha256 } = canonicalTable(
      { schema: table.schema, key: table.key },
      Buffer.concat(parts),
    )
    results.push({ table: table.name, rows, sha256 })
  }
  return results
}

function topicResults(
  application: Application,
  summaries: readonly WorkerSummary[],
): TopicResult[] {
  return application.sources.map(({ name, partitions }) => {
    const counts = summaries
      .map(summary => summary.counts[name] ?? NO_COUNTS)
      .reduce<SourceCounts>(addCounts, NO_COUNTS)
    const ends = Array.from({ length: partitions }, (_, p) =>
      Math.max(...summaries.map(summary => summary.ends[`${name}/${p}`] ?? 0), 0),
    )
    const fallbackRows = summaries.reduce(
      (sum, summary) => sum + (summary.decoded[name]?.fallbackRows ?? 0),
      0,
    )
    return { topic: name, ...counts, fallbackRows, ends }
  })
}

/** One line a table, one a topic. */
function runText(result: RunResult): string {
  const tables = textTable(
    ['table', 'rows', 'sha256'],
    result.tables.map(({ table, rows, sha256 }) => [table, rows, sha256]),
  )
  const topics = textTable(
    ['topic', 'records', 'accepted', 'duplicates', 'late', 'too late', 'filtered', 'dead letters'],
    result.topics.map(topic => [
      topic.topic,
      topic.records,
      topic.accepted,
      topic.duplicates,
      topic.late,
      topic.tooLate,
      total(topic.filtered),
      total(topic.deadLetters),
    ]),
  )
  const reasons = result.topics.flatMap(({ topic, deadLetters }) =>
    Object.entries(deadLetters).map(([reason, count]) => `${topic}: ${reason} ${grouped(count)}\n`),
  )
  const rate = `${grouped(result.elapsedMs)} ms, ${grouped(result.recordsPerSecond)} records/s\n`
  return `${tables}\n${topics}${reasons.join('')}\n${rate}`
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
