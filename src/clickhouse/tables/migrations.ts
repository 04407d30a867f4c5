/**
 * From the tables that are there to the tables that are declared: planned, shown, applied.
 *
 * The plan compares with what the store really has, not with what was recorded, so that a crash in
 * mid-migration is finished by the next start. What only adds (a table, a nullable column, a wider
 * type) is applied as it is; what loses or reinterprets rows needs a flag. Each change that was
 * applied is recorded in `app._migrations`.
 */

import { type Clock, PlatformError } from '#base'
import type { TableSpec } from '#plan'
import type { StoreClient } from '../client.ts'
import {
  createTable,
  DATABASE,
  quoteColumn,
  quoteTable,
  type TableShape,
  tableShape,
} from './table-ddl.ts'

export interface TableChange {
  readonly table: string
  /** One line for the user, as in `add column "x" Nullable(Int64)`. */
  readonly description: string
  readonly statements: readonly string[]
  /** Whether rows are lost or get another meaning. */
  readonly destructive: boolean
}

export interface MigrationPlan {
  /** In the order they are applied; empty when the store is as declared. */
  readonly changes: readonly TableChange[]
  readonly specs: readonly TableSpec[]
}

export interface ApplyOptions {
  /** Whether destructive changes may be applied; they throw otherwise. */
  readonly destructive: boolean
  readonly clock: Clock
}

const HISTORY = `CREATE TABLE IF NOT EXISTS ${DATABASE}._migrations (
  applied_at DateTime64(6, 'UTC'), table String, change String, statements Array(String), spec String
) ENGINE = MergeTree ORDER BY (table, applied_at)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1`

/** What would change so that the store holds `specs`. Tables nobody declares stay as they are. */
export async function planMigrations(
  admin: StoreClient,
  specs: readonly TableSpec[],
): Promise<MigrationPlan> {
  const present = await tableShapes(admin)
  const changes: TableChange[] = []
  for (const spec of specs) {
    const found = present.get(spec.name)
    if (found === undefined) {
      const statements = [createTable(spec)]
      changes.push({ table: spec.name, description: 'create', statements, destructive: false })
    } else {
      changes.push(...tableChanges(spec, found))
    }
  }
  return { changes, specs }
}

/**
 * Applies `plan` as the account `admin`.
 *
 * @throws PlatformError `store.migration` before anything is changed, where a change is destructive
 * and that is not allowed
 */
export async function applyMigrations(
  admin: StoreClient,
  plan: MigrationPlan,
  options: ApplyOptions,
): Promise<void> {
  const refused = plan.changes.filter(change => change.destructive && !options.destructive)
  if (refused.length > 0) {
    const list = refused.map(change => `"${change.table}": ${change.description}`).join('; ')
    throw new PlatformError(
      'store.migration',
      `the tables differ from the declared ones: ${list}`,
      {
        hint: 'Start with --allow-destructive to apply this (rows of these tables are lost or change their meaning), or declare the tables as they were.',
      },
    )
  }
  if (plan.changes.length === 0) return
  await admin.read(HISTORY)
  for (const change of plan.changes) {
    for (const statement of change.statements) await admin.read(statement)
    const spec = plan.specs.find(entry => entry.name === change.table)
    await record(admin, change, JSON.stringify(spec), options.clock.nowUs())
  }
}

async function record(
  admin: StoreClient,
  change: TableChange,
  spec: string,
  nowUs: number,
): Promise<void> {
  const row = [nowUs, change.table, change.description, change.statements, spec]
  await admin.insert(
    `INSERT INTO ${DATABASE}._migrations FORMAT JSONCompactEachRow`,
    Buffer.from(`${JSON.stringify([String(nowUs / 1e6), ...row.slice(1)])}\n`),
    { settings: { async_insert: 0 } },
  )
}

/** Shapes of the tables of the database, by name. */
async function tableShapes(admin: StoreClient): Promise<ReadonlyMap<string, TableShape>> {
  const where = `WHERE database = '${DATABASE}'`
  const tables = await admin.rows(
    `SELECT name, engine, sorting_key, partition_key FROM system.tables ${where}`,
  )
  const columns = await admin.rows(
    `SELECT table, name, type FROM system.columns ${where} ORDER BY table, position`,
  )
  const shapes = new Map<string, TableShape>()
  for (const [name, engine, sortingKey, partitionKey] of tables as readonly string[][]) {
    const own = columns.filter(column => column[0] === name)
    shapes.set(String(name), {
      columns: own.map(column => ({ name: String(column[1]), type: String(column[2]) })),
      engine: String(engine),
      sortingKey: plainKey(String(sortingKey)),
      partitionKey: plainKey(String(partitionKey)),
    })
  }
  return shapes
}

