/**
 * Source text over the bytes of text columns: conditions and lengths without a string, and slices
 * that are passed on as they are.
 *
 * An expression is *direct* where its text already stands in the arena: columns, literals (put
 * there once a batch) and choices between such. The slices of others are appended row by row.
 */

import type { Expression, Type } from '#plan'
import type { Atom } from './emitter.ts'
import { argument, type Call, type Wanted } from './functions/function-entry.ts'
import type { Generator } from './generate.ts'
import { literalRegister } from './interpret.ts'
import { appendBytes, appendText, registerKind } from './register.ts'
import {
  beginsWith,
  compareText,
  countCharacters,
  equalText,
  holdsBytes,
  sameBytes,
} from './text-bytes.ts'

/** Where the text of a row lies in the arena; a length under 0 is null. */
export interface SliceAtoms {
  readonly offset: Atom
  readonly length: Atom
}

export function isText(type: Type): boolean {
  const kind = registerKind(type)
  return kind === 'text' || kind === 'bytes'
}

/** Whether the text of `expression` stands in the arena before the loop begins. */
function direct(expression: Expression): boolean {
  if (!isText(expression.type)) return false
  if (expression.node !== 'call') return true
  switch (expression.fn) {
    case 'if':
    case 'case':
      return expression.args.every((arg, i) => isTest(expression, i) || direct(arg))
    case 'coalesce':
      return expression.args.every(direct)
    default:
      return false
  }
}

const isTest = (call: Call, index: number): boolean =>
  index % 2 === 0 && index < call.args.length - 1

/** The bytes of a literal that is text, or undefined for null. */
function literalBytes(expression: Expression): Buffer | undefined {
  if (expression.node !== 'literal') return undefined
  const register = literalRegister(expression)
  if (typeof register !== 'string') return undefined
  return Buffer.from(register, expression.type.kind === 'bytes' ? 'latin1' : 'utf8')
}

/** The slice of an expression that is text; what is not direct is appended to the arena. */
export function slice(generator: Generator, expression: Expression): SliceAtoms {
  const { emitter } = generator
  const key = generator.key(expression)
  const offset = emitter.known(`${key}.offset`)
  const length = emitter.known(`${key}.length`)
  if (offset !== undefined && length !== undefined) return { offset, length }
  const atoms = newSlice(generator, expression)
  emitter.remember(`${key}.offset`, atoms.offset)
  emitter.remember(`${key}.length`, atoms.length)
  return atoms
}

function newSlice(generator: Generator, expression: Expression): SliceAtoms {
  const { emitter } = generator
  if (expression.node === 'column') {
    const index = generator.column(expression.name)
    const key = generator.key(expression)
    const read = (field: string): Atom =>
      emitter.compute(`${key}.${field}`, () => `${generator.field(index, field)}[row]`)
    return { offset: read('offsets'), length: read('lengths') }
  }
  if (expression.node === 'literal') return literalSlice(generator, expression)
  if (!direct(expression)) return appended(generator, expression)
  const offset = emitter.fresh()
  const length = emitter.fresh()
  emitter.line(`let ${offset} = 0, ${length} = -1`)
  const assign = (arg: Expression): string => {
    const from = slice(generator, arg)
    return `${offset} = ${from.offset}; ${length} = ${from.length}`
  }
  if (expression.fn !== 'coalesce') generator.branches(expression, assign)
  else {
    const [first, ...rest] = expression.args
    if (first !== undefined) emitter.line(assign(first))
    for (const arg of rest) {
      const { lines } = emitter.block(() => emitter.line(assign(arg)))
      emitter.line(`if (${length} < 0) { ${lines.join('; ')} }`)
    }
  }
  return { offset, length }
}

function literalSlice(generator: Generator, expression: Expression): SliceAtoms {
  const bytes = literalBytes(expression)
  if (bytes === undefined) return { offset: '0', length: '-1' }
  const { emitter } = generator
  const arena = generator.arena()
  const key = `${generator.key(expression)}.appended`
  const offset = emitter.hoist(key, `${arena}.append(${emitter.constant(bytes)})`, { early: true })
  return { offset, length: String(bytes.length) }
}

function appended(generator: Generator, expression: Expression): SliceAtoms {
  const { emitter } = generator
  const text = generator.value(expression)
  const offset = emitter.fresh()
  const length = emitter.fresh()
  const arena = generator.arena()
  const append = emitter.call(expression.type.kind === 'bytes' ? appendBytes : appendText, [
    arena,
    text,
  ])
  emitter.line(`let ${offset} = 0, ${length} = -1`)
  emitter.line(
    `if (${text} !== null) { ${offset} = ${append}; ${length} = ${arena}.used - ${offset} }`,
  )
  return { offset, length }
}

