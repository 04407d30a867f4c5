/** Aggregates of windows: `sum(r.amount).where(r.status.eq('paid'))`. */

import { PlatformError } from '#base'
import { type Aggregate, type Expression, rules, type Type } from '#plan'
import type { Kind, Nullable, Tag } from './column-type.ts'
import type { Typed } from './expression.ts'

type AggregateName = Aggregate['fn']

/** An aggregate of a window. */
export interface Aggregated<T extends Tag = Tag> {
  readonly aggregate: Omit<Aggregate, 'name'>
  readonly type: Type
  /** Over the rows for which the condition is true. */
  where(condition: Typed<Tag<'bool'>>): Aggregated<T>
  /** Never there; carries the tag. */
  readonly tag?: T
}

/** Aggregates by the names of their columns. */
export type AggregatedColumns = Readonly<Record<string, Aggregated>>

export type AggregatedTags<A extends AggregatedColumns> = {
  readonly [K in keyof A]: A[K] extends Aggregated<infer T> ? T : never
}

type Number = 'int32' | 'int64' | 'float64' | 'decimal'
type KeyKind = Exclude<Kind, 'float64' | 'json' | 'array'>
type Count = Aggregated<Tag<'int64', false, never>>

function make<T extends Tag>(
  fn: AggregateName,
  arg: Expression | undefined,
  scale?: number,
  where?: Expression,
): Aggregated<T> {
  const type = rules.aggregateType(fn, arg?.type, scale)
  if (rules.isRefusal(type)) {
    throw new PlatformError('plan.type', `"${fn}" ${type.reason}`)
  }
  return Object.freeze({
    aggregate: Object.freeze({ fn, ...(arg && { arg }), ...(where && { where }) }),
    type,
    where: (condition: Typed) => make<T>(fn, arg, scale, condition.expression),
  })
}

/** The number of rows, or of those whose value is not null. Never null. */
export function count(value?: Typed): Count {
  return make('count', value?.expression)
}

/** Exact: int64 of integers, 38 digits of decimals; null of no values and beyond. */
export function sum<K extends Number>(
  value: Typed<Tag<K>>,
): Aggregated<Tag<K extends 'int32' ? 'int64' : K, true, never>> {
  return make('sum', value.expression)
}

/**
 * The mean, rounded half to even once, at the scale of the decimals (6 for integers) or a larger
 * one that is given. Null of no values.
 */
export function avg<K extends Number>(
  value: Typed<Tag<K>>,
  { scale }: { readonly scale?: number } = {},
): Aggregated<Tag<K extends 'float64' ? 'float64' : 'decimal', true, never>> {
  return make('avg', value.expression, scale)
}

export function min<T extends Tag<Exclude<Kind, 'json' | 'array'>>>(
  value: Typed<T>,
): Aggregated<Nullable<T>> {
  return make('min', value.expression)
}

export function max<T extends Tag<Exclude<Kind, 'json' | 'array'>>>(
  value: Typed<T>,
): Aggregated<Nullable<T>> {
  return make('max', value.expression)
}

/** The value of the first row by event time, ties and position, even if it is null. */
export function first<T extends Tag>(value: Typed<T>): Aggregated<Nullable<T>> {
  return make('first', value.expression)
}

/** The value of the last row by event time, ties and position, even if it is null. */
export function last<T extends Tag>(value: Typed<T>): Aggregated<Nullable<T>> {
  return make('last', value.expression)
}

/** The exact number of different values; null is none. Not over all time. */
export function countDistinct(value: Typed<Tag<KeyKind>>): Count {
  return make('countDistinct', value.expression)
}
