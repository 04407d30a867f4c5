/**
 * The types that aggregates give.
 *
 * | aggregate | over | gives |
 * | --- | --- | --- |
 * | count, countDistinct | anything | int64, never null |
 * | sum | int32, int64 | int64, null beyond it |
 * | sum | decimal(p, s) | decimal(38, s), null beyond it |
 * | sum, avg | float64 | float64 |
 * | avg | decimal(p, s) | decimal(p − s + k, k), rounded half to even once; k ≥ s, else s |
 * | avg | int32, int64 | as decimal(10, 0), decimal(19, 0), with k 6 unless said |
 * | min, max | what can be ordered | its type |
 * | first, last | anything | its type |
 *
 * All but counts are nullable: a window may hold no value, or none that fits.
 */

import {
  asDecimal,
  boundedDecimal,
  type Refusal,
  refused,
  typeText,
  withNull,
} from './functions/signature.ts'
import type { AggregateName } from './operator.ts'
import type { Type } from './type.ts'

/** Scale of the mean of integers unless it is given. */
const INTEGER_AVG_SCALE = 6

/** Types without an order or an equality that all runners share. */
const UNORDERED: ReadonlySet<Type['kind']> = new Set(['json', 'array'])

/** Whether values of a type may identify a row: equal ones are then the same bytes. */
export function keyable(type: Type): boolean {
  return type.kind !== 'float64' && !UNORDERED.has(type.kind)
}

function avgType(type: Type, scale: number | undefined): Type | Refusal {
  if (type.kind === 'float64') return withNull(type)
  const digits = asDecimal(type)
  if (digits === undefined) return refused(`takes a number, not ${typeText(type)}`)
  const own = type.kind === 'decimal' ? digits.scale : INTEGER_AVG_SCALE
  const wanted = scale ?? own
  if (wanted < digits.scale || wanted > 38) {
    return refused(`takes a scale from ${digits.scale} to 38, not ${wanted}`)
  }
  return withNull(boundedDecimal(digits.precision - digits.scale + wanted, wanted))
}

const TYPES: Readonly<
  Record<AggregateName, (type: Type | undefined, scale: number | undefined) => Type | Refusal>
> = {
  count: () => ({ kind: 'int64' }),
  countDistinct: type =>
    type !== undefined && keyable(type)
      ? { kind: 'int64' }
      : refused(`takes a column that can be compared, not ${shown(type)}`),
  sum: type => {
    if (type?.kind === 'float64') return withNull(type)
    if (type?.kind === 'decimal') return withNull({ ...type, precision: 38 })
    if (type?.kind === 'int32' || type?.kind === 'int64') return { kind: 'int64', nullable: true }
    return refused(`takes a number, not ${shown(type)}`)
  },
  avg: (type, scale) => (type === undefined ? refused('takes a number') : avgType(type, scale)),
  min: type => ordered(type),
  max: type => ordered(type),
  first: type => (type === undefined ? refused('takes a column') : withNull(type)),
  last: type => (type === undefined ? refused('takes a column') : withNull(type)),
}

function ordered(type: Type | undefined): Type | Refusal {
  if (type !== undefined && !UNORDERED.has(type.kind)) return withNull(type)
  return refused(`takes a column with an order, not ${shown(type)}`)
}

function shown(type: Type | undefined): string {
  return type === undefined ? 'nothing' : typeText(type)
}

/** The type an aggregate gives over `type`, or why it gives none. `scale` is the wanted one of `avg`. */
export function aggregateType(
  fn: AggregateName,
  type: Type | undefined,
  scale?: number,
): Type | Refusal {
  return TYPES[fn](type, scale)
}
