/**
 * One answer: an input run in one way, against the model and against the plain run of it.
 *
 * A way to run is drawn from a seed, or is one axis alone; either is named in one line, and
 * `node test/parity/replay.ts INPUT WAY` runs it again.
 */

import assert from 'node:assert/strict'
import { type Random, seededRandom } from '#base'
import { Batch, readRow } from '#columns'
import { RowCodec } from '#format'
import type { Application, Emit, Row, TableSpec } from '#plan'
import { copiedTooLate, delayed, repeated, shuffled } from '../../src/cli/parity/arrival.ts'
import {
  CRASH_PLACES,
  type CrashPlace,
  type MemoryRunOptions,
  runInMemory,
} from '../../src/cli/parity/memory-run.ts'
import type { TableRows } from '../../src/cli/parity/memory-tables.ts'
import { type ModelTable, modelRejections, runModel } from '../../src/cli/parity/model-run.ts'
import type { Recording } from '../../src/cli/parity/recorded.ts'
import type { Input } from './inputs.ts'

/** Everything that may not change the answer. */
export interface Way {
  readonly batchRows: number | 'random'
  readonly epochRows: number
  readonly parallelism: number | readonly number[]
  readonly generated: boolean
  readonly rounds: number
  readonly crash: CrashPlace | 'anywhere' | 'nowhere'
  /** Instead of what the application declares, for tables with a key. */
  readonly emit: Emit | 'declared'
  readonly arrival: readonly Arrival[]
  readonly seed: number
}

const ARRIVALS = ['shuffled', 'late', 'copies', 'too late'] as const
type Arrival = (typeof ARRIVALS)[number]

/** Up to how many records the model is asked behind each round too, and not at the end alone. */
const EACH_ROUND_RECORDS_MAX = 5_000

const PLAIN: Way = {
  batchRows: 1024,
  epochRows: 5_000,
  parallelism: 1,
  generated: true,
  rounds: 1,
  crash: 'nowhere',
  emit: 'declared',
  arrival: [],
  seed: 1,
}

/** Each axis alone, by name. */
export const AXES: Readonly<Record<string, Way>> = {
  plain: PLAIN,
  'batches of 1': { ...PLAIN, batchRows: 1 },
  'batches of 7': { ...PLAIN, batchRows: 7, epochRows: 500 },
  'random batches': { ...PLAIN, batchRows: 'random', epochRows: 900 },
  'small epochs': { ...PLAIN, epochRows: 150 },
  'arrival shuffled': { ...PLAIN, arrival: ['shuffled'] },
  'late records': { ...PLAIN, arrival: ['late'] },
  copies: { ...PLAIN, arrival: ['copies'] },
  'too-late records': { ...PLAIN, arrival: ['too late'] },
  'two workers': { ...PLAIN, parallelism: 2 },
  'three workers': { ...PLAIN, parallelism: 3, epochRows: 700 },
  interpreted: { ...PLAIN, generated: false },
  'three rounds': { ...PLAIN, rounds: 3, epochRows: 700 },
  'seven rounds, rescaled': { ...PLAIN, rounds: 7, parallelism: [1, 3, 2] },
  'emit update': { ...PLAIN, emit: 'update', epochRows: 400 },
  'emit closed': { ...PLAIN, emit: 'closed', epochRows: 400 },
  'emit settled': { ...PLAIN, emit: 'settled', epochRows: 400 },
  ...Object.fromEntries(
    CRASH_PLACES.map(place => [
      `crash at ${place}`,
      { ...PLAIN, crash: place, epochRows: 300, parallelism: [2, 1, 3] },
    ]),
  ),
}

const one = <T>(random: Random, values: readonly T[]): T => values[random.int(values.length)] as T

/** A combination of all axes. */
function combination(seed: number): Way {
  const random = seededRandom(seed)
  return {
    batchRows: one(random, [1, 7, 1024, 'random', 'random', 100]),
    epochRows: one(random, [200, 500, 1_000, 5_000]),
    parallelism: one<Way['parallelism']>(random, [1, 2, 3, [1, 2, 3], [3, 1]]),
    generated: random.int(2) === 0,
    rounds: one(random, [1, 1, 2, 3, 5]),
    crash: one<Way['crash']>(random, ['nowhere', 'anywhere', 'anywhere', 'C5.committed']),
    emit: one<Way['emit']>(random, ['declared', 'update', 'closed', 'settled']),
    arrival: ARRIVALS.filter(() => random.int(3) === 0),
    seed,
  }
}

/** A combination in which epochs are small and every life may crash, in its recovery too. */
function crashing(seed: number): Way {
  const random = seededRandom(seed)
  return {
    ...combination(seed),
    epochRows: 10 + random.int(60),
    rounds: 1 + random.int(2),
    crash: one<Way['crash']>(random, ['anywhere', 'anywhere', ...CRASH_PLACES]),
  }
}

/** The way that a name or a seed stands for. */
function wayOf(name: string): Way {
  const axis = AXES[name]
  if (axis !== undefined) return axis
  const [, kind, seed] = /^(seed|crashing)=(\d+)$/.exec(name) ?? []
  assert.ok(seed !== undefined, `no way to run is named "${name}"`)
  return kind === 'seed' ? combination(Number(seed)) : crashing(Number(seed))
}

