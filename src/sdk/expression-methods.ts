/**
 * The methods of expressions: each makes one call of a function, with the type that its signature
 * gives. One class has them all; `Expr` shows of it what a kind has.
 */

import { invariant, PlatformError } from '#base'
import {
  type Expression,
  type FunctionName,
  findColumn,
  rules,
  type Schema,
  type Type,
} from '#plan'
import type { Columns, Declared, Tag } from './column-type.ts'
import type { Expr, Mapped, Refs, Typed } from './expression.ts'
import { constant, literal, operand } from './literal.ts'

const STRING: Type = { kind: 'string' }
const INT32: Type = { kind: 'int32' }

/** A call, or `plan.type` where the function takes no such arguments. */
export function call(fn: FunctionName, args: readonly Expression[], wanted?: Type): Expression {
  const type = rules.callType(fn, args, wanted, 'an expression')
  return Object.freeze({
    node: 'call',
    fn,
    args: Object.freeze([...args]),
    type: Object.freeze(type),
  })
}

/** The cast of a value to a type, nullable where it can fail. */
export function castTo(value: Expression, to: Type): Expression {
  return call('cast', [value], to)
}

/** The canonical text of a value; text as it is. */
export function textOf(value: Expression): Expression {
  return value.type.kind === 'string' ? value : castTo(value, STRING)
}

class Methods {
  readonly expression: Expression

  constructor(expression: Expression) {
    this.expression = expression
    Object.freeze(this)
  }

  #call(fn: FunctionName, ...others: readonly Expression[]): Methods {
    return new Methods(call(fn, [this.expression, ...others]))
  }

  /** With others that are like this. */
  #with(fn: FunctionName, ...others: readonly unknown[]): Methods {
    return this.#call(fn, ...others.map(other => operand(other, this.expression.type)))
  }

  isNull(): Methods {
    return this.#call('isNull')
  }

  isNotNull(): Methods {
    return this.#call('isNotNull')
  }

  cast(to: Declared): Methods {
    return new Methods(castTo(this.expression, to.type))
  }

  text(): Methods {
    return new Methods(textOf(this.expression))
  }

  orReject(): Mapped {
    return Object.freeze({ expression: this.expression, required: true })
  }

  eq(other: unknown): Methods {
    return this.#with('eq', other)
  }

  ne(other: unknown): Methods {
    return this.#with('ne', other)
  }

  lt(other: unknown): Methods {
    return this.#with('lt', other)
  }

  le(other: unknown): Methods {
    return this.#with('le', other)
  }

  gt(other: unknown): Methods {
    return this.#with('gt', other)
  }

  ge(other: unknown): Methods {
    return this.#with('ge', other)
  }

  in(...values: readonly unknown[]): Methods {
    return this.#with('in', ...values)
  }

  coalesce(other: unknown): Methods {
    return this.#with('coalesce', other)
  }

  hash(): Methods {
    return this.#call('hash')
  }

  and(other: unknown): Methods {
    return this.#with('and', other)
  }

  or(other: unknown): Methods {
    return this.#with('or', other)
  }

  not(): Methods {
    return this.#call('not')
  }

  add(other: unknown): Methods {
    return this.#with('add', other)
  }

  sub(other: unknown): Methods {
    return this.#with('sub', other)
  }

  mul(other: unknown): Methods {
    return this.#with('mul', other)
  }

  div(other: unknown): Methods {
    return this.#with('div', other)
  }

  mod(other: unknown): Methods {
    return this.#with('mod', other)
  }

  neg(): Methods {
    return this.#call('neg')
  }

  abs(): Methods {
    return this.#call('abs')
  }

  round(scale: number): Methods {
    return this.#call('round', literal(scale, INT32))
  }

  floor(): Methods {
    return this.#call('floor')
  }

  ceil(): Methods {
    return this.#call('ceil')
  }

  concat(...others: readonly unknown[]): Methods {
    return this.#with('concat', ...others)
  }

  lower(): Methods {
    return this.#call('lower')
  }

  upper(): Methods {
    return this.#call('upper')
  }

  trim(): Methods {
    return this.#call('trim')
  }

  length(): Methods {
    return this.#call(this.expression.type.kind === 'array' ? 'arrayLength' : 'length')
  }

  substring(start: number, length?: number): Methods {
    return this.#call(
      'substring',
      ...[start, length].flatMap(n => (n === undefined ? [] : [literal(n, INT32)])),
    )
  }

  contains(part: unknown): Methods {
    return this.#with('contains', part)
  }

  startsWith(part: unknown): Methods {
    return this.#with('startsWith', part)
  }

  split(separator: string): Methods {
    return this.#call('split', literal(separator, STRING))
  }

  urlPart(part: string): Methods {
    return this.#call('urlPart', literal(part, STRING))
  }

  field(path: string): Methods {
    return this.#call('jsonField', literal(path, STRING))
  }

  parseTime(pattern: string): Methods {
    return this.#call('timeParse', literal(pattern, STRING))
  }

  trunc(unit: string): Methods {
    return this.#call('timeTrunc', literal(unit, STRING))
  }

  part(part: string): Methods {
    return this.#call('timePart', literal(part, STRING))
  }

  plus(amount: unknown, unit: string): Methods {
    return this.#call('timeAdd', operand(amount, INT32), literal(unit, STRING))
  }

  format(pattern: string): Methods {
    return this.#call('timeFormat', literal(pattern, STRING))
  }

  element(place: unknown): Methods {
    return this.#call('arrayElement', operand(place, INT32))
  }

  includes(value: unknown): Methods {
    const { type } = this.expression
    invariant(type.kind === 'array', 'only arrays include')
    return this.#call('arrayContains', operand(value, type.of))
  }
}

/** An expression with its methods. The tag is the caller's word. */
export function expr<T extends Tag>(expression: Expression): Expr<T> {
  return new Methods(expression) as unknown as Expr<T>
}

/**
 * References to the columns of a schema. A name that is not there throws `plan.unknown_column`,
 * for authors without a compiler.
 */
export function refsOf<C extends Columns>(schema: Schema, place: string): Refs<C> {
  const known = new Map<string, unknown>()
  return new Proxy({} as Refs<C>, {
    get: (_, name) => {
      if (typeof name !== 'string') return undefined
      const column = findColumn(schema, name)
      if (column === undefined) {
        throw new PlatformError('plan.unknown_column', `no column "${name}" at ${place}`, {
          hint: `It has ${schema.map(entry => entry.name).join(', ')}.`,
        })
      }
      const found =
        known.get(name) ?? expr(Object.freeze({ node: 'column', name, type: column.type }))
      known.set(name, found)
      return found
    },
  })
}

/** Whether an expression is meant for the `map` of a source only. */
export function isRequired(value: Typed): value is Mapped {
  return 'required' in value
}

/**
 * A constant as an expression: text, true or false, int32 of a number, int64 of a bigint, or of a
 * type that is given.
 *
 * @example lit('web'); lit('0.00', t.decimal(15, 2))
 */
export function lit<
  const V extends boolean | number | bigint | string,
  T extends Tag = LiteralTag<V>,
>(value: V, type?: Declared<T>): Expr<T> {
  if (type === undefined) return expr<T>(constant(value))
  const given = operand(value, type.type)
  const same = rules.sameType(rules.withNull(given.type, false), rules.withNull(type.type, false))
  return expr<T>(same ? given : castTo(given, type.type))
}

type LiteralTag<V> = V extends boolean
  ? Tag<'bool', false, never>
  : V extends number
    ? Tag<'int32', false, never>
    : V extends bigint
      ? Tag<'int64', false, never>
      : Tag<'string', false, never>
