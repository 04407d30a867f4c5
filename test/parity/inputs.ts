/** The inputs of the one-answer matrix: an application, its recorded log, and what it may claim. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manualClock, type Random, seededRandom } from '#base'
import { ingest } from '#feed'
import { openMemory } from '#local'
import type { Application } from '#plan'
import { type Recorded, type Recording, record } from '../../src/cli/parity/recorded.ts'
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
