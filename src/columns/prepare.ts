/**
 * Expressions made ready for a runner: fewer functions, one type where values meet, constants
 * computed. Both twins start from what this gives.
 *
 * Comparisons become `eq`, `lt` and `not`, which is exact in three-valued logic; `in` of values
 * becomes `or` of `eq` unless one set can hold them. Branches of `if`, `case` and `coalesce` are
 * cast to the type of the whole.
 */

import { invariant } from '#base'
import type { Expression, Schema, Type } from '#plan'
import type { Call } from './functions/function-entry.ts'
import { scaleOf } from './functions/number-functions.ts'
import { interpret } from './interpret.ts'
import { fromRegister } from './rows.ts'

/** The expression with what `input` says of its columns, ready to be run. */
export function prepare(expression: Expression, input: Schema): Expression {
  switch (expression.node) {
    case 'column': {
      const column = input.find(entry => entry.name === expression.name)
      invariant(column !== undefined, `the input has the column "${expression.name}"`)
      return { node: 'column', name: column.name, type: column.type }
    }
    case 'literal':
      return expression
    case 'call': {
      const args = expression.args.map(arg => prepare(arg, input))
      return folded(simplified({ ...expression, args }))
    }
  }
}

const BOOL: Type = { kind: 'bool', nullable: true }

function call(fn: Call['fn'], args: readonly Expression[], type: Type = BOOL): Call {
  return { node: 'call', fn, args, type }
}

function simplified(expression: Call): Call {
  const { fn, args } = expression
  switch (fn) {
    case 'eq':
    case 'lt':
      return comparison(fn, args[0], args[1])
    case 'ne':
      return call('not', [comparison('eq', args[0], args[1])])
    case 'gt':
      return comparison('lt', args[1], args[0])
    case 'ge':
      return call('not', [comparison('lt', args[0], args[1])])
    case 'le':
      return call('not', [comparison('lt', args[1], args[0])])
    case 'isNotNull':
      return call('not', [call('isNull', args)])
    case 'in':
      return simplifiedIn(expression)
    case 'if':
    case 'case':
    case 'coalesce':
      return { ...expression, args: args.map((arg, i) => branch(expression, arg, i)) }
    default:
      return expression
  }
}

/** `eq` or `lt`, a literal of fewer fraction digits brought to the scale of the other side. */
function comparison(fn: 'eq' | 'lt', a: Expression | undefined, b: Expression | undefined): Call {
  invariant(a !== undefined && b !== undefined, 'a comparison has two sides')
  return call(fn, [atScaleOf(a, b.type), atScaleOf(b, a.type)])
}

function atScaleOf(literal: Expression, type: Type): Expression {
  const exact =
    literal.type.kind === 'decimal' ||
    literal.type.kind === 'int32' ||
    literal.type.kind === 'int64'
  if (literal.node !== 'literal' || !exact || type.kind !== 'decimal') return literal
  if (scaleOf(literal.type) >= type.scale) return literal
  const wider: Type = { kind: 'decimal', precision: 38, scale: type.scale, nullable: true }
  const cast = folded(call('cast', [literal], wider))
  return cast.node === 'literal' && cast.value !== null ? cast : literal
}

/** `in` stays where a set of registers answers it: literals of the type of the value. */
function simplifiedIn(expression: Call): Call {
  const [value, ...rest] = expression.args
  invariant(value !== undefined, 'in has a value')
  const plain = rest.every(
    arg => arg.node === 'literal' && arg.value !== null && sameRegisters(arg.type, value.type),
  )
  if (plain && rest.length > 2) return expression
  return call(
    'or',
    rest.map(arg => comparison('eq', value, arg)),
  )
}

/** An argument that may be the result, in the type of the result. */
function branch(expression: Call, arg: Expression, index: number): Expression {
  const tested =
    expression.fn === 'if'
      ? index === 0
      : expression.fn === 'case' && index % 2 === 0 && index < expression.args.length - 1
  if (tested || sameRegisters(arg.type, expression.type)) return arg
  if (arg.node === 'literal' && arg.value === null) return { ...arg, type: expression.type }
  return folded(call('cast', [arg], { ...expression.type, nullable: true }))
}

/** Whether a value has the same register in both types. */
export function sameRegisters(a: Type, b: Type): boolean {
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.scale === b.scale
  if (a.kind === 'int32' && (b.kind === 'int64' || b.kind === 'float64')) return true
  if (a.kind === 'array' && b.kind === 'array') return sameRegisters(a.of, b.of)
  return a.kind === b.kind
}

/** A call of literals as its result. */
function folded(expression: Call): Expression {
  if (!expression.args.every(arg => arg.node === 'literal')) return expression
  const evaluate = interpret<null>(expression, name => {
    throw new TypeError(`the column "${name}" is no constant`)
  })
  const type: Type = { ...expression.type, nullable: true }
  return { node: 'literal', value: fromRegister(evaluate(null, 0), type), type }
}

/** Whether the register of a literal is null. */
export function nullLiteral(expression: Expression): boolean {
  return expression.node === 'literal' && expression.value === null
}