/** Source text of a value that bytes give. */
export function textValue(generator: Generator, call: Call): string | undefined {
  if (call.fn !== 'length' || !direct(argument(call, 0))) return undefined
  const { offset, length } = slice(generator, argument(call, 0))
  const count = generator.emitter.call(countCharacters, [generator.bytes(), offset, length])
  return `${length} < 0 ? NaN : ${count}`
}

/** Source text of a test that bytes answer. */
export function textCondition(
  generator: Generator,
  call: Call,
  wanted: Wanted,
): string | undefined {
  const [first, second] = call.args
  if (first === undefined) return undefined
  if (call.fn === 'isNull') {
    if (!direct(first)) return undefined
    const { length } = slice(generator, first)
    return wanted === 1 ? `(${length} < 0)` : `(${length} >= 0)`
  }
  if (second === undefined || !call.args.every(direct)) return undefined
  switch (call.fn) {
    case 'eq':
      return equality(generator, first, second, wanted)
    case 'lt':
      return pair(generator, compareText, first, second, wanted === 1 ? '< 0' : '>= 0')
    case 'startsWith':
      return search(generator, beginsWith, call, wanted)
    case 'contains':
      return search(generator, holdsBytes, call, wanted)
    case 'in':
      return membership(generator, call, wanted)
    default:
      return undefined
  }
}

/** A test of two slices of the arena. */
function pair(
  generator: Generator,
  test: typeof compareText | typeof equalText,
  first: Expression,
  second: Expression,
  answer: string,
): string {
  const a = slice(generator, first)
  const b = slice(generator, second)
  const arena = generator.arena()
  const code = generator.emitter.call(test, [arena, a.offset, a.length, arena, b.offset, b.length])
  return `(${a.length} >= 0 && ${b.length} >= 0 && ${code} ${answer})`
}

function equality(
  generator: Generator,
  first: Expression,
  second: Expression,
  wanted: Wanted,
): string {
  const right = literalBytes(second)
  const literal = right ?? literalBytes(first)
  if (literal === undefined) {
    return pair(generator, equalText, first, second, `=== ${wanted === 1}`)
  }
  const text = slice(generator, right === undefined ? second : first)
  const test = literalTest(generator, text, literal)
  return wanted === 1 ? `(${test})` : `(${text.length} >= 0 && !(${test}))`
}

/** Literals longer than this are compared by a call. */
const INLINE_BYTES_MAX = 16

/** Text that is true where a slice is a literal: its length, then four bytes at a time. */
function literalTest(generator: Generator, text: SliceAtoms, literal: Buffer): string {
  const count = literal.length
  const tests = [`${text.length} === ${count}`]
  if (count > INLINE_BYTES_MAX) {
    const { emitter } = generator
    const args = [generator.bytes(), text.offset, text.length, emitter.constant(literal)]
    return `${tests[0]} && ${emitter.call(sameBytes, args)}`
  }
  if (count >= 4) {
    const view = generator.emitter.hoist('view', 'input.arena.view')
    for (let at = 0; at < count; at += 4) {
      const from = Math.min(at, count - 4)
      tests.push(
        `${view}.getInt32(${text.offset} + ${from}, true) === ${literal.readInt32LE(from)}`,
      )
    }
  } else {
    const bytes = generator.bytes()
    for (const [at, byte] of literal.entries()) {
      tests.push(`${bytes}[${text.offset} + ${at}] === ${byte}`)
    }
  }
  return tests.join(' && ')
}

/** `startsWith` and `contains` of a literal. */
function search(
  generator: Generator,
  test: typeof beginsWith,
  call: Call,
  wanted: Wanted,
): string | undefined {
  const literal = literalBytes(argument(call, 1))
  if (literal === undefined) return undefined
  const { emitter } = generator
  const { offset, length } = slice(generator, argument(call, 0))
  const args = [generator.bytes(), offset, length, emitter.constant(literal)]
  return `(${length} >= 0 && ${emitter.call(test, args)} === ${wanted === 1})`
}

/** More literals than this are looked up by their length. */
const TESTED_MAX = 8

function membership(generator: Generator, call: Call, wanted: Wanted): string | undefined {
  const literals = call.args.slice(1).flatMap(arg => literalBytes(arg) ?? [])
  if (literals.length < call.args.length - 1) return undefined
  const text = slice(generator, argument(call, 0))
  const test =
    literals.length > TESTED_MAX
      ? generator.emitter.call(lookup(literals), [generator.bytes(), text.offset, text.length])
      : literals.map(literal => literalTest(generator, text, literal)).join(' || ')
  return wanted === 1 ? `(${test})` : `(${text.length} >= 0 && !(${test}))`
}

function lookup(
  literals: readonly Buffer[],
): (bytes: Uint8Array, offset: number, length: number) => boolean {
  const byLength = new Map<number, Buffer[]>()
  for (const literal of literals) {
    byLength.set(literal.length, [...(byLength.get(literal.length) ?? []), literal])
  }
  return (bytes, offset, length) =>
    byLength.get(length)?.some(literal => sameBytes(bytes, offset, length, literal)) ?? false
}
