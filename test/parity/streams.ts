/** Seeded records of the generated inputs: disorder, late, too late, broken and repeated ones, by topic. */

import { type Random, seededRandom } from '#base'
import { shopEvents } from '../support/shop-events.ts'

/** Lines by topic, in the order in which they are appended. */
export type Lines = Readonly<Record<string, readonly string[]>>

const BEGIN_MS = Date.UTC(2026, 0, 31, 23, 50)

interface Disorder {
  /** Event time between two records, on average. */
  readonly stepMs: number
  /** How far rows are behind: on time, late, and too late at most. */
  readonly lagsMs: readonly [onTime: number, late: number, tooLate: number]
  /** Unit of times: whole ones make equal times, and neighbours exactly a gap apart. */
  readonly unitMs: number
  readonly beginMs?: number
}

/** Times of `count` rows in their order of arrival. */
function times(random: Random, count: number, disorder: Disorder): number[] {
  const { stepMs, lagsMs, unitMs, beginMs = BEGIN_MS } = disorder
  const [onTime, late, tooLate] = lagsMs
  let now = beginMs
  let greatest = -Infinity
  return Array.from({ length: count }, () => {
    now += random.int(2 * stepMs + 1)
    const draw = random.next()
    // Exactly at the watermark, and exactly at the frontier, of a partition that has the greatest.
    if (draw > 0.98 && greatest > -Infinity) return greatest - onTime - (draw > 0.99 ? late : 0)
    const lag =
      draw < 0.5
        ? random.int(unitMs)
        : draw < 0.92
          ? random.int(onTime)
          : draw < 0.96
            ? onTime + random.int(late)
            : onTime + late + random.int(tooLate)
    const at = Math.floor((now - lag) / unitMs) * unitMs
    greatest = Math.max(greatest, at)
    return at
  })
}

const BROKEN = ['{"id":', 'null', '{}', '\u0000', '{"id":"x"}', '']

/** The lines with broken ones between, and some sent twice. */
function disturbed(random: Random, lines: readonly string[]): string[] {
  const out: string[] = []
  for (const line of lines) {
    out.push(line)
    if (random.int(200) === 0) out.push(BROKEN[random.int(BROKEN.length)] ?? '')
    if (random.int(40) === 0)
      out.push(out[out.length - 1 - random.int(Math.min(60, out.length))] ?? '')
  }
  return out.filter(line => line !== '')
}

function jsonOf(random: Random, rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return disturbed(
    random,
    rows.map(row => JSON.stringify(row)),
  )
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random.int(values.length)] as T

const amount = (random: Random, whole: number): string =>
  `${random.int(whole)}.${String(random.int(100)).padStart(2, '0')}`

function tiers(random: Random, count: number): Lines {
  const orders = times(random, count, {
    stepMs: 150,
    lagsMs: [15_000, 60_000, 300_000],
    unitMs: 500,
  })
  const spanMs = count * 150
  const changes = Math.floor(count / 12)
  const from = times(random, changes, {
    stepMs: spanMs / changes,
    lagsMs: [40_000, 120_000, 600_000],
    unitMs: 500,
    beginMs: BEGIN_MS - 60_000,
  })
  const rates = times(random, 60, {
    stepMs: spanMs / 60,
    lagsMs: [40_000, 60_000, 600_000],
    unitMs: 1000,
    beginMs: BEGIN_MS - 120_000,
  })
  return {
    orders: jsonOf(
      random,
      orders.map((at, id) => ({
        id,
        customer: `c${random.int(40)}`,
        country: pick(random, ['de', 'fr', 'ä', null]),
        amount: amount(random, 100),
        at,
      })),
    ),
    customers: jsonOf(
      random,
      from.map(at => ({
        name: `c${random.int(44)}`,
        tier: pick(random, ['basic', 'silver', 'gold']),
        gone: random.int(7) === 0,
        from: at,
      })),
    ),
    rates: jsonOf(
      random,
      rates.map((since, version) => ({
        country: pick(random, ['de', 'fr', 'ä', 'xx']),
        rate: `${random.int(3)}.${String(random.int(10_000)).padStart(4, '0')}`,
        version,
        since,
      })),
    ),
  }
}

