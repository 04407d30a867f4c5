/**
 * Other arrivals of the same records: shuffled so that no row changes between included and too
 * late, and repeated, as a source that sends again would.
 */

import { manualClock, type Random } from '#base'
import { Batch } from '#columns'
import { compileCodec } from '#format'
import { openMemory } from '#local'
import type { SourceSpec } from '#plan'
import { play, type Recorded, type Recording } from './recorded.ts'

/** Passes of neighbour swaps: a record moves some tens of places. */
const PASSES = 40

/** The recording with arrival shuffled within each source's disorder bound. */
export async function shuffled(
  recording: Recording,
  sources: readonly SourceSpec[],
  random: Random,
): Promise<Recording> {
  const times = await eventTimes(recording, sources)
  return new Map(
    sources.map(source => [
      source.name,
      (recording.get(source.name) ?? []).map((records, partition) =>
        shufflePartition(source, records, times.get(source.name)?.[partition] ?? [], random),
      ),
    ]),
  )
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

function shufflePartition(
  source: SourceSpec,
  records: readonly Recorded[],
  times: Float64Array | readonly number[],
  random: Random,
): Recorded[] {
  const { disorderUs, latenessUs } = source
  const order = Uint32Array.from(records.keys())
  const at = (place: number): number => times[order[place] ?? 0] ?? Number.NaN
  const included = (time: number, greatest: number): boolean =>
    Number.isNaN(time) || time >= greatest - disorderUs - latenessUs
  const later = (greatest: number, time: number): number =>
    Number.isNaN(time) ? greatest : Math.max(greatest, time)
  for (let pass = 0; pass < PASSES; pass++) {
    let greatest = -Infinity
    for (let place = 0; place + 1 < order.length; place++) {
      const [a, b] = [at(place), at(place + 1)]
      const mark = [place, place + 1].some(p => records[order[p] ?? 0]?.kind === 'mark')
      const same =
        included(a, greatest) === included(a, later(greatest, b)) &&
        included(b, later(greatest, a)) === included(b, greatest)
      if (!mark && same && !(Math.abs(a - b) > disorderUs) && random.next() < 0.5) {
        const first = order[place] ?? 0
        order[place] = order[place + 1] ?? 0
        order[place + 1] = first
      }
      greatest = later(greatest, at(place))
    }
  }
  return Array.from(order, place => records[place] as Recorded)
}
