/**
 * Nanoseconds a row of expressions over batches of 1,024 rows, generated and interpreted.
 *
 * CPU time of this process, the least of the rounds, twins interleaved. The figure of the result is
 * that of the condition of facts/engine.md §8; the others are details.
 */

import { BATCH_ROWS_MAX, invariant, seededRandom } from '#base'
import { appendRow, Batch, compileFilter, compileProject } from '#columns'
import type { Expression, Schema, Type } from '#plan'
import type { BenchResult } from '../src/cli/bench-command.ts'

export const claim = 'a filter of generated code takes 5 ns a row or less'

const ROUNDS = 9
const ROWS = 1_000_000

const FLOAT: Type = { kind: 'float64', nullable: true }
const BOOL: Type = { kind: 'bool', nullable: true }
const STRING: Type = { kind: 'string' }
const PRICE: Type = { kind: 'decimal', precision: 12, scale: 2 }
const CHANNEL: Type = { kind: 'enum', values: ['web', 'app', 'x'] }

const SCHEMA: Schema = [
  { name: 'price', type: { kind: 'float64' } },
  { name: 'amount', type: PRICE },
  { name: 'qty', type: { kind: 'int32' } },
  { name: 'channel', type: STRING },
  { name: 'code', type: CHANNEL },
  { name: 'id', type: { kind: 'int64' } },
  { name: 'at', type: { kind: 'timestamp' } },
]

const column = (name: string): Expression => ({
  node: 'column',
  name,
  type: SCHEMA.find(entry => entry.name === name)?.type ?? STRING,
})
const literal = (value: string | number, type: Type): Expression => ({
  node: 'literal',
  value,
  type,
})
const call = (
  fn: Extract<Expression, { node: 'call' }>['fn'],
  args: readonly Expression[],
  type: Type,
): Expression => ({ node: 'call', fn, args, type })

const decimal = (precision: number, scale: number): Type => ({ kind: 'decimal', precision, scale })

const floatValue = call(
  'mul',
  [call('mul', [column('price'), column('qty')], FLOAT), literal(0.908, FLOAT)],
  FLOAT,
)
const decimalValue = call(
  'mul',
  [call('mul', [column('amount'), column('qty')], decimal(22, 2)), literal('0.908', decimal(4, 3))],
  decimal(26, 5),
)
const greater = (value: Expression): Expression =>
  call('gt', [value, literal(100, { kind: 'int32' })], BOOL)
const textEquals = call('eq', [column('channel'), literal('x', STRING)], BOOL)
const codeEquals = call('eq', [column('code'), literal('x', CHANNEL)], BOOL)

const CONDITIONS: Readonly<Record<string, Expression>> = {
  'price*qty*0.908 > 100 (float64)': greater(floatValue),
  'the same && channel == "x" (enum)': call('and', [greater(floatValue), codeEquals], BOOL),
  'the same && channel == "x" (string)': call('and', [greater(floatValue), textEquals], BOOL),
  'amount*qty*0.908 > 100 (decimals) && enum': call(
    'and',
    [greater(decimalValue), codeEquals],
    BOOL,
  ),
  'channel == "x" (string)': textEquals,
  'contains(channel, "p")': call('contains', [column('channel'), literal('p', STRING)], BOOL),
}

const PROJECTIONS: Readonly<Record<string, readonly Expression[]>> = {
  'seven columns as they are': SCHEMA.map(({ name }) => column(name)),
  'price*qty*0.908 (float64)': [floatValue],
  'amount*qty*0.908 (decimals)': [decimalValue],
  'id + qty (int64)': [
    call('add', [column('id'), column('qty')], { kind: 'int64', nullable: true }),
  ],
  'coalesce(channel, "none")': [
    call('coalesce', [column('channel'), literal('none', STRING)], STRING),
  ],
  'upper(channel)': [call('upper', [column('channel')], STRING)],
  'timeTrunc(at, hour), timePart(at, hour)': [
    call('timeTrunc', [column('at'), literal('hour', STRING)], { kind: 'timestamp' }),
    call('timePart', [column('at'), literal('hour', STRING)], { kind: 'int32' }),
  ],
  'uuidv5(ns, channel)': [
    call(
      'uuidv5',
      [literal('0a5bbe90-79be-5ccd-b523-370b4e8c08d5', { kind: 'uuid' }), column('channel')],
      { kind: 'uuid' },
    ),
  ],
}