/** A key without the quotes and outer brackets that the engine puts around some. */
function plainKey(shown: string): string {
  return shown.replaceAll('`', '').replace(/^\((.*)\)$/s, '$1')
}

function tableChanges(spec: TableSpec, found: TableShape): readonly TableChange[] {
  const wanted = tableShape(spec)
  const rebuilt: string[] = []
  if (wanted.engine !== found.engine) rebuilt.push(`from ${found.engine} to ${wanted.engine}`)
  if (wanted.sortingKey !== found.sortingKey) {
    rebuilt.push(`sorted by (${wanted.sortingKey}) instead of (${found.sortingKey})`)
  }
  if (wanted.partitionKey !== found.partitionKey) {
    rebuilt.push(`partitioned by (${wanted.partitionKey}) instead of (${found.partitionKey})`)
  }
  const columns = columnChanges(spec, wanted, found)
  const retyped = columns.filter(change => change.statements.length === 0)
  if (rebuilt.length === 0 && retyped.length === 0) return columns
  const reasons = [...rebuilt, ...retyped.map(change => change.description)]
  return [
    {
      table: spec.name,
      description: `drop and create again, empty: ${reasons.join(', ')}`,
      statements: [`DROP TABLE ${quoteTable(spec.name)} SYNC`, createTable(spec)],
      destructive: true,
    },
  ]
}

/** Changes by column; one without statements cannot be made in place. */
function columnChanges(
  spec: TableSpec,
  wanted: TableShape,
  found: TableShape,
): readonly TableChange[] {
  const table = spec.name
  const alter = `ALTER TABLE ${quoteTable(table)}`
  const changes: TableChange[] = []
  const types = new Map(found.columns.map(column => [column.name, column.type]))
  let previous = ''
  for (const { name, type } of wanted.columns) {
    const old = types.get(name)
    const place = previous === '' ? 'FIRST' : `AFTER ${quoteColumn(previous)}`
    const quoted = quoteColumn(name)
    previous = name
    if (old === type) continue
    if (old === undefined) {
      const nullable = type.startsWith('Nullable(') || type.startsWith('Array(')
      const filled = nullable ? '' : ', which older rows fill with a zero value'
      changes.push({
        table,
        description: `add column "${name}" ${type}${filled}`,
        statements: [`${alter} ADD COLUMN ${quoted} ${type} ${place}`],
        destructive: !nullable,
      })
      continue
    }
    const keyed = wanted.sortingKey.split(', ').includes(name)
    const wider = widens(old, type) && !(keyed && !old.startsWith('Enum'))
    changes.push({
      table,
      description: `column "${name}" from ${old} to ${type}`,
      statements: wider ? [`${alter} MODIFY COLUMN ${quoted} ${type}`] : [],
      destructive: !wider,
    })
  }
  for (const { name } of found.columns) {
    if (wanted.columns.some(column => column.name === name)) continue
    changes.push({
      table,
      description: `drop column "${name}"`,
      statements: [`${alter} DROP COLUMN ${quoteColumn(name)}`],
      destructive: true,
    })
  }
  return changes
}

/** Whether every value of `from` is the same value of `to`. */
export function widens(from: string, to: string): boolean {
  if (from === to) return true
  const inner = /^Nullable\((.*)\)$/
  const target = inner.exec(to)
  if (target !== null) return widens(inner.exec(from)?.[1] ?? from, target[1] ?? '')
  if (from === 'Int32' && to === 'Int64') return true
  const decimals = /^Decimal\((\d+), (\d+)\)$/
  const small = decimals.exec(from)
  const large = decimals.exec(to)
  if (small !== null && large !== null) {
    return Number(small[1]) <= Number(large[1]) && small[2] === large[2]
  }
  const values = /^Enum(?:8|16)\((.*)\)$/s
  const few = values.exec(from)?.[1]
  const many = values.exec(to)?.[1]
  return few !== undefined && many?.startsWith(`${few}, `) === true
}
