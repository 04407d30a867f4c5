/** Conditions of the model: comparison, three-valued logic, choice. */

import { type Cell, compareValues, type Type } from './cells.ts'
import type { Meaning } from './functions.ts'
import { align, rescale } from './numbers.ts'

const NUMBER_KINDS = ['int32', 'int64', 'float64', 'decimal']
const isNumber = (type: Type | undefined): boolean => NUMBER_KINDS.includes(type?.kind ?? '')

/** Two cells that are not null, of types that meet. */
function order(args: readonly Cell[], types: readonly Type[]): number {
  if (!types.every(isNumber)) return compareValues(args[0] ?? null, args[1] ?? null)
  const [a, b] = align(args, types)
  return compareValues(a, b)
}

function comparison(holds: (order: number) => boolean): Meaning {
  return (args, types) => (args.includes(null) ? null : holds(order(args, types)))
}

/** A chosen value in the type of the choice: numbers meet in the wider one. */
function widened(cell: Cell, from: Type | undefined, type: Type): Cell {
  if (cell === null || from === undefined || !isNumber(type)) return cell
  if (type.kind === 'float64') return Number(cell)
  const units = rescale(cell as bigint, from.scale ?? 0, type.scale ?? 0)
  const fits = type.kind !== 'decimal' || units ** 2n < 10n ** BigInt(2 * (type.precision ?? 0))
  return fits ? units : null
}

export const LOGIC: Readonly<Record<string, Meaning>> = {
  eq: comparison(sign => sign === 0),
  ne: comparison(sign => sign !== 0),
  lt: comparison(sign => sign < 0),
  le: comparison(sign => sign <= 0),
  gt: comparison(sign => sign > 0),
  ge: comparison(sign => sign >= 0),
  and: args => (args.includes(false) ? false : args.includes(null) ? null : true),
  or: args => (args.includes(true) ? true : args.includes(null) ? null : false),
  not: ([a = null]) => (a === null ? null : !a),
  isNull: ([a = null]) => a === null,
  isNotNull: ([a = null]) => a !== null,
  coalesce: (args, types, type) => {
    const j = args.findIndex(cell => cell !== null)
    return j < 0 ? null : widened(args[j] ?? null, types[j], type)
  },
  if: ([condition, yes = null, no = null], types, type) =>
    condition === true ? widened(yes, types[1], type) : widened(no, types[2], type),
  case: (args, types, type) => {
    const j = args.findIndex(
      (cell, place) => place % 2 === 0 && place < args.length - 1 && cell === true,
    )
    const chosen = j < 0 ? args.length - 1 : j + 1
    return widened(args[chosen] ?? null, types[chosen], type)
  },
  in: ([a = null, ...rest], [type, ...others]) => {
    if (a === null || type === undefined) return null
    return rest.some((cell, j) => order([a, cell], [type, others[j] as Type]) === 0)
  },
}
