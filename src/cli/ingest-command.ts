/** `millrace ingest TOPIC FILE… | -`, and the inputs of `millrace run`. */

import { setTimeout as sleep } from 'node:timers/promises'
import { PlatformError } from '#base'
import { type IngestResult, ingest, STANDARD_INPUT } from '#feed'
import { type Application, canonicalJson, readSource, type SourceSpec } from '#plan'
import type { Platform } from './platform.ts'
import { progressLine } from './progress-line.ts'
import { type Context, failWith, grouped, interrupted, printResult } from './terminal.ts'
import { usage } from './usage.ts'
import { loadApplication } from './user-application.ts'

/** How long records of standard input wait for more before they are in the topic. */
const IDLE_MS = 200

export interface IngestCommandOptions {
  readonly topic: string
  readonly files: readonly string[]
  /** The application that declares the topic; not needed once the topic is there. */
  readonly app?: string
  readonly again: boolean
}

/** Creates the topics that an application reads, where they are not there. */
export async function ensureTopics(platform: Platform, application: Application): Promise<void> {
  for (const source of application.sources) {
    await platform.data.log.ensureTopic({
      name: source.name,
      partitions: source.partitions,
      source: canonicalJson(source),
      logBytesMax: null,
    })
  }
}

/** The source that a topic was declared with, by an application given or by what the log recorded. */
async function sourceOf(
  platform: Platform,
  options: IngestCommandOptions,
  context: Context,
): Promise<SourceSpec> {
  const { log } = platform.data
  if (options.app !== undefined) {
    const application = await loadApplication(options.app, context.directory)
    const source = application.sources.find(({ name }) => name === options.topic)
    if (source === undefined)
      throw unknownTopic(
        options.topic,
        application.sources.map(s => s.name),
      )
    await ensureTopics(platform, application)
    return source
  }
  const topics = log.topics().filter(({ source }) => source !== null)
  const recorded = topics.find(({ name }) => name === options.topic)?.source
  if (recorded === undefined || recorded === null) {
    throw unknownTopic(
      options.topic,
      topics.map(({ name }) => name),
    )
  }
  return readSource(recorded)
}

function unknownTopic(topic: string, names: readonly string[]): PlatformError {
  const known = names.length === 0 ? 'There are none yet.' : `There are ${names.join(', ')}.`
  return new PlatformError('topic.unknown', `no topic "${topic}"`, {
    hint: `${known} A topic is made by the application that declares it: add --app FILE.`,
  })
}

/** Adds files to a topic, with progress on a terminal. */
export async function ingestInto(
  platform: Platform,
  source: SourceSpec,
  inputs: readonly string[],
  again: boolean,
  context: Context,
): Promise<IngestResult> {
  const { clock, metrics } = platform.options
  const line = progressLine(context, clock, source.name, 'bytes')
  try {
    const result = await ingest({
      log: platform.data.log,
      source,
      clock,
      inputs,
      stdin: context.input,
      idle: () => sleep(IDLE_MS),
      again,
      signal: context.signal,
      progress: ({ file, phase, bytesRead, bytesTotal, records }) => {
        const note =
          phase === 'check' ? `  checking ${file}` : `  ${grouped(records)} records  ${file}`
        line.update(bytesRead, bytesTotal ?? undefined, note)
      },
    })
    for (const [reason, count] of Object.entries(result.deadLetters)) {
      metrics.add('millrace_dead_letters_total', count, { topic: source.name, reason })
    }
    return result
  } finally {
    line.end()
  }
}

export async function ingestCommand(
  platform: Platform,
  options: IngestCommandOptions,
  context: Context,
): Promise<void> {
  const source = await sourceOf(platform, options, context)
  const result = await ingestInto(
    platform,
    source,
    resolved(options.files, context),
    options.again,
    context,
  )
  for (const note of result.notes) context.say(`${note}\n`)
  if (result.interrupted) {
    failWith(context, result, () => ingestText(result), stopped(options))
  }
  printResult(context, result, () => ingestText(result))
}

function stopped({ topic, files }: IngestCommandOptions): PlatformError {
  if (!files.includes(STANDARD_INPUT)) return interrupted(`the ingest into "${topic}"`)
  return new PlatformError('interrupted', `the ingest into "${topic}" was interrupted`, {
    hint: 'What was counted is in the topic, and standard input cannot resume: send only the rest.',
  })
}

/** Refuses to read standard input twice. */
export function oneStandardInput(): PlatformError {
  return usage('standard input is named twice', 'It can be read once: name "-" once, or files.')
}

/** Paths as the caller meant them, whoever carries the command out. */
export function resolved(files: readonly string[], context: Context): string[] {
  return files.map(file =>
    file === STANDARD_INPUT || file.startsWith('/') ? file : `${context.directory}/${file}`,
  )
}

/** One line: what came, what of it can be used, how fast. */
export function ingestText(result: IngestResult): string {
  const dead = Object.entries(result.deadLetters)
  const letters = dead.reduce((sum, [, count]) => sum + count, 0)
  const reasons = dead.map(([reason, count]) => `${reason} ${grouped(count)}`).join(', ')
  const rejected =
    letters === 0 ? 'no dead letters' : `${grouped(letters)} dead letters (${reasons})`
  const rate = `${grouped(result.recordsPerSecond)} records/s`
  return `${result.topic}: ${grouped(result.records)} records, ${grouped(result.accepted)} accepted, ${rejected}, ${grouped(result.elapsedMs)} ms, ${rate}\n`
}