/** The axes that an input has: copies count where nothing takes them out. */
export function axesOf({ dedupes }: Input): string[] {
  return Object.keys(AXES).filter(name => dedupes || name !== 'copies')
}

/** An input with what its plain run and the model give, which are compared once. */
export class Matrix {
  readonly input: Input
  readonly #replay: string
  readonly #eachRound: boolean
  #plain: readonly ModelTable[] | undefined

  /** `replay` is the command that runs one way of this input again, but for the way. */
  constructor(input: Input, replay: string) {
    this.input = input
    this.#replay = replay
    this.#eachRound = recordsOf(input.recording) <= EACH_ROUND_RECORDS_MAX
  }

  /** Runs the input as `name` says and compares; gives the number of crashes. */
  async check(name: string): Promise<number> {
    const way = wayOf(name)
    const { input } = this
    try {
      const recording = await arrive(input, way)
      const application = emitting(input.application, way.emit)
      const plain = await this.#model()
      // Where it matters what came when, the model is asked about the very same log.
      const same = way.arrival.every(arrival => arrival === 'too late') || !input.arrivalMatters
      const wanted = same ? plain : await runModel(application, recording)
      const { crashes, rejected } = await runInMemory(application, recording, {
        ...options(way),
        onRound: async ({ tables, soFar, last }) => {
          if (last) compare(application, tables(), wanted)
          else if (this.#eachRound)
            compare(application, tables(), await runModel(application, soFar()))
        },
      })
      const rejections = await modelRejections(application, recording)
      assert.equal(rejected.rows, rejections, 'rows of rejected_records')
      return crashes
    } catch (error) {
      const said = error instanceof Error ? (error.stack ?? error.message) : String(error)
      throw new Error(`${input.name}, ${name}: ${said}\n  replay: ${this.#replay} '${name}'`, {
        cause: error,
      })
    }
  }

  async #model(): Promise<readonly ModelTable[]> {
    this.#plain ??= await runModel(this.input.application, this.input.recording)
    return this.#plain
  }
}

function options(way: Way): Partial<MemoryRunOptions> {
  const { batchRows, epochRows, parallelism, generated, rounds, crash, seed } = way
  return {
    batchRows,
    epochRows,
    parallelism,
    generated,
    rounds,
    seed,
    crashEvery: crash === 'nowhere' ? 0 : crash === 'anywhere' ? 12 : 2,
    crashPlaces:
      crash === 'nowhere' || crash === 'anywhere'
        ? CRASH_PLACES
        : // Only what an earlier life prepared is recovered.
          crash === 'recovery'
          ? ['C5.committed', crash]
          : [crash],
  }
}

/** The input's records as they arrive. */
async function arrive({ application, recording, dedupes }: Input, way: Way): Promise<Recording> {
  const random = seededRandom(way.seed)
  const { sources } = application
  let found = recording
  for (const arrival of way.arrival) {
    if (arrival === 'shuffled') found = await shuffled(found, sources, random)
    if (arrival === 'late') found = await delayed(found, sources, random)
    if (arrival === 'copies' && dedupes) found = repeated(found, 9, 300, random)
    if (arrival === 'too late') found = await copiedTooLate(found, sources, random)
  }
  return found
}

function emitting(application: Application, emit: Way['emit']): Application {
  if (emit === 'declared') return application
  const keyed = new Set(application.tables.filter(({ key }) => key.length > 0).map(t => t.name))
  return {
    ...application,
    pipelines: application.pipelines.map(pipeline =>
      keyed.has(pipeline.table) ? { ...pipeline, emit } : pipeline,
    ),
  }
}

function recordsOf(recording: Recording): number {
  return [...recording.values()].flat().reduce((sum, { length }) => sum + length, 0)
}

/** Equal hashes of every table, else the rows that only one side has. */
function compare(
  application: Application,
  tables: readonly TableRows[],
  wanted: readonly ModelTable[],
): void {
  assert.ok(tables.length > 0)
  for (const table of application.tables) {
    const found = tables.find(({ table: name }) => name === table.name)
    const model = wanted.find(({ table: name }) => name === table.name)
    assert.ok(found !== undefined && model !== undefined)
    if (found.sha256 === model.sha256) continue
    const [engine, reference] = [rowTexts(table, found), model.values.map(textOf)]
    assert.fail(
      [
        `table ${table.name}: ${found.rows} rows, the model has ${model.rows}`,
        ...without(engine, reference).map(text => `    engine only: ${text}`),
        ...without(reference, engine).map(text => `    model only:  ${text}`),
      ].join('\n'),
    )
  }
}

/** The first rows of `texts` that are not in `others`. */
function without(texts: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const text of others) counts.set(text, (counts.get(text) ?? 0) + 1)
  return texts
    .filter(text => {
      const left = counts.get(text) ?? 0
      counts.set(text, left - 1)
      return left <= 0
    })
    .sort()
    .slice(0, 5)
}

function rowTexts(table: TableSpec, rows: TableRows): string[] {
  const codec = new RowCodec(table.schema)
  const batch = new Batch(table.schema, 1)
  return Array.from({ length: rows.rows }, (_, index) => {
    const bytes = rows.row(index)
    batch.clear()
    codec.decode(bytes, 0, bytes.length, batch, 0)
    return textOf(readRow(batch, 0))
  })
}

function textOf(row: Row): string {
  return JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}
