/** The inputs of the one-answer matrix: an application, its recorded log, and what it may claim. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manualClock, type Random, seededRandom } from '#base'
import { ingest } from '#feed'
import { openMemory } from '#local'
import type { Application } from '#plan'
import { type Recorded, type Recording, record } from '../../src/cli/parity/recorded.ts'
import { realFiles } from '../integration/real-data.ts'
import { type StreamName, streamLines } from './streams.ts'

export interface Input {
  readonly name: string
  readonly application: Application
  readonly recording: Recording
  /** Whether the answer may depend on where in the log rows of equal time stand. */
  readonly arrivalMatters: boolean
  /** Whether copies of a record change nothing. */
  readonly dedupes: boolean
}

/** When generated records were appended: after all of them happened. */
const APPENDED_AT_US = Date.UTC(2026, 5, 1) * 1000

/** Of each generated input: where its application is, and what it may claim. */
const GENERATED: Readonly<
  Record<
    StreamName,
    { readonly app: string; readonly arrivalMatters?: true; readonly copiesCount?: true }
  >
> = {
  shop: { app: '../support/shop-app.ts' },
  tiers: { app: './apps/tiers.ts' },
  pairs: { app: './apps/pairs.ts' },
  turns: { app: './apps/turns.ts', arrivalMatters: true },
  tides: { app: './apps/tides.ts', copiesCount: true },
  doors: { app: './apps/doors.ts' },
  places: { app: './apps/places.ts', arrivalMatters: true, copiesCount: true },
}

export const GENERATED_NAMES = Object.keys(GENERATED) as StreamName[]

/** A generated input of `count` records. */
export async function generatedInput(
  name: StreamName,
  seed: number,
  count: number,
): Promise<Input> {
  const { app, arrivalMatters = false, copiesCount = false } = GENERATED[name]
  const { app: application } = (await import(app)) as { readonly app: Application }
  const lines = streamLines(name, seed, count)
  const directory = mkdtempSync(join(tmpdir(), 'millrace-parity-'))
  try {
    const files = Object.entries(lines).map(([topic, list]) => {
      const file = join(directory, `${topic}.txt`)
      writeFileSync(file, `${list.join('\n')}\n`)
      return [topic, [file]] as const
    })
    const whole = await recordedFiles(application, new Map(files), APPENDED_AT_US)
    const recording = withMarks(whole, seededRandom(seed))
    return { name, application, recording, arrivalMatters, dedupes: !copiesCount }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Of each real input: its application, its files by topic, and what it may claim. */
const REAL: Readonly<
  Record<
    string,
    {
      readonly app: string
      readonly files: () => Readonly<Record<string, readonly string[]>>
      readonly copiesCount?: true
    }
  >
> = {
  'online-retail': {
    app: '../integration/apps/online-retail.ts',
    files: () => ({ sales: realFiles('online-retail', '.csv.gz') }),
  },
  yoochoose: {
    app: '../integration/apps/yoochoose.ts',
    files: () => ({ clicks: realFiles('clickstream', 'train_full.txt.gz') }),
    copiesCount: true,
  },
  rees46: {
    app: '../integration/apps/rees46.ts',
    files: () => ({ events: realFiles('clickstream', 'sample.csv') }),
  },
  binance: {
    app: '../integration/apps/binance.ts',
    files: () => {
      const files = realFiles('binance-ws', 'usdm-btcusdt_20240808.gz')
      return { frames: files, strict: files }
    },
    copiesCount: true,
  },
}

export const REAL_NAMES = Object.keys(REAL)

/** A real input, whole or of its first records. */
export async function realInput(name: string, recordsMax = Infinity): Promise<Input> {
  const { app, files, copiesCount = false } = REAL[name] ?? {}
  if (app === undefined || files === undefined) throw new Error(`no input is named "${name}"`)
  const { app: application } = (await import(app)) as { readonly app: Application }
  const paths = new Map(Object.entries(files()))
  const whole = await recordedFiles(application, paths, APPENDED_AT_US)
  const each = recordsMax / application.sources.length
  const recording = new Map(Array.from(whole, ([topic, list]) => [topic, firstRecords(list, each)]))
  return { name, application, recording, arrivalMatters: false, dedupes: !copiesCount }
}

/** The first records of a topic in the order of its files and their lines, wherever they lie. */
function firstRecords(
  partitions: readonly (readonly Recorded[])[],
  count: number,
): readonly (readonly Recorded[])[] {
  const place = ({ headers, line }: Recorded): string =>
    `${headers['file']} ${String(line).padStart(12, '0')}`
  const end = partitions.flat().map(place).sort()[count]
  if (end === undefined) return partitions
  return partitions.map(list => list.filter(one => place(one) < end))
}

/** What the log holds once `files`, by topic, have been ingested. */
export async function recordedFiles(
  application: Application,
  files: ReadonlyMap<string, readonly string[]>,
  appendedAtUs: number,
): Promise<Recording> {
  const clock = manualClock(appendedAtUs)
  const { log } = openMemory({ clock })
  for (const source of application.sources) {
    const { name, partitions } = source
    await log.ensureTopic({ name, partitions, source: null, logBytesMax: null })
    await ingest({ log, source, clock, inputs: files.get(name) ?? [] })
  }
  return record(log, application.sources)
}

/** A few marks between the records; they only say what is so already, or make later rows late. */
function withMarks(recording: Recording, random: Random): Recording {
  const marked = (records: readonly Recorded[]): Recorded[] =>
    records.flatMap(one => {
      const found = /"(?:at|from|since)":(\d+)/.exec(Buffer.from(one.value).toString())
      if (found === null || random.int(150) > 0) return [one]
      const markAt = (Number(found[1]) - random.int(20_000)) * 1000
      return [one, { ...one, kind: 'mark', value: new Uint8Array(0), line: 0, headers: {}, markAt }]
    })
  return new Map(Array.from(recording, ([topic, list]) => [topic, list.map(marked)]))
}
