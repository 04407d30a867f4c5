/**
 * Expressions as plain data. Every node carries its type, so that no runner infers one again.
 *
 * Expressions are total: where a function has no result (division by zero, overflow, a failed
 * cast) it gives null, in every runner. `functions.ts` lists the functions, what they accept and
 * examples that every runner executes.
 */

import type { FunctionName } from './functions.ts'
import type { Type, Value } from './type.ts'

/** A column of the operator's input. */
export interface ColumnExpression {
  readonly node: 'column'
  readonly name: string
  readonly type: Type
}

export interface LiteralExpression {
  readonly node: 'literal'
  readonly value: Value
  readonly type: Type
}

export interface CallExpression {
  readonly node: 'call'
  readonly fn: FunctionName
  readonly args: readonly Expression[]
  /** Of the result. `cast` casts to it; decimals round or null as its `functions.ts` entry says. */
  readonly type: Type
}

export type Expression = ColumnExpression | LiteralExpression | CallExpression
