/** Rules of expressions: their shape, and that the types they carry are the types they have. */

import { invariant, PlatformError } from '#base'
import type { Expression } from '../expression.ts'
import { type Argument, isRefusal, sameType, typeText } from '../functions/signature.ts'
import { FUNCTIONS, type FunctionName } from '../functions.ts'
import { findColumn, type Schema } from '../type.ts'
import { invalid, later, list, object, type Rule, tagged, text } from './shape.ts'
import { columnName, type, valueRule } from './value.ts'

const CALL_ARGUMENTS_MAX = 1_000

const functionName: Rule<FunctionName> = (value, place) => {
  const name = text(value, place)
  if (!Object.hasOwn(FUNCTIONS, name)) {
    throw invalid(
      place,
      `no function "${name}" is known`,
      `There are ${Object.keys(FUNCTIONS).join(', ')}.`,
    )
  }
  return name as FunctionName
}

const literal: Rule<Expression> = (value, place) => {
  const any: Rule<unknown> = given => given
  const shaped = object({ node: text, value: any, type })(value, place)
  const literalValue = valueRule(shaped.type)(shaped.value, `${place}.value`)
  return Object.freeze({ node: 'literal', value: literalValue, type: shaped.type })
}

/** An expression by its shape alone. */
export const expression: Rule<Expression> = tagged('node', {
  column: (value: unknown, place: string): Expression => {
    const shaped = object({ node: text, name: columnName, type })(value, place)
    return Object.freeze({ ...shaped, node: 'column' })
  },
  literal,
  call: (value: unknown, place: string): Expression => {
    const args = list(
      later(() => expression),
      CALL_ARGUMENTS_MAX,
    )
    const shaped = object({ node: text, fn: functionName, args, type })(value, place)
    return Object.freeze({ ...shaped, node: 'call' })
  },
})

/** An error for a column that is not there, with those that are. */
export function unknownColumn(name: string, schema: Schema, place: string): PlatformError {
  const names = schema.map(column => column.name)
  const near = names.find(other => other.toLowerCase() === name.toLowerCase())
  return new PlatformError('plan.unknown_column', `no column "${name}" at ${place}`, {
    hint: near === undefined ? `It has ${names.join(', ')}.` : `Is it "${near}"?`,
  })
}

export function typeError(place: string, message: string, hint?: string): PlatformError {
  return new PlatformError(
    'plan.type',
    `${message} at ${place}`,
    hint === undefined ? {} : { hint },
  )
}

/**
 * Checks that an expression means something over rows of `schema`.
 *
 * @throws PlatformError `plan.unknown_column`, `plan.type`
 */
export function checkExpression(expression: Expression, schema: Schema, place: string): void {
  switch (expression.node) {
    case 'literal':
      valueRule(expression.type)(expression.value, place)
      return
    case 'column': {
      const column = findColumn(schema, expression.name)
      if (column === undefined) throw unknownColumn(expression.name, schema, place)
      if (!sameType(column.type, expression.type)) {
        throw typeError(
          place,
          `column "${column.name}" is ${typeText(column.type)}, not ${typeText(expression.type)},`,
        )
      }
      return
    }
    case 'call': {
      for (const arg of expression.args) checkExpression(arg, schema, place)
      const { fn, args, type } = expression
      const result = callType(fn, args, fn === 'cast' ? type : undefined, place)
      if (sameType(result, type)) return
      throw typeError(place, `"${fn}" gives ${typeText(result)}, not ${typeText(type)},`)
    }
  }
}

/**
 * The type that a call gives.
 *
 * @throws PlatformError `plan.type` where the function does not take such arguments
 */
export function callType(
  fn: FunctionName,
  args: readonly Expression[],
  wanted: Expression['type'] | undefined,
  place: string,
): Expression['type'] {
  const spec = FUNCTIONS[fn]
  invariant(spec !== undefined, `the table has "${fn}"`)
  const given: Argument[] = args.map(arg =>
    arg.node === 'literal' ? { type: arg.type, literal: arg.value } : { type: arg.type },
  )
  for (const [index, arg] of given.entries()) {
    if (spec.literal?.(index) === true && arg.literal === undefined) {
      throw typeError(place, `"${fn}" takes a literal as argument ${index + 1}`)
    }
  }
  const result = spec.check(given, wanted)
  if (isRefusal(result)) throw typeError(place, `"${fn}" ${result.reason}`, `${spec.meaning}`)
  return result
}
