/**
 * `millrace parity APP`: one recorded log, run several ways; the settled rows must be the same bytes.
 */

import { PlatformError, seededRandom } from '#base'
import { Batch, readRow } from '#columns'
import { RowCodec } from '#format'
import type { Application, Row, TableSpec } from '#plan'
import type { Platform } from '../platform.ts'
import { type Context, printResult, textTable } from '../terminal.ts'
import { loadApplication } from '../user-application.ts'
import { shuffled } from './arrival.ts'
import { type MemoryRunOptions, runInMemory } from './memory-run.ts'
import { runModel } from './model-run.ts'
import { type Recording, record } from './recorded.ts'

type Options = Readonly<Record<string, unknown>>

interface Outcome {
  readonly table: string
  readonly runner: string
  readonly rows: number
  readonly sha256: string
  readonly equal: boolean
}

/** What one way to run gives of a table. */
interface Given {
  readonly table: string
  readonly rows: number
  readonly sha256: string
  /** Row texts in canonical order, for the difference that is printed. */
  readonly texts: () => readonly string[]
}

/** Kills at about every so manieth commit point. */
const CRASH_EVERY = 6

const RUNNERS = ['stream', 'interpreted', 'model', 'clickhouse', 'spark']

/** Runs and compares; whether all are equal. */
export async function parityCommand(
  platform: Platform,
  name: string,
  options: Options,
  context: Context,
): Promise<boolean> {
  const application = await loadApplication(name, context.directory)
  const runners = runnersOf(String(options['runners']))
  const recording = record(platform.data.log, application.sources)
  const outcomes: Outcome[] = []
  const wanted = new Map<string, Given>()
  let difference = ''
  for (const runner of runners) {
    for (const given of await run(runner, application, recording, options)) {
      const first = wanted.get(given.table) ?? given
      wanted.set(given.table, first)
      const equal = first.sha256 === given.sha256
      if (!equal && difference === '')
        difference = firstDifference(first, given, runners[0], runner)
      const { table, rows, sha256 } = given
      outcomes.push({ table, runner, rows, sha256, equal })
    }
  }
  const equal = outcomes.every(outcome => outcome.equal)
  const seed = options['shuffle'] ?? options['kill'] ?? null
  const replay = replayLine(name, options)
  printResult(
    context,
    { app: application.name, equal, tables: outcomes, seed, replay },
    () =>
      `${textTable(
        ['table', 'runner', 'rows', 'sha256', ''],
        outcomes.map(o => [o.table, o.runner, o.rows, o.sha256, o.equal ? 'equal' : 'DIFFERS']),
      )}${equal ? 'equal\n' : `\n${difference}\n${replay}\n`}`,
  )
  return equal
}

function runnersOf(list: string): string[] {
  const names = list.split(',').filter(Boolean)
  const unknown = names.find(name => !RUNNERS.includes(name))
  if (unknown !== undefined || names.length === 0) {
    throw new PlatformError('usage', `no runner "${unknown ?? ''}"`, {
      hint: `There are ${RUNNERS.join(', ')}.`,
    })
  }
  return names
}

async function run(
  runner: string,
  application: Application,
  recording: Recording,
  options: Options,
): Promise<Given[]> {
  switch (runner) {
    case 'stream':
    case 'interpreted':
      return stream(application, recording, options, runner === 'stream')
    case 'model':
      return (await runModel(application, recording)).map(({ table, rows, sha256, values }) => ({
        table,
        rows,
        sha256,
        texts: () => values.map(rowText).sort(),
      }))
    default:
      throw new PlatformError('plan.unsupported', `the runner "${runner}" is not built yet`, {
        hint: 'Use stream, interpreted and model.',
      })
  }
}

async function stream(
  application: Application,
  recording: Recording,
  options: Options,
  generated: boolean,
): Promise<Given[]> {
  const { shuffle, kill } = options
  const input =
    shuffle === undefined
      ? recording
      : await shuffled(recording, application.sources, seededRandom(Number(shuffle)))
  const how: Partial<MemoryRunOptions> = {
    generated,
    batchRows: options['batchRows'] as number | 'random',
    parallelism: Number(options['parallelism']),
    seed: Number(kill ?? shuffle ?? 1),
    crashEvery: kill === undefined ? 0 : CRASH_EVERY,
  }
  const { tables } = await runInMemory(application, input, how)
  return tables.map(({ table, rows, sha256, row }) => {
    const spec = application.tables.find(one => one.name === table) as TableSpec
    return { table, rows, sha256, texts: () => rowTexts(spec, rows, row) }
  })
}

function rowTexts(table: TableSpec, rows: number, row: (index: number) => Uint8Array): string[] {
  const codec = new RowCodec(table.schema)
  const batch = new Batch(table.schema, 1)
  return Array.from({ length: rows }, (_, index) => {
    const bytes = row(index)
    batch.clear()
    codec.decode(bytes, 0, bytes.length, batch, 0)
    return rowText(readRow(batch, 0))
  }).sort()
}

function rowText(row: Row): string {
  return JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? String(value) : value))
}

/** The first row that only one of the two has. */
function firstDifference(a: Given, b: Given, first: string | undefined, second: string): string {
  const [left, right] = [new Set(a.texts()), new Set(b.texts())]
  const only = (from: Set<string>, other: Set<string>): string =>
    [...from].find(text => !other.has(text)) ?? '(none)'
  return `table ${a.table}\n  only in ${first}: ${only(left, right)}\n  only in ${second}: ${only(right, left)}`
}

function replayLine(name: string, options: Options): string {
  const flags = [
    ['runners', 'runners'],
    ['shuffle', 'shuffle'],
    ['kill', 'kill'],
    ['parallelism', 'parallelism'],
    ['batch-rows', 'batchRows'],
    ['data', 'data'],
  ].flatMap(([flag, key]) =>
    options[key as string] === undefined ? [] : [`--${flag} ${String(options[key as string])}`],
  )
  return `millrace parity ${name} ${flags.join(' ')}`
}
