/** What the tables of `engineApplication` hold, computed naively from the items of the log. */

import type { Row } from '#plan'
import {
  CHAIN_US,
  GAP_US,
  HI_US,
  type Item,
  LO_US,
  SECOND,
  type TableName,
  TUMBLE_US,
} from './engine-application.ts'

interface Accepted {
  readonly row: Row
  readonly at: number
  readonly place: readonly [partition: number, offset: number]
}

export interface Verdicts {
  readonly accepted: Accepted[]
  late: number
  tooLate: number
  dead: number
}

/** Rows that are included, by the formula of docs/SEMANTICS.md alone. */
export function classify(
  items: readonly Item[][],
  disorderUs: number,
  latenessUs: number,
): Verdicts {
  const verdicts: Verdicts = { accepted: [], late: 0, tooLate: 0, dead: 0 }
  for (const [partition, list] of items.entries()) {
    let greatest = -Infinity
    for (const [offset, item] of list.entries()) {
      if (item.kind === 'mark') {
        greatest = Math.max(greatest, item.at)
        continue
      }
      if (item.row === undefined) {
        verdicts.dead++
        continue
      }
      const at = Number(item.row['at'])
      const watermark = greatest - disorderUs
      if (at < watermark - latenessUs) {
        verdicts.tooLate++
        continue
      }
      if (at < watermark) verdicts.late++
      greatest = Math.max(greatest, at)
      verdicts.accepted.push({ row: item.row, at, place: [partition, offset] })
    }
  }
  return verdicts
}

const before = (a: Accepted, b: Accepted): number =>
  a.at - b.at ||
  Number(a.row['seq'] ?? 0) - Number(b.row['seq'] ?? 0) ||
  a.place[0] - b.place[0] ||
  a.place[1] - b.place[1]

function groups(rows: readonly Accepted[], of: (row: Accepted) => string): Map<string, Accepted[]> {
  const found = new Map<string, Accepted[]>()
  for (const row of rows) {
    const list = found.get(of(row))
    if (list === undefined) found.set(of(row), [row])
    else list.push(row)
  }
  return found
}

const sum = (rows: readonly Accepted[]): number =>
  rows.reduce((total, { row }) => total + Number(row['amount']), 0)

function sessionsOf(rows: readonly Accepted[]): Accepted[][] {
  const sessions: Accepted[][] = []
  for (const list of groups(rows, ({ row }) => String(row['user'])).values()) {
    let current: Accepted[] = []
    for (const next of list.sort(before)) {
      const last = current.at(-1)
      if (last === undefined || next.at - last.at >= GAP_US) {
        current = []
        sessions.push(current)
      }
      current.push(next)
    }
  }
  return sessions
}

function windows(at: number, size: number, advance: number, offset: number): number[] {
  const starts: number[] = []
  const top = at - ((((at - offset) % advance) + advance) % advance)
  for (let start = top; start + size > at; start -= advance) starts.push(start)
  return starts
}

/** The tables, each row as JSON of its columns in order, sorted. */
export function modelTables(
  clicks: readonly Item[][],
  users: readonly Item[][],
): Record<TableName, string[]> {
  const { accepted } = classify(clicks, 5 * SECOND, 10 * SECOND)
  const versions = classify(users, 20 * SECOND, 10 * SECOND).accepted
  const seen = new Set<string>()
  const rows = accepted.filter(({ row }) => {
    const key = `${row['user']} ${row['seq']} ${row['at']}`
    if (row['kind'] === 'noise' || seen.has(key)) return false
    seen.add(key)
    return true
  })
  const sessions = sessionsOf(rows).map(list => ({
    user: list[0]?.row['user'],
    start: list[0]?.at ?? 0,
    end: list.at(-1)?.at ?? 0,
    n: list.length,
    total: sum(list),
  }))
  const chain = new Map<string, number[]>()
  for (const { user, end, n } of sessions) {
    const key = JSON.stringify([user, windows(end, CHAIN_US, CHAIN_US, 0)[0]])
    chain.set(key, [...(chain.get(key) ?? []), n])
  }
  const tables: Record<TableName, unknown[][]> = {
    events: rows.map(({ row }) => Object.values(row)),
    moved: rows.map(({ row }) => Object.values(row)),
    sessions: sessions.map(session => Object.values(session)),
    chain: [...chain].map(([key, counts]) => {
      const [user, from] = JSON.parse(key) as [string, number]
      return [user, from, from + CHAIN_US, counts.length, Math.max(...counts)]
    }),
    kinds: kindWindows(rows),
    tiers: rows.map(row => [...Object.values(row.row), tierOf(row, versions)]),
    pairs: pairsOf(rows),
    running: runningOf(rows),
  }
  const lines = Object.entries(tables).map(([name, list]) => [
    name,
    list.map(row => JSON.stringify(row)).sort(),
  ])
  return Object.fromEntries(lines) as Record<TableName, string[]>
}

function kindWindows(rows: readonly Accepted[]): unknown[][] {
  const found = new Map<string, Accepted[]>()
  for (const row of rows) {
    for (const start of windows(row.at, TUMBLE_US, TUMBLE_US / 2, 7 * SECOND)) {
      const key = JSON.stringify([row.row['kind'], start])
      found.set(key, [...(found.get(key) ?? []), row])
    }
  }
  return [...found].map(([key, list]) => {
    const [kind, start] = JSON.parse(key) as [string, number]
    const last = list.sort(before).at(-1)
    return [kind, start, start + TUMBLE_US, list.length, sum(list), last?.row['user']]
  })
}

function tierOf({ row, at }: Accepted, versions: readonly Accepted[]): string {
  const valid = versions
    .filter(version => version.row['id'] === row['user'] && version.at <= at)
    .sort(before)
    .at(-1)
  return valid === undefined || valid.row['gone'] === true ? 'none' : String(valid.row['tier'])
}

function pairsOf(rows: readonly Accepted[]): unknown[][] {
  const pairs: unknown[][] = []
  for (const left of rows) {
    if (left.row['kind'] !== 'buy') continue
    for (const right of rows) {
      const distance = left.at - right.at
      if (right.row['kind'] !== 'view' || right.row['user'] !== left.row['user']) continue
      if (distance < LO_US || distance > HI_US) continue
      const at = Math.max(left.at, right.at)
      pairs.push([left.row['user'], left.row['seq'], right.row['seq'], at])
    }
  }
  return pairs
}

function runningOf(rows: readonly Accepted[]): unknown[][] {
  return [...groups(rows, ({ row }) => String(row['user'])).values()].flatMap(list => {
    let total = 0
    return list.sort(before).map(({ row }) => {
      total += Number(row['amount'])
      return [row['user'], row['seq'], row['at'], total]
    })
  })
}
