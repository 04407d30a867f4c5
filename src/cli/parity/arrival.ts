/**
 * Other arrivals of the same records, in which every row stays included, or too late, as it was:
 * shuffled within the bound, made late, repeated as a source that sends again would, and repeated
 * so late that nothing takes the copies.
 */

import { manualClock, type Random } from '#base'
import { Batch } from '#columns'
import { compileCodec } from '#format'
import { openMemory } from '#local'
import type { SourceSpec } from '#plan'
import { play, type Recorded, type Recording } from './recorded.ts'

/** Passes of neighbour swaps: a record moves some tens of places. */
const PASSES = 40

/** Of how many records one is made late, or copied too late. */
const EVERY = 15

/** How many places a record that is made late moves at most. */
const REACH = 400

/** Rounds in which moves that changed a verdict are taken back before all are. */
const REPAIRS = 50

/** One partition's records and their event times; NaN for dead letters. */
interface Arrived {
  readonly source: SourceSpec
  readonly records: readonly Recorded[]
  readonly times: Float64Array
}

/** The recording with arrival shuffled within each source's disorder bound. */
export function shuffled(
  recording: Recording,
  sources: readonly SourceSpec[],
  random: Random,
): Promise<Recording> {
  return rearranged(recording, sources, partition => swapped(partition, random))
}

/** The recording with some rows behind the watermark that were not: late, but not too late. */
export function delayed(
  recording: Recording,
  sources: readonly SourceSpec[],
  random: Random,
): Promise<Recording> {
  return rearranged(recording, sources, partition => postponed(partition, random))
}

/** The recording with copies of records where they are too late. */
export function copiedTooLate(
  recording: Recording,
  sources: readonly SourceSpec[],
  random: Random,
): Promise<Recording> {
  return rearranged(recording, sources, partition => withTooLate(partition, random))
}

/** The recording with about one record in `every` sent a second time, up to `reach` records later. */
export function repeated(
  recording: Recording,
  every: number,
  reach: number,
  random: Random,
): Recording {
  const again = (records: readonly Recorded[]): Recorded[] => {
    const out = records.map((value, place) => ({ value, place }))
    for (const [place, value] of records.entries()) {
      if (value.kind === 'data' && random.next() * every < 1) {
        out.push({ value, place: place + 0.5 + random.int(reach) })
      }
    }
    return out.sort((a, b) => a.place - b.place).map(({ value }) => value)
  }
  return new Map(Array.from(recording, ([topic, partitions]) => [topic, partitions.map(again)]))
}

async function rearranged(
  recording: Recording,
  sources: readonly SourceSpec[],
  change: (partition: Arrived) => Recorded[],
): Promise<Recording> {
  const times = await eventTimes(recording, sources)
  return new Map(
    sources.map(source => [
      source.name,
      (recording.get(source.name) ?? []).map((records, partition) =>
        change({
          source,
          records,
          times: times.get(source.name)?.[partition] ?? new Float64Array(records.length),
        }),
      ),
    ]),
  )
}

/** By topic and partition the event time of each record; NaN for dead letters. */
async function eventTimes(
  recording: Recording,
  sources: readonly SourceSpec[],
): Promise<Map<string, Float64Array[]>> {
  const clock = manualClock()
  const { log } = openMemory({ clock })
  await play(recording, sources, log, clock)
  return new Map(
    sources.map(source => {
      const codec = compileCodec(source, { generated: true })
      const batch = new Batch(codec.schema)
      const times = log.topic(source.name).extents.map(({ end }, partition) => {
        const at = new Float64Array(end).fill(Number.NaN)
        for (let offset = 0; offset < end; ) {
          const block = log.read(source.name, partition, offset)
          if (block === undefined) break
          if (block.kind === 'mark') at[block.baseOffset] = block.markAt
          for (let from = 0; block.kind === 'data' && from < block.count; from += 1024) {
            codec.decode(block, from, Math.min(block.count, from + 1024), batch)
            for (let j = 0; j < batch.selected; j++) {
              const row = batch.selection[j] ?? 0
              at[block.baseOffset + from + row] = batch.at[row] ?? Number.NaN
            }
          }
          offset = block.baseOffset + block.count
        }
        return at
      })
      return [source.name, times]
    }),
  )
}

