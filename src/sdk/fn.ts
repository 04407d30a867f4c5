/** Functions of several values, none of which is the first. The others are methods. */

import { PLATFORM_NAMESPACE } from '#base'
import type { Tag } from './column-type.ts'
import type { Expr, Operand, Typed } from './expression.ts'
import { call, expr, textOf } from './expression-methods.ts'
import { literal, operand } from './literal.ts'

type BoolExpr = Typed<Tag<'bool'>>
type NullOf<A extends readonly unknown[]> =
  A[number] extends Typed<Tag<Tag['kind'], false>> ? false : true

/** What `when` gives: the tag of a value, null where one of the values may be. */
type ChoiceTag<T extends Tag, O> = Tag<
  T['kind'],
  O extends Typed<infer U> ? (U['nullable'] extends false ? T['nullable'] : true) : T['nullable'],
  T['holds']
>

function and<A extends readonly [BoolExpr, BoolExpr, ...BoolExpr[]]>(
  ...conditions: A
): Expr<Tag<'bool', NullOf<A>, never>> {
  return expr<Tag<'bool', NullOf<A>, never>>(
    call(
      'and',
      conditions.map(({ expression }) => expression),
    ),
  )
}

function or<A extends readonly [BoolExpr, BoolExpr, ...BoolExpr[]]>(
  ...conditions: A
): Expr<Tag<'bool', NullOf<A>, never>> {
  return expr<Tag<'bool', NullOf<A>, never>>(
    call(
      'or',
      conditions.map(({ expression }) => expression),
    ),
  )
}

function not<N extends boolean>(condition: Typed<Tag<'bool', N>>): Expr<Tag<'bool', N, never>> {
  return expr<Tag<'bool', N, never>>(call('not', [condition.expression]))
}

/** `then` where the condition is true, else (false or null) `otherwise`. */
function when<T extends Tag, O extends Operand<T>>(
  condition: BoolExpr,
  then: Typed<T>,
  otherwise: O,
): Expr<ChoiceTag<T, O>> {
  const { expression } = then
  return expr<ChoiceTag<T, O>>(
    call('if', [condition.expression, expression, operand(otherwise, expression.type)]),
  )
}

/** The value of the first condition that is true, else `otherwise`. */
function choose<T extends Tag, O extends Operand<T>>(
  cases: readonly [readonly [BoolExpr, Typed<T>], ...(readonly [BoolExpr, Typed<T>])[]],
  otherwise: O,
): Expr<ChoiceTag<T, O>> {
  const pairs = cases.flatMap(([condition, value]) => [condition.expression, value.expression])
  return expr<ChoiceTag<T, O>>(
    call('case', [...pairs, operand(otherwise, cases[0][1].expression.type)]),
  )
}

/**
 * The platform's deterministic id of some parts: uuidv5 of the canonical JSON text of their texts.
 * Equal parts give equal ids, in every run and on every machine.
 *
 * @example fn.id(lit('session'), r.user_id, r.first_event_id)
 */
function id<A extends readonly [Typed, ...Typed[]]>(
  ...parts: A
): Expr<Tag<'uuid', NullOf<A>, never>> {
  const space = literal(PLATFORM_NAMESPACE, { kind: 'uuid' })
  return expr<Tag<'uuid', NullOf<A>, never>>(
    call('uuidv5', [space, ...parts.map(({ expression }) => textOf(expression))]),
  )
}

/** Functions that are no method of a value. */
export const fn = Object.freeze({ and, or, not, if: when, case: choose, id })
