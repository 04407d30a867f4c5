/** Expressions of the model: a plan's expression and a row in, a cell out. */

import { CASTS } from './casts.ts'
import { type Cell, cellOf, type PlainValue, type Type } from './cells.ts'
import { LOGIC } from './logic.ts'
import { NUMBERS } from './numbers.ts'
import { TEXTS } from './texts.ts'
import { TIMES } from './times.ts'

/** An expression as the plan has it. */
export type ModelExpression =
  | { readonly node: 'column'; readonly name: string; readonly type: Type }
  | { readonly node: 'literal'; readonly value: PlainValue; readonly type: Type }
  | {
      readonly node: 'call'
      readonly fn: string
      readonly args: readonly ModelExpression[]
      readonly type: Type
    }

/** A function: cells and types of its arguments, and the type wanted. */
export type Meaning = (args: readonly Cell[], types: readonly Type[], type: Type) => Cell

const FUNCTIONS: Readonly<Record<string, Meaning>> = {
  ...LOGIC,
  ...NUMBERS,
  ...TEXTS,
  ...TIMES,
  ...CASTS,
}

/** The names the model knows. */
export const KNOWN: readonly string[] = Object.keys(FUNCTIONS)

/** The value of `expression` for a row. */
export function evaluate(expression: ModelExpression, cells: Readonly<Record<string, Cell>>): Cell {
  if (expression.node === 'column') return cells[expression.name] ?? null
  if (expression.node === 'literal') return cellOf(expression.value, expression.type)
  const meaning = FUNCTIONS[expression.fn]
  if (meaning === undefined) throw new Error(`the model does not know "${expression.fn}"`)
  const args = expression.args.map(arg => evaluate(arg, cells))
  return meaning(
    args,
    expression.args.map(({ type }) => type),
    expression.type,
  )
}
