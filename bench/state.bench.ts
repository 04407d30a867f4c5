/**
 * Claim: four million live sessions of the bench plan take at most 165 bytes of state a key, and
 * are restored in less than 5 s.
 *
 * The plan: clicks deduplicated by their uuid, then sessions of 30 minutes by user (11 characters):
 * count, sum of a decimal, first and last page; 10 s of disorder and 60 s of lateness. Users come in
 * random order, so that every row is a cache miss or several. Bytes are those of ArrayBuffers of
 * both operators, per live key, when the last user has come. A restore reads a snapshot of all
 * sessions and one delta of 50,000 changed ones into a fresh instance, timers included.
 */

import { BATCH_ROWS_MAX, type Clock, invariant, seededRandom, systemClock } from '#base'
import { Batch, type BatchColumn } from '#columns'
import type { Operator, Schema } from '#plan'
import type { BenchResult } from '../src/cli/bench-command.ts'
import { createAggregate } from '../src/runtime/aggregate/aggregate.ts'
import { createDedupe } from '../src/runtime/dedupe.ts'
import type { OperatorContext, OperatorInstance, OperatorOf } from '../src/runtime/operator.ts'

export const claim =
  'four million live sessions: 165 bytes or fewer a key, restored in less than 5 s'

export interface StateBenchOptions {
  /** Live sessions, by the name that every bench has for its size. Default 4,000,000. */
  readonly events?: number
  /** Sizes of further runs that only measure the cost of a row. */
  readonly sizes?: readonly number[]
  readonly restores?: number
  readonly clock?: Clock
}

const GAP_US = 1_800_000_000
const DISORDER_US = 10_000_000
const LATENESS_US = 60_000_000
const EPOCH_BATCHES = 49
const PAGES = Array.from({ length: 400 }, (_, page) => `/catalogue/category/${page}`)

const SCHEMA: Schema = [
  { name: 'event_id', type: { kind: 'uuid' } },
  { name: 'user_id', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'amount', type: { kind: 'decimal', precision: 12, scale: 2, nullable: true } },
  { name: 'page', type: { kind: 'string' } },
]

const SOURCE: Operator = { op: 'source', source: 'clicks', schema: SCHEMA, at: 'at', ties: [] }
const DEDUPE: OperatorOf<'dedupe'> = {
  op: 'dedupe',
  input: SOURCE,
  by: ['event_id'],
  schema: SCHEMA,
  at: 'at',
  ties: [],
}
const column = (name: string) => ({
  node: 'column' as const,
  name,
  type: SCHEMA.find(entry => entry.name === name)?.type ?? ({ kind: 'string' } as const),
})
const SESSIONS: OperatorOf<'aggregate'> = {
  op: 'aggregate',
  input: DEDUPE,
  by: ['user_id'],
  window: { kind: 'session', gapUs: GAP_US },
  bounds: ['start', 'end'],
  aggregates: [
    { name: 'events', fn: 'count' },
    { name: 'total', fn: 'sum', arg: column('amount') },
    { name: 'first_page', fn: 'first', arg: column('page') },
    { name: 'last_page', fn: 'last', arg: column('page') },
  ],
  schema: [
    { name: 'user_id', type: { kind: 'string' } },
    { name: 'start', type: { kind: 'timestamp' } },
    { name: 'end', type: { kind: 'timestamp' } },
    { name: 'events', type: { kind: 'int64' } },
    { name: 'total', type: { kind: 'decimal', precision: 38, scale: 2, nullable: true } },
    { name: 'first_page', type: { kind: 'string' } },
    { name: 'last_page', type: { kind: 'string' } },
  ],
  at: 'end',
  ties: ['user_id'],
}

/** The clicks of `users` users, each about once per gap, in random order. */
class Clicks {
  readonly batches: readonly Batch[]
  readonly #users: number
  readonly #stepUs: number
  readonly #random = seededRandom(11)
  /** Coprime to any number of users: a walk that meets each once before any again. */
  readonly #stride = 2_654_435_761
  #user = 0
  #at = 1_700_000_000_000_000
  #offset = 0

