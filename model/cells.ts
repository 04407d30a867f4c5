/**
 * Values of the model, and the orders over them: what keys are equal, what comes first.
 *
 * A cell is the plain value of a column: bool `boolean`, int32 and int64 `bigint`, decimal its
 * unscaled `bigint`, float64, timestamp and date `number`, enum the `number` of its value, ipv4 an
 * unsigned `number`, array an array, all other types text; bytes are text of one character a byte.
 * Text is ordered by its UTF-8 bytes.
 */

import type { ModelOperator, ModelRow } from './records.ts'

export type Cell = boolean | number | bigint | string | null | readonly Cell[]

export interface Type {
  readonly kind: string
  readonly nullable?: boolean
  readonly precision?: number
  readonly scale?: number
  readonly values?: readonly string[]
  readonly of?: Type
}

/** A plain value of a user, as the documents have it for each type. */
export type PlainValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | null
  | readonly PlainValue[]

/** The cell of a plain value. */
export function cellOf(value: PlainValue, type: Type): Cell {
  if (value === null) return null
  switch (type.kind) {
    case 'int32':
    case 'int64':
      return BigInt(value as number | bigint)
    case 'decimal':
      return unscaled(value as string, type.scale ?? 0)
    case 'enum':
      return (type.values ?? []).indexOf(value as string)
    case 'ipv4':
      return (value as string).split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('latin1')
    case 'array':
      return (value as readonly PlainValue[]).map(item => cellOf(item, type.of as Type))
    default:
      return value as Cell
  }
}

/** The plain value of a cell. */
export function plainOf(cell: Cell, type: Type): PlainValue {
  if (cell === null) return null
  switch (type.kind) {
    case 'int32':
      return Number(cell)
    case 'decimal':
      return decimalText(cell as bigint, type.scale ?? 0)
    case 'enum':
      return type.values?.[cell as number] ?? null
    case 'ipv4':
      return [24, 16, 8, 0].map(shift => ((cell as number) / 2 ** shift) & 255).join('.')
    case 'bytes':
      return new Uint8Array(Buffer.from(cell as string, 'latin1'))
    case 'array':
      return (cell as readonly Cell[]).map(item => plainOf(item, type.of as Type))
    default:
      return cell as PlainValue
  }
}

/** Decimal text as an integer of units of 10⁻ˢᶜᵃˡᵉ; the text has no more digits than that. */
export function unscaled(text: string, scale: number): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

/** Decimal text with exactly `scale` digits behind the point. */
export function decimalText(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  const cut = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`
  return units < 0n ? `-${text}` : text
}

/** A text that is equal for equal lists of cells only. */
export function keyText(cells: readonly Cell[]): string {
  return JSON.stringify(cells, (_, cell) =>
    typeof cell === 'bigint' ? { integer: String(cell) } : cell,
  )
}

/** Rows by key, keys in order of their first row. */
export function grouped(
  rows: readonly ModelRow[],
  keyOf: (row: ModelRow) => readonly Cell[],
): Map<string, ModelRow[]> {
  return Map.groupBy(rows, row => keyText(keyOf(row)))
}

/** Two values of one type that are not null: less than 0, 0 or more than 0. */
export function compareValues(a: Cell, b: Cell): number {
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }
  if (a === b) return 0
  return (a as number) < (b as number) ? -1 : 1
}

/** As `compareValues`, nulls last. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return compareValues(a, b)
}

/** Order of the log: source, partition, offset, index. */
export function byPosition(a: ModelRow, b: ModelRow): number {
  const j = a.position.findIndex((part, place) => part !== b.position[place])
  return j < 0 ? 0 : (a.position[j] ?? 0) - (b.position[j] ?? 0)
}

/** Order of event time: `at`, then the tie columns of the rows' operator, then position. */
export function byTime({ ties }: ModelOperator): (a: ModelRow, b: ModelRow) => number {
  return (a, b) => {
    if (a.at !== b.at) return a.at - b.at
    for (const name of ties) {
      const order = compareCells(a.cells[name] ?? null, b.cells[name] ?? null)
      if (order !== 0) return order
    }
    return byPosition(a, b)
  }
}
