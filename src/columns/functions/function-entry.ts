/**
 * What one function of expressions is to both twins: how a register comes from registers, and
 * where it pays, source text of the same.
 */

import { invariant, PlatformError } from '#base'
import type { Expression, Type, Value } from '#plan'
import type { Atom, Emitter } from '../emitter.ts'
import type { Register } from '../register.ts'

export type Call = Extract<Expression, { node: 'call' }>

/** A function over registers. */
export type Scalar = (...args: readonly Register[]) => Register

/** Which answer a condition asks for: whether it is true, or whether it is false. */
export type Wanted = 0 | 1

export interface FunctionEntry {
  /** Whether any null argument makes the result null; `scalar` then meets none. */
  readonly strict: boolean
  /** The function for the types and literals of this call: the definition. */
  readonly scalar: (call: Call) => Scalar
  /**
   * Source text of the same value over arguments of num and wide columns, NaN being null; undefined
   * where these types have none, and the scalar is called. `slow` names the scalar, nulls taken.
   */
  readonly source?: (
    call: Call,
    args: readonly Atom[],
    emitter: Emitter,
    slow: () => Atom,
  ) => string | undefined
  /** Source text of a test, without the third value: what bool functions have instead. */
  readonly condition?: (call: Call, args: readonly Atom[], wanted: Wanted) => string | undefined
}

/** The argument at `index` of a call. */
export function argument(call: Call, index: number): Expression {
  const arg = call.args[index]
  invariant(arg !== undefined, `${call.fn} has an argument ${index}`)
  return arg
}

export function argumentType(call: Call, index: number): Type {
  return argument(call, index).type
}

/**
 * The value of an argument that must be known before any row is.
 *
 * @throws PlatformError `plan.type` where it is computed
 */
export function literalArgument(call: Call, index: number): Value {
  const arg = argument(call, index)
  if (arg.node !== 'literal') {
    throw new PlatformError('plan.type', `argument ${index + 1} of "${call.fn}" is computed`, {
      hint: 'It must be a literal.',
    })
  }
  return arg.value
}

/** A literal argument that is text. */
export function literalText(call: Call, index: number): string {
  const value = literalArgument(call, index)
  if (typeof value === 'string') return value
  throw new PlatformError('plan.type', `argument ${index + 1} of "${call.fn}" is no text`, {
    hint: 'It must be a string literal.',
  })
}
