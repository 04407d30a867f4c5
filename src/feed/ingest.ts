/**
 * Files and standard input into a topic, each record's own bytes, exactly once per file.
 *
 * A file is known by its base name and the SHA-256 of its raw bytes. The line reached is committed
 * with the blocks, so that an ingest that was killed goes on where the log ends, and a file that is
 * there adds nothing. Of a stream nothing is known: it is read once and cannot resume.
 */

import { type Clock, PlatformError } from '#base'
import { csvHeader, matchHeader, readHeaderNames } from '#format'
import type { SourceSpec } from '#plan'
import type { Log } from '#ports'
import { otherContents, progressKey, readProgress } from './feed-progress.ts'
import { fileText, findInput, type InputFile, identify, streamText } from './input-file.ts'
import { RecordSplitter } from './record-splitter.ts'
import { RecordStage } from './record-stage.ts'
import { type Counts, Tally } from './tally.ts'
import { TopicAppender } from './topic-appender.ts'
import { refuseWrongInput } from './wrong-input.ts'

/** Records decoded at a time. */
const STAGE_RECORDS = 1024

/** Name of standard input among inputs, and in `_file`. */
export const STANDARD_INPUT = '-'

export interface IngestOptions {
  /** The topic of `source` must be there (`ensureTopic`). */
  readonly log: Log
  readonly source: SourceSpec
  readonly clock: Clock
  /** Paths in the order they are added, or `-` for `stdin`. */
  readonly inputs: readonly string[]
  readonly stdin?: AsyncIterable<Uint8Array>
  /**
   * Resolves after the time that records of `stdin` may wait for more of them; what has come is
   * appended then. Without it they wait until a block is full.
   */
  readonly idle?: () => Promise<void>
  /** Adds files that are there completely once more. Default false. */
  readonly again?: boolean
  /** Whether codecs are generated code. Default true. */
  readonly generated?: boolean
  /** Stops after the records read so far are committed. */
  readonly signal?: AbortSignal
  /** Called about once a MiB of input. */
  readonly progress?: (state: IngestProgress) => void
}

export interface IngestProgress {
  readonly file: string
  /** `check` hashes a file and looks whether it is whole; `read` adds it. */
  readonly phase: 'check' | 'read'
  /** Raw bytes of this input and phase; the total is null for standard input. */
  readonly bytesRead: number
  readonly bytesTotal: number | null
  /** Records of this input added in this run. */
  readonly records: number
}

export interface InputResult extends Counts {
  readonly file: string
  /** Null for standard input. */
  readonly sha256: string | null
  readonly outcome: 'added' | 'skipped' | 'interrupted'
  /** The line behind which an earlier ingest was continued; null for a new input. */
  readonly resumedBehindLine: number | null
  readonly blankLines: number
}

/** What the command prints; counts are of this run. */
export interface IngestResult extends Counts {
  readonly topic: string
  readonly blankLines: number
  /** Files that were there completely. */
  readonly skippedFiles: readonly string[]
  readonly interrupted: boolean
  /** Sentences for people: what was skipped or continued, and what looks wrong. */
  readonly notes: readonly string[]
  readonly files: readonly InputResult[]
  readonly elapsedMs: number
  readonly recordsPerSecond: number
}

/**
 * Adds the records of `inputs` to the topic of `source`, and resolves when they are durable. All
 * inputs are looked up before the first is read. Bad records are appended too, and counted.
 *
 * @throws PlatformError `input.not_found`, `input.permission`, `input.format` for what is no such
 * file, `input.compressed` for a damaged one (nothing of it is added), `input.unknown_column` where
 * a header lacks declared columns; and what `Log.append` throws
 */