const later = (greatest: number, time: number): number =>
  Number.isNaN(time) ? greatest : Math.max(greatest, time)

function swapped({ source, records, times }: Arrived, random: Random): Recorded[] {
  const { disorderUs, latenessUs } = source
  const order = Uint32Array.from(records.keys())
  const timeAt = (place: number): number => times[order[place] ?? 0] ?? Number.NaN
  const isMark = (place: number): boolean => records[order[place] ?? 0]?.kind === 'mark'
  const tooLate = (time: number, greatest: number): boolean =>
    time < greatest - disorderUs - latenessUs
  for (let pass = 0; pass < PASSES; pass++) {
    let greatest = -Infinity
    for (let place = 0; place + 1 < order.length; place++) {
      const a = timeAt(place)
      const b = timeAt(place + 1)
      if (
        random.next() < 0.5 &&
        !(Math.abs(a - b) > disorderUs) &&
        !isMark(place) &&
        !isMark(place + 1) &&
        tooLate(a, greatest) === tooLate(a, later(greatest, b)) &&
        tooLate(b, later(greatest, a)) === tooLate(b, greatest)
      ) {
        const first = order[place] ?? 0
        order[place] = order[place + 1] ?? 0
        order[place + 1] = first
      }
      greatest = later(greatest, timeAt(place))
    }
  }
  return Array.from(order, place => records[place] as Recorded)
}

/** Of the records in an order, which are too late. */
function tooLateOf({ source, times }: Arrived, order: Uint32Array): Uint8Array {
  const behindUs = source.disorderUs + source.latenessUs
  const verdicts = new Uint8Array(order.length)
  let greatest = -Infinity
  for (const record of order) {
    const time = times[record] ?? Number.NaN
    if (time < greatest - behindUs) verdicts[record] = 1
    greatest = later(greatest, time)
  }
  return verdicts
}

function postponed(partition: Arrived, random: Random): Recorded[] {
  const { records } = partition
  const own = Uint32Array.from(records.keys())
  const wanted = tooLateOf(partition, own)
  const moves = Float64Array.from(records, ({ kind }) =>
    kind === 'data' && random.int(EVERY) === 0 ? 0.5 + random.int(REACH) : 0,
  )
  for (let round = 0; ; round++) {
    if (round === REPAIRS) moves.fill(0)
    const order = own.slice().sort((a, b) => a + (moves[a] ?? 0) - b - (moves[b] ?? 0) || a - b)
    const verdicts = tooLateOf(partition, order)
    const changed = own.filter(record => verdicts[record] !== wanted[record])
    if (changed.length === 0) return Array.from(order, place => records[place] as Recorded)
    for (const record of changed) {
      moves[record] = 0
      // What went over it may have been what made it too late.
      for (let over = Math.max(0, record - REACH); over < record; over++) {
        if (over + (moves[over] ?? 0) > record) moves[over] = 0
      }
    }
  }
}

function withTooLate({ source, records, times }: Arrived, random: Random): Recorded[] {
  const behindUs = source.disorderUs + source.latenessUs
  const out: Recorded[] = []
  let greatest = -Infinity
  for (const [place, record] of records.entries()) {
    const copied = random.int(place + 1)
    const copy = records[copied]
    if (
      random.int(EVERY) === 0 &&
      copy?.kind === 'data' &&
      (times[copied] ?? Number.NaN) < greatest - behindUs
    ) {
      out.push(copy)
    }
    out.push(record)
    greatest = later(greatest, times[place] ?? Number.NaN)
  }
  return out
}