  constructor(users: number) {
    this.#users = users
    this.#stepUs = Math.floor((GAP_US * 0.98) / users)
    this.batches = Array.from({ length: EPOCH_BATCHES }, () => new Batch(SCHEMA))
  }

  get atUs(): number {
    return this.#at
  }

  /** Fills all batches. */
  fill(): void {
    for (const batch of this.batches) {
      batch.clear()
      for (let row = 0; row < BATCH_ROWS_MAX; row++) this.#row(batch, row)
      batch.length = BATCH_ROWS_MAX
      batch.selectAll()
    }
  }

  #row(batch: Batch, row: number): void {
    const random = this.#random
    const [id, user, at, amount, page] = batch.columns
    this.#user = (this.#user + this.#stride) % this.#users
    this.#at += this.#stepUs
    const time = this.#at - random.int(1_000_000)
    invariant(id?.kind === 'uuid' && at?.kind === 'num' && amount?.kind === 'num', 'as declared')
    for (let word = 0; word < 4; word++) id.words[row * 4 + word] = random.int(2 ** 32) | 0
    text(batch, user, row, `user${String(this.#user).padStart(7, '0')}`)
    at.values[row] = time
    batch.at[row] = time
    batch.offset[row] = this.#offset++
    amount.values[row] = random.int(1_000_000)
    text(batch, page, row, PAGES[random.int(PAGES.length)] as string)
  }
}

function text(batch: Batch, into: BatchColumn | undefined, row: number, value: string): void {
  invariant(into?.kind === 'text', 'text is in a text column')
  const offset = batch.arena.appendString(value)
  into.offsets[row] = offset
  into.lengths[row] = batch.arena.used - offset
}

interface Pipeline {
  readonly dedupe: OperatorInstance
  readonly sessions: OperatorInstance
  readonly given: { rows: number }
}

function makePipeline(): Pipeline {
  const given = { rows: 0 }
  const common: Omit<OperatorContext, 'out'> = {
    generated: true,
    emit: 'settled',
    retracting: false,
    images: false,
    position: { origin: 0, offset: 0, index: 0 },
    functions: {},
  }
  const table = {
    push: (batch: Batch) => {
      given.rows += batch.selected
    },
  }
  const sessions = createAggregate(SESSIONS, { ...common, out: table })
  const out = { push: (batch: Batch) => sessions.push(0, batch) }
  return { dedupe: createDedupe(DEDUPE, { ...common, out }), sessions, given }
}

interface Cost {
  cpuMs: number
  rows: number
}

/** Runs `epochs` epochs through operators that feed one another; adds what they cost to `cost`. */
function runEpochs(
  operators: readonly OperatorInstance[],
  clicks: Clicks,
  epochs: number,
  cost: Cost,
): void {
  for (let epoch = 0; epoch < epochs; epoch++) {
    clicks.fill()
    const from = process.threadCpuUsage()
    for (const batch of clicks.batches) operators[0]?.push(0, batch)
    const watermarkUs = clicks.atUs - DISORDER_US
    const progress = { watermarkUs, frontierUs: watermarkUs - LATENESS_US }
    for (const operator of operators) operator.flush(progress, false)
    const spent = process.threadCpuUsage(from)
    cost.cpuMs += (spent.user + spent.system) / 1000
    cost.rows += EPOCH_BATCHES * BATCH_ROWS_MAX
    for (const operator of operators) operator.delta()
  }
}

/** ns of CPU a row with about `users` live sessions, each closing once per row or two. */
function rowCost(users: number): number {
  const { sessions } = makePipeline()
  const clicks = new Clicks(users)
  const epochs = Math.ceil(users / (EPOCH_BATCHES * BATCH_ROWS_MAX))
  runEpochs([sessions], clicks, epochs + 2, { cpuMs: 0, rows: 0 })
  const measured: Cost = { cpuMs: 0, rows: 0 }
  runEpochs([sessions], clicks, Math.max(8, Math.min(20, epochs)), measured)
  return (measured.cpuMs * 1e6) / measured.rows
}