function pairs(random: Random, count: number): Lines {
  const side = (rows: number, lagsMs: Disorder['lagsMs']): string[] =>
    jsonOf(
      random,
      times(random, rows, { stepMs: (count * 60) / rows, lagsMs, unitMs: 500 }).map((at, id) => ({
        id,
        user: `u${random.int(25)}`,
        ad: random.int(8) === 0 ? null : `ad${random.int(6)}`,
        cost: random.int(1000) - 200,
        at,
      })),
    )
  const shows = Math.floor(count * 0.6)
  return {
    shown: side(shows, [8_000, 20_000, 60_000]),
    clicked: side(count - shows, [3_000, 20_000, 60_000]),
  }
}

function turns(random: Random, count: number): Lines {
  const at = times(random, count, { stepMs: 100, lagsMs: [10_000, 30_000, 90_000], unitMs: 1000 })
  return {
    moves: jsonOf(
      random,
      at.map((time, id) => ({
        id,
        player: `p${random.int(30)}`,
        room: `r${random.int(12)}`,
        points: Math.floor(id / 4) + random.int(400),
        at: time,
      })),
    ),
  }
}

function tides(random: Random, count: number): Lines {
  const at = times(random, count, {
    stepMs: 200,
    lagsMs: [30_000, 120_000, 400_000],
    unitMs: 500,
    beginMs: -count * 100,
  })
  const rows = at.map((time, id) =>
    [
      id,
      `g${random.int(9)}`,
      random.int(9) === 0
        ? ''
        : `${random.int(9) === 0 ? '-' : ''}${random.int(900)}.${100 + random.int(900)}`,
      random.int(9) === 0 ? '' : String((random.next() - 0.5) * 10 ** (random.int(30) - 10)),
      pick(random, ['good', 'poor', '', 'good']),
      String(
        BigInt(random.int(2 ** 31)) *
          BigInt(random.int(2 ** 31)) *
          (random.int(2) === 0 ? 1n : -1n),
      ),
      time,
    ].join(','),
  )
  const wrong = rows.map(row => (random.int(60) === 0 ? row.replace(',good,', ',odd,') : row))
  return { levels: ['id,gauge,level,speed,quality,big,at', ...wrong] }
}

function doors(random: Random, count: number): Lines {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.int(16).toString(16)).join('')
  const side = (rows: number, lagsMs: Disorder['lagsMs']): string[] =>
    jsonOf(
      random,
      times(random, rows, { stepMs: (count * 150) / rows, lagsMs, unitMs: 1000 }).map(at => ({
        id: `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
        badge: random.int(60) === 0 ? null : random.int(150),
        door: `d${random.int(5)}`,
        at,
      })),
    )
  return {
    north: side(Math.floor(count / 2), [5_000, 40_000, 60_000]),
    south: side(Math.floor(count / 2), [25_000, 10_000, 60_000]),
  }
}

function places(random: Random, count: number): Lines {
  const at = times(random, count, { stepMs: 120, lagsMs: [20_000, 60_000, 200_000], unitMs: 1000 })
  const lines = at.map(
    time =>
      `${time / 1000} guest${random.int(60)} [${pick(random, ['bar', 'pool', '-', 'roof', 'é'])}] "note ${random.int(1000)}"`,
  )
  return { visits: disturbed(random, lines) }
}

const STREAMS = {
  shop: (random, count) => ({
    events: shopEvents({ seed: random.int(2 ** 31), count, users: 1_000 }),
  }),
  tiers,
  pairs,
  turns,
  tides,
  doors,
  places,
} satisfies Readonly<Record<string, (random: Random, count: number) => Lines>>

export type StreamName = keyof typeof STREAMS

/** The records of an input: equal for equal seeds. */
export function streamLines(name: StreamName, seed: number, count: number): Lines {
  return STREAMS[name](seededRandom(seed), count)
}
