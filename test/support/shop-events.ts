/** Seeded input of the shop application: JSON lines with everything that can go wrong in a stream. */

import { seededRandom } from '#base'

export interface EventOptions {
  readonly seed: number
  readonly count: number
  readonly users: number
}

const PAGES = ['/', '/search', '/cart', '/checkout', '/product/1', '/product/2', '/ä', '/😀']
const BEGIN_MS = Date.UTC(2026, 0, 1)
const STEP_MS = 40

/** Lines without their ends: mostly in order, some late, too late, twice, in the future, or broken. */
export function shopEvents({ seed, count, users }: EventOptions): string[] {
  const random = seededRandom(seed)
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.int(16).toString(16)).join('')
  const lines: string[] = []
  for (let j = 0; j < count; j++) {
    const chance = random.next()
    if (chance < 0.03 && j > 50) {
      lines.push(lines[j - 1 - random.int(50)] ?? '')
      continue
    }
    if (chance < 0.035) {
      lines.push(['{"event_id":', '[]', '{}', 'not json', '{"user_id":1}'][random.int(5)] ?? '')
      continue
    }
    const behind = random.next()
    const lag =
      behind < 0.5
        ? random.int(1000)
        : behind < 0.95
          ? random.int(20_000)
          : behind < 0.985
            ? 20_000 + random.int(120_000)
            : 140_000 + random.int(600_000)
    // Whole seconds make equal times and neighbours exactly a gap apart.
    const at = BEGIN_MS + Math.floor((j * STEP_MS - lag) / 1000) * 1000
    const amount = random.next() < 0.3 ? null : (random.int(100_000) - 20_000) / 100
    lines.push(
      JSON.stringify({
        event_id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
        user_id: `u${random.int(users)}`,
        page: PAGES[random.int(PAGES.length)],
        amount,
        at: new Date(at).toISOString(),
      }),
    )
  }
  return lines
}
