/**
 * Claim: a JSON event of 350 bytes is decoded and validated into columns at 3 M events per
 * CPU-second or more, on one thread. Goal 5 M.
 *
 * One round copies each batch's records into its arena, as a codec does, and decodes them. Rounds
 * of the generated decoder and of variants alternate; the minimum of CPU time counts, because other
 * load on the machine only ever adds.
 */

import { BATCH_ROWS_MAX } from '#base'
import { Batch } from '#columns'
import { compileJsonDecoder, type JsonDecoder, type Reject } from '#format'
import type { BenchResult } from '../src/cli/bench-command.ts'
import { CLICK_COLUMNS, CLICK_FORMAT, type ClickEvents, clickEvents } from './click-events.ts'

export const claim = '3 M events of 350 bytes per CPU-second or more, one thread; goal 5 M'

export interface DecodeBenchOptions {
  /** Events of one round. Default 300,000. */
  readonly events?: number
  readonly rounds?: number
}

interface Round {
  readonly cpuMs: number
  readonly elapsedMs: number
}

/** Decodes all of `events` once, batch by batch; returns how many were accepted. */
function decodeAll(events: ClickEvents, decoder: JsonDecoder, batch: Batch): number {
  const starts = new Uint32Array(BATCH_ROWS_MAX)
  const ends = new Uint32Array(BATCH_ROWS_MAX)
  const rejects: Reject[] = []
  let accepted = 0
  for (let from = 0; from < events.ends.length; from += BATCH_ROWS_MAX) {
    const count = Math.min(BATCH_ROWS_MAX, events.ends.length - from)
    const base = from === 0 ? 0 : (events.ends[from - 1] ?? 0)
    batch.clear()
    batch.arena.append(events.bytes.subarray(base, events.ends[from + count - 1]))
    let start = 0
    for (let i = 0; i < count; i++) {
      starts[i] = start
      start = (events.ends[from + i] ?? 0) - base
      ends[i] = start
    }
    rejects.length = 0
    decoder.decode(batch, { starts, ends, count }, rejects)
    accepted += batch.selected
  }
  return accepted
}

function round(work: () => void): Round {
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  work()
  const elapsedMs = performance.now() - start
  const used = process.threadCpuUsage(cpu)
  return { cpuMs: (used.user + used.system) / 1000, elapsedMs }
}

const least = (rounds: readonly Round[], key: keyof Round): number =>
  Math.min(...rounds.map(each => each[key]))

export async function run(options: DecodeBenchOptions = {}): Promise<BenchResult> {
  const { events: count = 300_000, rounds = 9 } = options
  const events = clickEvents({ events: count })
  const bytes = events.ends[count - 1] ?? 0
  const batch = new Batch(CLICK_COLUMNS)
  const generated = compileJsonDecoder(CLICK_FORMAT, CLICK_COLUMNS, { generated: true })
  const slow = compileJsonDecoder(CLICK_FORMAT, CLICK_COLUMNS, { generated: false })
  const part = slice(events, Math.min(count, 20_000))
  let accepted = 0
  for (let i = 0; i < 2; i++) decodeAll(events, generated, batch)
  decodeAll(part, slow, batch)
  const fast: Round[] = []
  const slowRounds: Round[] = []
  for (let i = 0; i < rounds; i++) {
    fast.push(
      round(() => {
        accepted = decodeAll(events, generated, batch)
      }),
    )
    slowRounds.push(
      round(() => {
        decodeAll(part, slow, batch)
      }),
    )
  }
  const cpuMs = least(fast, 'cpuMs')
  const elapsedMs = least(fast, 'elapsedMs')
  return {
    bench: 'decode',
    events: count,
    elapsedMs,
    eventsPerSecond: (count / elapsedMs) * 1000,
    cpuMs,
    eventsPerCpuSecond: (count / cpuMs) * 1000,
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
    details: {
      nsPerEvent: (cpuMs * 1e6) / count,
      bytesPerEvent: bytes / count,
      accepted,
      rejected: count - accepted,
      fallbackShare: generated.stats.fallbackRows / generated.stats.rows,
      slowPathEventsPerCpuSecond: (part.ends.length / least(slowRounds, 'cpuMs')) * 1000,
      rounds,
      cpuMsMedian: fast.map(each => each.cpuMs).sort((a, b) => a - b)[rounds >> 1],
    },
  }
}

function slice(events: ClickEvents, count: number): ClickEvents {
  return { ...events, ends: events.ends.subarray(0, count) }
}
