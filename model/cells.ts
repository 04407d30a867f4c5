/**
 * Values of the model, and the orders over them: what keys are equal, what comes first.
 *
 * A cell is the plain value of a column: bool `boolean`, int32 and int64 `bigint`, decimal its
 * unscaled `bigint`, float64, timestamp and date `number`, array an array, all other types text;
 * bytes are text of one character a byte. Text is ordered by its UTF-8 bytes.
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