interface Measured {
  readonly what: string
  readonly generatedNs: number
  readonly interpretedNs: number
}

function fill(): Batch {
  const random = seededRandom(1)
  const batch = new Batch(SCHEMA)
  for (let row = 0; row < BATCH_ROWS_MAX; row++) {
    appendRow(
      batch,
      {
        price: random.int(10_000) / 100,
        amount: `${random.int(100)}.${10 + random.int(90)}`,
        qty: random.int(9) + 1,
        channel: ['web', 'app', 'x'][random.int(3)] ?? 'x',
        code: ['web', 'app', 'x'][random.int(3)] ?? 'x',
        id: BigInt(random.int(1_000_000)),
        at: 1_700_000_000_000_000 + random.int(1_000_000_000),
      },
      { at: row },
    )
  }
  return batch
}

/** Least CPU nanoseconds a row of each of `runs`, which take one batch. */
function measure(runs: readonly (() => void)[], rows: number): number[] {
  const least = runs.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, run] of runs.entries()) {
      const batches = Math.ceil(rows / BATCH_ROWS_MAX / (at === 0 ? 1 : 10))
      const before = process.cpuUsage()
      for (let i = 0; i < batches; i++) run()
      const { user, system } = process.cpuUsage(before)
      const ns = ((user + system) * 1000) / (batches * BATCH_ROWS_MAX)
      least[at] = Math.min(least[at] ?? ns, ns)
    }
  }
  return least
}

/** What each condition and projection costs. */
function benchExpressions(rows: number): Measured[] {
  const measured: Measured[] = []
  for (const [what, condition] of Object.entries(CONDITIONS)) {
    const batch = fill()
    const runs = [true, false].map(generated => {
      const filter = compileFilter(SCHEMA, condition, { generated })
      return () => {
        batch.selectAll()
        filter(batch)
      }
    })
    const [generatedNs = 0, interpretedNs = 0] = measure(runs, rows)
    measured.push({ what: `filter ${what}`, generatedNs, interpretedNs })
  }
  for (const [what, expressions] of Object.entries(PROJECTIONS)) {
    const batch = fill()
    const { used } = batch.arena
    const schema: Schema = expressions.map(({ type }, i) => ({ name: `c${i}`, type }))
    const runs = [true, false].map(generated => {
      const output = new Batch(schema)
      const project = compileProject(SCHEMA, expressions, schema, { generated })
      return () => {
        project(batch, output)
        batch.arena.used = used
      }
    })
    const [generatedNs = 0, interpretedNs = 0] = measure(runs, rows)
    measured.push({ what: `project ${what}`, generatedNs, interpretedNs })
  }
  return measured
}

export async function run(options: { readonly events?: number } = {}): Promise<BenchResult> {
  const { events = ROWS } = options
  const begin = performance.now()
  const measured = benchExpressions(events)
  const elapsedMs = performance.now() - begin
  const first = measured[0]
  invariant(first !== undefined, 'something was measured')
  return {
    bench: 'expressions',
    events,
    elapsedMs,
    eventsPerSecond: 1e9 / first.generatedNs,
    cpuMs: (first.generatedNs * events) / 1e6,
    eventsPerCpuSecond: 1e9 / first.generatedNs,
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
    details: Object.fromEntries(
      measured.map(({ what, generatedNs, interpretedNs }) => [
        what,
        `${generatedNs.toFixed(1)} ns generated, ${interpretedNs.toFixed(1)} ns interpreted`,
      ]),
    ),
  }
}