export async function ingest(options: IngestOptions): Promise<IngestResult> {
  const { clock, source } = options
  const startedMs = clock.monotonicMs()
  const found = new Map<string, InputFile>()
  for (const path of options.inputs) {
    if (path !== STANDARD_INPUT) found.set(path, await findInput(path))
  }
  const { log, generated = true } = options
  const appender = new TopicAppender({ log, source, clock, generated }, STAGE_RECORDS)
  const notes: string[] = []
  const files: InputResult[] = []
  for (const path of options.inputs) {
    if (options.signal?.aborted === true) break
    const file = found.get(path)
    const result =
      file === undefined
        ? await ingestStream(options, appender, notes)
        : await ingestFile(options, appender, file, notes)
    if (result.records > 0 && result.accepted === 0) {
      notes.push(`No record of "${result.file}" was accepted: is it a file of this topic?`)
    }
    files.push(result)
  }
  const total = new Tally()
  for (const file of files) total.add(file)
  const elapsedMs = clock.monotonicMs() - startedMs
  return {
    topic: source.name,
    ...total.counts(),
    blankLines: files.reduce((sum, file) => sum + file.blankLines, 0),
    skippedFiles: files.filter(file => file.outcome === 'skipped').map(file => file.file),
    interrupted: options.signal?.aborted === true,
    notes,
    files,
    elapsedMs: Math.round(elapsedMs),
    recordsPerSecond: elapsedMs > 0 ? Math.round((total.records * 1000) / elapsedMs) : 0,
  }
}

async function ingestFile(
  options: IngestOptions,
  appender: TopicAppender,
  file: InputFile,
  notes: string[],
): Promise<InputResult> {
  const { log, source } = options
  const { base } = file
  const report = reporter(options, appender, base, file.bytes)
  const identity = await identify(file, { signal: options.signal, seen: report('check') })
  if (identity === undefined) return untouched(base, null, 'interrupted')
  const { sha256, compression } = identity
  const key = progressKey(source.name, base, sha256)
  const known = readProgress(log, key)
  if (known?.complete === true && options.again !== true) {
    notes.push(
      `"${base}" with this content is in the topic already (${known.records} records): nothing was added. To add it once more, say --again.`,
    )
    return untouched(base, sha256, 'skipped')
  }
  for (const other of otherContents(log, source.name, base, sha256)) {
    notes.push(
      `A file "${base}" with other content (SHA-256 ${other.sha256.slice(0, 16)}…, ${other.progress.records} records) is in the topic: this one is added beside it.`,
    )
  }
  const before = known?.complete === false ? known : undefined
  if (before !== undefined) {
    notes.push(`"${base}" is continued behind line ${before.line}, where an ingest had stopped.`)
  }
  appender.begin({ headers: { file: base }, key, before })
  const text = fileText(file, compression, report('read'))
  const read = await readRecords(options, appender, text, base, before?.line ?? 0)
  const resumedBehindLine = before?.line ?? null
  return { file: base, sha256, resumedBehindLine, ...read, ...appender.counts() }
}

/** The result of an input of which nothing was added. */
function untouched(
  file: string,
  sha256: string | null,
  outcome: InputResult['outcome'],
): InputResult {
  const counts = new Tally().counts()
  return { file, sha256, outcome, resumedBehindLine: null, blankLines: 0, ...counts }
}

async function ingestStream(
  options: IngestOptions,
  appender: TopicAppender,
  notes: string[],
): Promise<InputResult> {
  const { stdin } = options
  if (stdin === undefined) {
    throw new PlatformError('usage', 'standard input is not there to be read', {
      hint: 'Name files instead of -.',
    })
  }
  notes.push('Standard input cannot resume: sent again, its records are added again.')
  const report = reporter(options, appender, STANDARD_INPUT, null)
  appender.begin({ headers: { file: STANDARD_INPUT }, key: undefined, before: undefined })
  const text = pausing(streamText(stdin, 'standard input', report('read')), options.idle)
  const read = await readRecords(options, appender, text, STANDARD_INPUT, 0)
  const file = STANDARD_INPUT
  return { file, sha256: null, resumedBehindLine: null, ...read, ...appender.counts() }
}

