/** Tables, which rows go into, and the application that holds it all. */

import { PlatformError } from '#base'
import {
  type Application,
  checkApplication,
  type Emit,
  inputsOf,
  type Operator,
  type ProcessFunction,
  type Schema,
  type SourceSpec,
  type TableSpec,
} from '#plan'
import type { Columns, DeclaredColumns, TagsOf } from './column-type.ts'
import { schemaOf } from './format.ts'

/** What sources and functions an operator tree reads, by name. */
export interface Plan {
  readonly operator: Operator
  readonly sources: ReadonlyMap<string, SourceSpec>
  readonly functions: ReadonlyMap<string, ProcessFunction>
}

export interface TableOptions<D extends DeclaredColumns> {
  /** In order. Without them the table has the columns of its pipeline. */
  readonly columns?: D
  /**
   * Columns that identify a row: the table then holds the current row of each key. Without a key
   * it is append-only, and gets settled rows only.
   */
  readonly key?: readonly (keyof D & string)[]
  /** Sorting key of the store, where it is not `key`. */
  readonly orderBy?: readonly (keyof D & string)[]
  readonly partitionBy?: { readonly column: keyof D & string; readonly unit: 'day' | 'month' }
  /** float64 columns that are compared to 1e-12 instead of byte for byte. */
  readonly approximate?: readonly (keyof D & string)[]
}

/** A table that pipelines end in. */
export interface Table<C extends Columns = Columns> {
  readonly name: string
  /** The table's columns, or those of its pipeline where `schema` is undefined. */
  readonly schema: Schema | undefined
  readonly options: Omit<TableSpec, 'name' | 'schema'>
  /** Never there; carries the tags. */
  readonly columns?: C
}

/**
 * A table of the store.
 *
 * @example table('revenue_by_day', { columns: { day: t.date(), revenue: t.decimal(38, 2).nullable() }, key: ['day'] })
 */
export function table<D extends DeclaredColumns>(
  name: string,
  { columns, key = [], orderBy = [], partitionBy, approximate = [] }: TableOptions<D> = {},
): Table<TagsOf<D>> {
  return Object.freeze({
    name,
    schema: columns === undefined ? undefined : schemaOf(columns),
    options: Object.freeze({ key, orderBy, partitionBy: partitionBy ?? null, approximate }),
  })
}

/** A plan and the table it ends in. */
export interface Pipeline {
  readonly table: Table
  readonly emit: Emit
  readonly plan: Plan
}

export interface AppOptions {
  /** `^[a-z][a-z0-9_-]*$` */
  readonly name: string
  readonly version?: string
  readonly pipelines: readonly Pipeline[]
}

function merge<T>(maps: readonly ReadonlyMap<string, T>[], what: string): Map<string, T> {
  const merged = new Map<string, T>()
  for (const [name, value] of maps.flatMap(map => [...map])) {
    const known = merged.get(name)
    if (known !== undefined && known !== value) {
      throw new PlatformError('plan.invalid', `two ${what} are named "${name}"`)
    }
    merged.set(name, value)
  }
  return merged
}

/** The tables of pipelines, each with the columns it declares or gets. */
function tablesOf(pipelines: readonly Pipeline[]): TableSpec[] {
  const tables = new Map<string, { table: Table; spec: TableSpec }>()
  for (const { table, plan } of pipelines) {
    const known = tables.get(table.name)
    if (known !== undefined && known.table !== table) {
      throw new PlatformError('plan.invalid', `two tables are named "${table.name}"`)
    }
    const { name, options } = table
    const schema = known?.spec.schema ?? table.schema ?? plan.operator.schema
    tables.set(name, { table, spec: Object.freeze({ name, schema, ...options }) })
  }
  return [...tables.values()].map(({ spec }) => spec)
}

/** All there is in plans, merged. @throws PlatformError `plan.invalid` where a name means two things */
export function mergePlans(plans: readonly Omit<Plan, 'operator'>[]): Omit<Plan, 'operator'> {
  return {
    sources: merge(
      plans.map(({ sources }) => sources),
      'sources',
    ),
    functions: merge(
      plans.map(({ functions }) => functions),
      'functions',
    ),
  }
}

/** Names of the sources under an operator, in the order its rows meet them. */
function sourceNames(operator: Operator, names: Set<string>, seen: Set<Operator>): void {
  if (seen.has(operator)) return
  seen.add(operator)
  if (operator.op === 'source') names.add(operator.source)
  for (const input of inputsOf(operator)) sourceNames(input, names, seen)
}

/**
 * An application: plain data, checked as a whole.
 *
 * @example export const app = defineApp({ name: 'sales', pipelines: [byDay, byCountry] })
 *
 * @throws PlatformError `plan.*`
 */
export function defineApp({ name, version = '1', pipelines }: AppOptions): Application {
  const { sources, functions } = mergePlans(pipelines.map(({ plan }) => plan))
  const names = new Set<string>()
  const seen = new Set<Operator>()
  for (const { plan } of pipelines) sourceNames(plan.operator, names, seen)
  return checkApplication({
    name,
    version,
    sources: [...names].map(source => sources.get(source)),
    tables: tablesOf(pipelines),
    pipelines: pipelines.map(({ table, emit, plan }) => ({
      table: table.name,
      emit,
      input: plan.operator,
    })),
    functions: Object.fromEntries(functions),
  })
}
