/**
 * The interpreted twin: an expression as closures over one row.
 *
 * About 30 ns a node and row; the generated twin (`generate.ts`) must give the same registers.
 */

import { invariant } from '#base'
import type { Expression, Schema, Type } from '#plan'
import type { Batch } from './batch.ts'
import type { Call, Scalar } from './functions/function-entry.ts'
import { entryOf } from './functions/function-table.ts'
import { isNullRegister, nullRegister, type Register, readRegister } from './register.ts'
import { toRegister } from './rows.ts'

/** What a row of `S` gives for an expression. */
export type Evaluate<S> = (source: S, row: number) => Register

/** How the column `name` of a row is read. */
export type ReadColumn<S> = (name: string, type: Type) => Evaluate<S>

/** Closures for a prepared expression (`prepare.ts`). */
export function interpret<S>(expression: Expression, column: ReadColumn<S>): Evaluate<S> {
  switch (expression.node) {
    case 'column':
      return column(expression.name, expression.type)
    case 'literal': {
      const register = literalRegister(expression)
      return () => register
    }
    case 'call':
      return interpretCall(expression, column)
  }
}

/** The register of a literal. */
export function literalRegister(expression: Extract<Expression, { node: 'literal' }>): Register {
  const { value, type } = expression
  const register = value === null ? nullRegister(type) : toRegister(value, type)
  invariant(register !== undefined, `a literal has the type that it says: ${type.kind}`)
  return register
}

function interpretCall<S>(call: Call, column: ReadColumn<S>): Evaluate<S> {
  const args = call.args.map(arg => interpret(arg, column))
  const scalar = totalScalar(call)
  const [a, b, c] = args
  if (args.length === 1 && a !== undefined) return (source, row) => scalar(a(source, row))
  if (args.length === 2 && a !== undefined && b !== undefined) {
    return (source, row) => scalar(a(source, row), b(source, row))
  }
  if (args.length === 3 && a !== undefined && b !== undefined && c !== undefined) {
    return (source, row) => scalar(a(source, row), b(source, row), c(source, row))
  }
  return (source, row) => scalar(...args.map(arg => arg(source, row)))
}

/** The scalar of a call, asked for nulls too. */
export function totalScalar(call: Call): Scalar {
  const entry = entryOf(call.fn)
  const scalar = entry.scalar(call)
  if (!entry.strict) return scalar
  const none = nullRegister(call.type)
  return (...args) => (args.some(isNullRegister) ? none : scalar(...args))
}

/** Reads columns of batches of `schema`. */
export function readColumnOf(schema: Schema): ReadColumn<Batch> {
  return name => {
    const index = schema.findIndex(entry => entry.name === name)
    const type = schema[index]?.type
    invariant(type !== undefined, `the input has the column "${name}"`)
    return (batch, row) => {
      const column = batch.columns[index]
      invariant(column !== undefined, 'a batch has the columns of its schema')
      return readRegister(column, type, batch.arena, row)
    }
  }
}