/** Reads the records of a text into the appender, and commits the last of them. */
async function readRecords(
  options: IngestOptions,
  appender: TopicAppender,
  text: AsyncIterable<Uint8Array | undefined>,
  name: string,
  behindLine: number,
): Promise<Pick<InputResult, 'outcome' | 'blankLines'>> {
  const { format } = options.source
  const splitter = new RecordSplitter({ csv: format.kind === 'csv' ? format : undefined })
  const stage = new RecordStage(STAGE_RECORDS)
  let headed = format.kind === 'csv' && format.header
  const drain = async (): Promise<void> => {
    if (headed && splitter.take(stage, 1)) {
      headed = false
      appender.addHeaders(headerOf(options.source, stage, name))
      stage.clear()
    }
    if (headed) return
    splitter.skipThroughLine = behindLine
    while (options.signal?.aborted !== true && splitter.take(stage)) {
      await appender.add(stage)
      stage.clear()
    }
  }
  let first = true
  for await (const chunk of text) {
    if (chunk === undefined) {
      if (!headed) await appender.add(stage)
      if (!headed) stage.clear()
      await appender.finish(false)
      continue
    }
    if (first) refuseWrongInput(chunk, format, name)
    first = false
    splitter.push(chunk)
    await drain()
    if (options.signal?.aborted === true) break
  }
  const interrupted = options.signal?.aborted === true
  if (!interrupted) {
    splitter.finish()
    await drain()
  }
  await appender.finish(!interrupted)
  return { outcome: interrupted ? 'interrupted' : 'added', blankLines: splitter.blankLines }
}

/** The chunks of a stream, and undefined where none has come for the time of `idle`. */
async function* pausing(
  text: AsyncIterable<Uint8Array>,
  idle: (() => Promise<void>) | undefined,
): AsyncGenerator<Uint8Array | undefined> {
  if (idle === undefined) return yield* text
  const chunks = text[Symbol.asyncIterator]()
  for (;;) {
    const next = chunks.next()
    const passed = idle().then(() => undefined)
    if ((await Promise.race([next, passed])) === undefined) yield undefined
    const { done, value } = await next
    if (done === true) return
    yield value
  }
}

/** Headers of the blocks of a CSV file, from its first record. */
function headerOf(
  source: SourceSpec,
  stage: RecordStage,
  name: string,
): Readonly<Record<string, string>> {
  const { format } = source
  if (format.kind !== 'csv') return {}
  const record = stage.values.toString('utf8', 0, stage.used)
  const names = readHeaderNames(format, record) ?? [record]
  const { fingerprint, columns } = csvHeader(names)
  const declared = source.raw.map(column => column.name)
  const { missing, ambiguous } = matchHeader(declared, names)
  const absent = missing[0] ?? ambiguous[0]
  if (absent !== undefined) {
    const what = missing.length > 0 ? 'no column' : 'several columns'
    const listed = (missing.length > 0 ? missing : ambiguous).join('", "')
    const other = [',', '\t', ';', '|'].find(
      byte => byte !== format.delimiter && names.length === 1 && record.includes(byte),
    )
    const delimiter = other === '\t' ? 'a tab' : `"${other}"`
    const hint = other === undefined ? '' : ` Its delimiter may be ${delimiter}.`
    throw new PlatformError('input.unknown_column', `${what} "${listed}" in "${name}"`, {
      hint: `Its header has "${names.slice(0, 50).join('", "')}".${hint}`,
    })
  }
  return { header: fingerprint, columns }
}

/** Makes the callbacks that count bytes of each phase. */
function reporter(
  options: IngestOptions,
  appender: TopicAppender,
  file: string,
  bytesTotal: number | null,
): (phase: IngestProgress['phase']) => (bytes: number) => void {
  return phase => {
    let bytesRead = 0
    return bytes => {
      bytesRead += bytes
      const records = phase === 'check' ? 0 : appender.records
      options.progress?.({ file, phase, bytesRead, bytesTotal, records })
    }
  }
}
