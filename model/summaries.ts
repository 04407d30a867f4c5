/** Aggregates of the model: one value of all rows of a window, which stand in order of event time. */

import { type Cell, compareValues, keyText, type Type } from './cells.ts'
import { evaluate } from './functions.ts'
import { divideHalfEven, inRange } from './numbers.ts'
import type { ModelColumn, ModelRow } from './records.ts'

export interface ModelAggregate {
  readonly name: string
  readonly fn: string
  // biome-ignore lint/suspicious/noExplicitAny: an expression is data here; its checker is in src/plan
  readonly arg?: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly where?: any
}

/** The value of `aggregate` over `members`, in the type of its column. */
export function summarise(
  aggregate: ModelAggregate,
  schema: readonly ModelColumn[],
  members: readonly ModelRow[],
): Cell {
  const type = schema.find(({ name }) => name === aggregate.name)?.type as Type
  const rows = members.filter(
    ({ cells }) => aggregate.where === undefined || evaluate(aggregate.where, cells) === true,
  )
  if (aggregate.arg === undefined) return BigInt(rows.length)
  const all = rows.map(({ cells }) => evaluate(aggregate.arg, cells))
  const values = all.filter(value => value !== null)
  switch (aggregate.fn) {
    case 'count':
      return BigInt(values.length)
    case 'countDistinct':
      return BigInt(new Set(values.map(value => keyText([value]))).size)
    case 'first':
      return all[0] ?? null
    case 'last':
      return all[all.length - 1] ?? null
    case 'min':
      return extreme(values, -1)
    case 'max':
      return extreme(values, 1)
    case 'sum':
      return values.length === 0 ? null : sum(values, type)
    case 'avg':
      return values.length === 0 ? null : average(values, aggregate.arg.type, type)
  }
  throw new Error(`the model does not know "${aggregate.fn}"`)
}

function extreme(values: readonly Cell[], sign: number): Cell {
  return values.reduce<Cell>(
    (best, value) => (best === null || compareValues(value, best) * sign > 0 ? value : best),
    null,
  )
}

function sum(values: readonly Cell[], type: Type): Cell {
  if (type.kind === 'float64') return finite(floatSum(values as number[]))
  const total = (values as bigint[]).reduce((a, b) => a + b, 0n)
  return inRange(total, type) ? total : null
}

function average(values: readonly Cell[], from: Type, type: Type): Cell {
  const count = values.length
  if (type.kind === 'float64') return finite(floatSum(values as number[]) / count)
  const total = (values as bigint[]).reduce((a, b) => a + b, 0n)
  const scaled = total * 10n ** BigInt((type.scale ?? 0) - (from.scale ?? 0))
  const mean = divideHalfEven(scaled, BigInt(count))
  return inRange(mean, type) ? mean : null
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value + 0 : null)

/** The double nearest to the exact sum: every double is an integer of units of 2⁻¹⁰⁷⁴. */
function floatSum(values: readonly number[]): number {
  const units = values.reduce((total, value) => total + unitsOf(value), 0n)
  const magnitude = units < 0n ? -units : units
  const extra = Math.max(0, magnitude.toString(2).length - 64)
  const cut = magnitude >> BigInt(extra)
  const sticky = cut << BigInt(extra) === magnitude ? 0n : 1n
  const rounded = Number(cut | sticky)
  const value = extra > 1074 ? rounded * 2 ** (extra - 1074) : scaleDown(rounded, 1074 - extra)
  return units < 0n ? -value : value
}

/** `value` × 2⁻ˢʰⁱᶠᵗ in two exact steps, so that neither factor underflows. */
function scaleDown(value: number, shift: number): number {
  const half = Math.min(shift, 1000)
  return value * 2 ** -half * 2 ** -(shift - half)
}

function unitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const units = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1)
  return bits >> 63n === 1n ? -units : units
}