/** The fastest restore of `count`, into a fresh instance each: ms, and ms of CPU. */
function bestRestore(
  snapshot: Uint8Array,
  delta: Uint8Array,
  keys: number,
  count: number,
  clock: Clock,
): { readonly ms: number; readonly cpuMs: number } {
  let ms = Infinity
  let cpuMs = Infinity
  for (let k = 0; k < count; k++) {
    globalThis.gc?.()
    const { sessions } = makePipeline()
    const from = clock.monotonicMs()
    const cpuFrom = process.threadCpuUsage()
    sessions.restore(snapshot, 'snapshot')
    sessions.restore(delta, 'delta')
    sessions.flush({ watermarkUs: -Infinity, frontierUs: -Infinity }, false)
    const { user, system } = process.threadCpuUsage(cpuFrom)
    ms = Math.min(ms, clock.monotonicMs() - from)
    cpuMs = Math.min(cpuMs, (user + system) / 1000)
    invariant(sessions.stats.keys === keys, 'every session is restored')
  }
  return { ms, cpuMs }
}

export async function run(options: StateBenchOptions = {}): Promise<BenchResult> {
  const { events: keys = 4_000_000, sizes = [65_000, 650_000, 2_600_000], restores = 3 } = options
  const clock = options.clock ?? systemClock
  const begun = clock.monotonicMs()
  const costNs = Object.fromEntries(sizes.map(size => [size, Math.round(rowCost(size))]))
  const pipeline = makePipeline()
  const clicks = new Clicks(keys)
  const cost: Cost = { cpuMs: 0, rows: 0 }
  const operators = [pipeline.dedupe, pipeline.sessions]
  runEpochs(operators, clicks, Math.ceil(keys / (EPOCH_BATCHES * BATCH_ROWS_MAX)), cost)
  const live = pipeline.sessions.stats.keys
  const bytes = pipeline.sessions.stats.bytes + pipeline.dedupe.stats.bytes
  const snapshotFrom = clock.monotonicMs()
  const snapshot = pipeline.sessions.snapshot()
  const snapshotMs = clock.monotonicMs() - snapshotFrom
  clicks.fill()
  for (const batch of clicks.batches) pipeline.dedupe.push(0, batch)
  const deltaFrom = clock.monotonicMs()
  const delta = pipeline.sessions.delta()
  const deltaMs = clock.monotonicMs() - deltaFrom
  invariant(delta !== undefined, 'sessions changed')
  const restore = bestRestore(snapshot, delta, pipeline.sessions.stats.keys, restores, clock)
  const elapsedMs = clock.monotonicMs() - begun
  return {
    bench: 'state',
    events: cost.rows,
    elapsedMs: Math.round(elapsedMs),
    eventsPerSecond: Math.round((cost.rows * 1000) / elapsedMs),
    cpuMs: Math.round(cost.cpuMs),
    eventsPerCpuSecond: Math.round((cost.rows * 1000) / cost.cpuMs),
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
    details: {
      bytesPerKey: Math.round((bytes / live) * 10) / 10,
      sessionBytesPerKey: Math.round((pipeline.sessions.stats.bytes / live) * 10) / 10,
      restoreMs: Math.round(restore.ms),
      restoreCpuMs: Math.round(restore.cpuMs),
      liveKeys: live,
      dedupeRows: pipeline.dedupe.stats.keys,
      snapshotBytes: snapshot.length,
      snapshotMs: Math.round(snapshotMs),
      deltaRows: EPOCH_BATCHES * BATCH_ROWS_MAX,
      deltaBytes: delta.length,
      deltaMs: Math.round(deltaMs * 10) / 10,
      nsPerRowByLiveKeys: costNs,
    },
  }
}
