/**
 * What the store holds of a unit: the question that decides about every insert.
 *
 * The rows carry their epoch and positions, and the rename that publishes a part publishes them
 * with it, so a query tells the truth where a promise (a token, an acknowledgement) may not.
 *
 * An epoch is one commit of one worker, so the rows of a table with `_e = E` are those of the units
 * of one manifest. A unit is one table partition; which one, its positions tell: the rows of a
 * partition must be those of one or several of the units, by number, hash and extent.
 */

import { PlatformError } from '#base'
import type { Unit } from '#ports'
import type { StoreClient } from '../client.ts'
import { quoteColumn, quoteTable } from '../tables/table-ddl.ts'

/** Rows with one epoch in one partition of a table, however merges have laid them into parts. */
export interface StoredRows {
  readonly epoch: number
  readonly partition: string
  readonly parts: readonly string[]
  readonly rows: number
  readonly positionHash: number
  /** By log partition: first and last offset. */
  readonly extents: ReadonlyMap<number, readonly [first: number, last: number]>
}

/** Sink queries see stored versions, not current rows. */
export const STORED = { final: 0, max_execution_time: 0 } as const

/** The hash of one row's position; exact modulo 2³², as 2³² divides the modulus of UInt64. */
const POSITION_HASH = '(_o * 2654435761 + _p * 40503 + _i * 97) % 4294967296'

/** Units that may share a partition of a table in one epoch. */
const UNITS_MAX = 16

/** What `table` holds of `epochs`. Touches the parts whose epochs overlap them. */
export async function storedRows(
  client: StoreClient,
  table: string,
  epochs: readonly number[],
): Promise<readonly StoredRows[]> {
  const found = await client.rows(
    `SELECT _e, _partition_id, _part, _p, count(), sum(${POSITION_HASH}), min(_o), max(_o)
FROM ${quoteTable(table)} WHERE _e IN (${epochs.map(Number).join(', ')}) GROUP BY ALL`,
    { settings: STORED },
  )
  const groups = new Map<string, StoredRows & { parts: string[] }>()
  for (const row of found) {
    const [epoch, partition, part] = [Number(row[0]), String(row[1]), String(row[2])]
    const name = `${epoch}/${partition}`
    const group = groups.get(name)
    const logPartition = Number(row[3])
    const extents = new Map(group?.extents)
    const before = extents.get(logPartition)
    const first = Math.min(Number(row[6]), before?.[0] ?? Infinity)
    const last = Math.max(Number(row[7]), before?.[1] ?? -1)
    extents.set(logPartition, [first, last])
    const parts = group?.parts ?? []
    if (!parts.includes(part)) parts.push(part)
    groups.set(name, {
      epoch,
      partition,
      parts,
      rows: (group?.rows ?? 0) + Number(row[4]),
      positionHash: (group?.positionHash ?? 0) + Number(row[5]),
      extents,
    })
  }
  return [...groups.values()]
}

/** Which units of one table and epoch are there. */
export interface Coverage {
  readonly covered: ReadonlySet<Unit>
  /** Partitions whose rows are not those of any choice of units. */
  readonly unexplained: readonly StoredRows[]
  /** Partitions where the rows of a unit lie in several parts that no merge made. */
  readonly split: readonly StoredRows[]
}

/** Explains what is stored of one table and epoch by its units. */
export function explainRows(units: readonly Unit[], stored: readonly StoredRows[]): Coverage {
  const covered = new Set<Unit>()
  const unexplained: StoredRows[] = []
  const split: StoredRows[] = []
  for (const group of stored) {
    const left = units.filter(unit => !covered.has(unit)).slice(0, UNITS_MAX)
    const choice = chooseUnits(left, group)
    if (choice === undefined) {
      unexplained.push(group)
      continue
    }
    for (const unit of choice) covered.add(unit)
    if (group.parts.length > choice.length) split.push(group)
  }
  return { covered, unexplained, split }
}

/** Units of `left` that together are exactly `group`: the first by row count, then hash and extents. */
function chooseUnits(left: readonly Unit[], group: StoredRows): readonly Unit[] | undefined {
  const choose = (from: number, rows: number, hash: number): readonly Unit[] | undefined => {
    if (rows === 0) return hash === 0 ? [] : undefined
    for (let index = from; index < left.length; index++) {
      const unit = left[index] as Unit
      if (unit.rows > rows || unit.positionHash > hash) continue
      const rest = choose(index + 1, rows - unit.rows, hash - unit.positionHash)
      if (rest !== undefined) return [unit, ...rest]
    }
    return undefined
  }
  const choice = choose(0, group.rows, group.positionHash)
  return choice !== undefined && sameExtents(choice, group) ? choice : undefined
}

function sameExtents(units: readonly Unit[], group: StoredRows): boolean {
  const wanted = new Map<number, readonly [number, number]>()
  for (const unit of units) {
    for (const [partition, first, last] of unit.ranges) {
      const before = wanted.get(partition)
      wanted.set(partition, [
        Math.min(first, before?.[0] ?? first),
        Math.max(last, before?.[1] ?? last),
      ])
    }
  }
  if (wanted.size !== group.extents.size) return false
  return [...wanted].every(([partition, [first, last]]) => {
    const found = group.extents.get(partition)
    return found !== undefined && found[0] === first && found[1] === last
  })
}

/**
 * Whether every key of an upsert unit has a stored version of `epoch` or later. Sends the unit to
 * the store, so it is asked only where merges have made fewer rows of it.
 */
export async function keysCovered(
  client: StoreClient,
  table: { readonly name: string; readonly key: readonly string[]; readonly structure: string },
  epoch: number,
  bytes: Uint8Array,
): Promise<boolean> {
  const key = table.key.map(quoteColumn).join(', ')
  const found = await client.readWith(
    `SELECT count() FROM (
SELECT ${key}, max(version) AS newest, max(wanted) AS asked FROM (
SELECT ${key}, _e AS version, 0 AS wanted FROM ${quoteTable(table.name)} WHERE _e >= ${Number(epoch)}
UNION ALL SELECT ${key}, toUInt64(0) AS version, 1 AS wanted FROM unit)
GROUP BY ${key}) WHERE asked = 1 AND newest < ${Number(epoch)}`,
    { structure: table.structure, bytes },
    { settings: STORED },
  )
  return Number(found[0]?.[0]) === 0
}

/** A unit and a table that do not agree: the end of this run. */
export function coverageError(unit: string, what: string, hint?: string): PlatformError {
  return new PlatformError('store.coverage', `unit "${unit}": ${what}`, {
    hint:
      hint ??
      'The table is not as the commit log says. Keep the data directory, stop writing to the table by hand, and run millrace verify.',
  })
}
