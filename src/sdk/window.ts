/** Windows of a stream, and what is made of the rows in each. */

import type { Aggregate, Operator, Window } from '#plan'
import type { AggregatedColumns, AggregatedTags } from './aggregate.ts'
import type { Columns, Flat, KeyNames, OneOrMore, Tag } from './column-type.ts'
import { together } from './placing.ts'
import type { Plan } from './table.ts'

/** Names of the columns of a window's start and end. */
export type Bounds = readonly [start: string, end: string]

interface WindowOptions<K extends string, B extends Bounds> {
  /** Key columns: windows are per key. */
  readonly by: OneOrMore<K>
  /** Names of the columns of start and end. */
  readonly bounds?: B
}

export interface TumbleOptions<K extends string, B extends Bounds> extends WindowOptions<K, B> {
  readonly size: number
  /** Where windows begin, counted from 1970-01-01 UTC (0). */
  readonly offset?: number
}

export interface HopOptions<K extends string, B extends Bounds> extends TumbleOptions<K, B> {
  /** At most `size`. */
  readonly advance: number
}

export interface SessionOptions<K extends string, B extends Bounds> extends WindowOptions<K, B> {
  readonly gap: number
}

type Limits<B extends Bounds> = { readonly [K in B[number]]: Tag<'timestamp', false, never> }

/** The keys, the window's bounds, then the aggregates. */
export type Summary<
  C extends Columns,
  K extends KeyNames<C>,
  B extends Bounds,
  A extends AggregatedColumns,
> = Flat<Pick<C, K> & Limits<B> & AggregatedTags<A>>

export interface WindowParts {
  readonly by: readonly string[]
  readonly bounds: Bounds
  readonly window: Window
}

/** The aggregate operator over the rows of a plan. */
export function summary(
  plan: Plan,
  { by, bounds, window }: WindowParts,
  aggregates: AggregatedColumns,
): Operator {
  const { schema } = plan.operator
  const limits = window.kind === 'all' ? [bounds[1]] : bounds
  const entries = Object.entries(aggregates)
  return {
    op: 'aggregate',
    input: together(plan, by),
    by,
    window,
    bounds,
    aggregates: entries.map(([name, { aggregate }]): Aggregate => ({ name, ...aggregate })),
    schema: [
      ...by.flatMap(name => schema.filter(column => column.name === name)),
      ...limits.map(name => ({ name, type: { kind: 'timestamp' } as const })),
      ...entries.map(([name, { type }]) => ({ name, type })),
    ],
    at: bounds[1],
    ties: by,
  }
}
