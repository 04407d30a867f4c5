/** `millrace bench NAME`: one program per claim, in `bench/`. */

import { readdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlatformError } from '#base'
import { byteSize, type Context, grouped, printResult, textTable } from './terminal.ts'

const BENCH_DIR = join(import.meta.dirname, '../../bench')

/** What a bench gives; `cpuMs` is user + system time of all its processes in the measured part. */
export interface BenchResult {
  readonly bench: string
  readonly events: number
  readonly elapsedMs: number
  readonly eventsPerSecond: number
  readonly cpuMs: number
  readonly eventsPerCpuSecond: number
  readonly rssMaxBytes: number
  readonly details: Readonly<Record<string, unknown>>
}

interface BenchProgram {
  /** What the figure must be: one sentence, printed beside it. */
  readonly claim: string
  run(options: { readonly events?: number }): Promise<BenchResult>
}

/** The names there are: files of `bench/` that export `run`. */
export function benchNames(): string[] {
  return readdirSync(BENCH_DIR)
    .filter(name => name.endsWith('.bench.ts'))
    .map(name => name.slice(0, -'.bench.ts'.length))
    .sort()
}

export async function bench(
  name: string,
  options: { readonly events?: number },
  context: Context,
): Promise<void> {
  if (!benchNames().includes(name)) {
    throw new PlatformError('usage', `no bench "${name}"`, {
      hint: `There are ${benchNames().join(', ')}.`,
    })
  }
  const url = pathToFileURL(join(BENCH_DIR, `${name}.bench.ts`)).href
  const program = (await import(url)) as BenchProgram
  const loadBefore = loadavg()[0] ?? 0
  const result = await program.run(options)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    loadBefore: Number(loadBefore.toFixed(2)),
    loadAfter: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
  printResult(context, { ...result, machine }, () => asText(program.claim, result, machine))
}

function asText(claim: string, result: BenchResult, machine: object): string {
  const rows: [string, string][] = [
    ['claim', claim],
    ['events', grouped(result.events)],
    ['elapsed', `${grouped(Math.round(result.elapsedMs))} ms`],
    ['events per second', grouped(Math.round(result.eventsPerSecond))],
    ['CPU time', `${grouped(Math.round(result.cpuMs))} ms`],
    ['events per CPU-second', grouped(Math.round(result.eventsPerCpuSecond))],
    ['memory, greatest', byteSize(result.rssMaxBytes)],
    ...Object.entries(result.details).map(([name, value]): [string, string] => [
      name,
      detail(value),
    ]),
    ['machine', JSON.stringify(machine)],
  ]
  return textTable([result.bench, ''], rows)
}

function detail(value: unknown): string {
  if (typeof value === 'number') return grouped(Number(value.toFixed(3)))
  return typeof value === 'string' ? value : JSON.stringify(value)
}
