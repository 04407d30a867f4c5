/** Values that stand in a plan as constants: which type they take beside another. */

import { isoDate, isoTime, PlatformError, parseDecimal } from '#base'
import { type Expression, rules, type Type, typeText, type Value } from '#plan'
import type { Typed } from './expression.ts'

/** What authors may write where an expression is wanted. */
export type Constant = boolean | number | bigint | string | Uint8Array | null

export function literal(value: Value, type: Type): Expression {
  return Object.freeze({ node: 'literal', value, type: Object.freeze(type) })
}

/** The expression of something that is one already. */
export function isTyped(value: unknown): value is Typed {
  return typeof value === 'object' && value !== null && 'expression' in value
}

function refuse(value: Constant, type: Type): PlatformError {
  return new PlatformError('plan.type', `the constant ${shown(value)} is no ${typeText(type)}`, {
    hint: 'Decimals are text, as in "1.50"; a cast says which type is meant.',
  })
}

function shown(value: Constant): string {
  return typeof value === 'string' ? `"${value}"` : String(value)
}

/** A decimal constant has the digits that it is written with. */
function decimalLiteral(text: string, like: Type): Expression {
  const scale = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
  const unscaled = parseDecimal(text, scale)
  if (unscaled === undefined) throw refuse(text, like)
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().length
  const precision = Math.max(digits, scale, 1)
  if (precision > 38) throw refuse(text, like)
  return literal(text === '-0' ? '0' : text, { kind: 'decimal', precision, scale })
}

function integerLiteral(value: bigint): Expression {
  if (value === BigInt.asIntN(32, value)) return literal(Number(value), { kind: 'int32' })
  return literal(value, { kind: 'int64' })
}

function numberLiteral(value: number | bigint | string, like: Type): Expression {
  if (like.kind === 'float64' && typeof value === 'number')
    return literal(value + 0, { kind: 'float64' })
  if (typeof value === 'string' || like.kind === 'decimal')
    return decimalLiteral(String(value), like)
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw refuse(value, like)
  const whole = BigInt(value)
  return like.kind === 'int64' ? literal(whole, { kind: 'int64' }) : integerLiteral(whole)
}

/** A constant beside a value of type `like`, or an expression as it is. */
export function operand(value: unknown, like: Type): Expression {
  if (isTyped(value)) return value.expression
  return constantLike(value as Constant, rules.withNull(like, false))
}

function constantLike(value: Constant, like: Type): Expression {
  if (value === null) return literal(null, rules.withNull(like))
  switch (like.kind) {
    case 'int32':
    case 'int64':
    case 'decimal':
    case 'float64':
      if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') {
        return numberLiteral(value, like)
      }
      throw refuse(value, like)
    case 'timestamp':
    case 'date': {
      const parse = like.kind === 'date' ? isoDate.parse : isoTime.parse
      const time = typeof value === 'string' ? parse(value) : value
      if (time === undefined || !rules.isValue(like, time)) throw refuse(value, like)
      return literal(time, like)
    }
    default:
      if (!rules.isValue(like, value)) throw refuse(value, like)
      return literal(value, like)
  }
}

/** A constant that stands alone: text, true or false, int32 of a number, int64 of a bigint. */
export function constant(value: boolean | number | bigint | string): Expression {
  switch (typeof value) {
    case 'boolean':
      return literal(value, { kind: 'bool' })
    case 'string':
      return literal(value, { kind: 'string' })
    case 'bigint':
      return literal(value, { kind: 'int64' })
    case 'number':
      return numberLiteral(value, { kind: 'int32' })
  }
}
