/** Records of a log, taken out whole and put into another one: the input of every way to run. */

import type { Clock } from '#base'
import type { SourceSpec } from '#plan'
import type { AppendBlock, Log } from '#ports'

/** One record or mark as the log keeps it. */
export interface Recorded {
  readonly kind: 'data' | 'mark'
  readonly value: Uint8Array
  readonly line: number
  readonly headers: Readonly<Record<string, string>>
  readonly appendedAt: number
  readonly markAt: number
}

/** By topic and partition, records in order. */
export type Recording = ReadonlyMap<string, readonly (readonly Recorded[])[]>

/** At most this many records of a block; other sizes are an axis of their own. */
const BLOCK_RECORDS = 1024

/** Reads the topics of `sources`; of each partition `recordsMax` at most. */
export function record(log: Log, sources: readonly SourceSpec[], recordsMax = Infinity): Recording {
  return new Map(
    sources.map(({ name }) => [
      name,
      log.topic(name).extents.map(({ start, end }, partition) => {
        const records: Recorded[] = []
        for (let at = start; at < end && records.length < recordsMax; ) {
          const block = log.read(name, partition, at)
          if (block === undefined || block.kind === 'change') break
          const { kind, appendedAt, markAt, headers } = block
          for (let j = at - block.baseOffset; j < block.count; j++) {
            const begin = j === 0 ? 0 : (block.ends[j - 1] ?? 0)
            const value = block.values.slice(begin, block.ends[j])
            records.push({ kind, value, line: block.lines?.[j] ?? 0, headers, appendedAt, markAt })
          }
          at = block.baseOffset + block.count
        }
        return records
      }),
    ]),
  )
}

/** Of the recording cut into `count` parts, those `from` up to `to`. */
export function part(recording: Recording, from: number, to: number, count: number): Recording {
  const cut = (records: readonly Recorded[], at: number): number =>
    Math.floor((records.length * at) / count)
  return new Map(
    Array.from(recording, ([topic, partitions]) => [
      topic,
      partitions.map(records => records.slice(cut(records, from), cut(records, to))),
    ]),
  )
}

/** A clock that an appender sets, so that records keep the time they were first appended. */
export interface AppendClock extends Clock {
  set(nowUs: number): void
}

/** Appends `recording` to a log whose clock is `clock`. */
export async function play(
  recording: Recording,
  sources: readonly SourceSpec[],
  log: Log,
  clock: AppendClock,
): Promise<void> {
  for (const { name, partitions } of sources) {
    await log.ensureTopic({ name, partitions, source: null, logBytesMax: null })
    for (const [partition, records] of (recording.get(name) ?? []).entries()) {
      for (const run of runs(records)) {
        clock.set(run[0]?.appendedAt ?? 0)
        await log.append(name, [blockOf(run, partition)])
      }
    }
  }
}

/** Neighbours that one block can hold. */
function runs(records: readonly Recorded[]): Recorded[][] {
  const found: Recorded[][] = []
  for (const one of records) {
    const open = found[found.length - 1]
    const before = open?.[0]
    const fits =
      before !== undefined &&
      open !== undefined &&
      open.length < BLOCK_RECORDS &&
      one.kind === 'data' &&
      before.kind === 'data' &&
      one.appendedAt === before.appendedAt &&
      JSON.stringify(one.headers) === JSON.stringify(before.headers)
    if (fits) open.push(one)
    else found.push([one])
  }
  return found
}

function blockOf(records: readonly Recorded[], partition: number): AppendBlock {
  const first = records[0] as Recorded
  const bytes = records.reduce((sum, { value }) => sum + value.length, 0)
  const values = new Uint8Array(bytes + 64)
  const ends = new Uint32Array(records.length)
  let at = 0
  for (const [j, { value }] of records.entries()) {
    values.set(value, at)
    at += value.length
    ends[j] = at
  }
  return {
    partition,
    count: records.length,
    kind: first.kind,
    markAt: first.markAt,
    values: values.subarray(0, bytes),
    ends,
    headers: first.headers,
    lines: first.line === 0 ? null : Uint32Array.from(records, ({ line }) => line),
  }
}
