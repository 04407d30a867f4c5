/**
 * The fields of a JSON format as the tree of objects they lie in, each leaf with its column.
 *
 * All that can be wrong with a format is found here, before any code is made of it.
 */

import { invariant, PlatformError } from '#base'
import type { FieldRules, FormatSpec, JsonField, ParseSpec, Schema, Type } from '#plan'

export type JsonFormat = Extract<FormatSpec, { kind: 'json' }>

export interface FieldLeaf {
  readonly kind: 'leaf'
  readonly key: string
  /** The whole path with dots, for people. */
  readonly path: string
  /** Place of its column in `raw`. */
  readonly column: number
  readonly type: Type
  /** Whether it may be absent or null. */
  readonly optional: boolean
  readonly parse: ParseSpec | undefined
  readonly rules: FieldRules
  /** Bounds by rule of the unscaled integer of an int or decimal. */
  readonly min: bigint | null
  readonly max: bigint | null
}

export interface FieldObject {
  readonly kind: 'object'
  readonly key: string
  readonly path: string
  /** Whether nothing in it is required. */
  optional: boolean
  /** By key, in the order of the format. */
  readonly members: Map<string, FieldNode>
}

export type FieldNode = FieldLeaf | FieldObject

const TYPES_OF_RULES: Readonly<Record<keyof FieldRules, readonly Type['kind'][]>> = {
  lengthMin: ['string', 'bytes', 'array'],
  lengthMax: ['string', 'bytes', 'array'],
  min: ['int32', 'int64', 'float64', 'decimal'],
  max: ['int32', 'int64', 'float64', 'decimal'],
  pattern: ['string'],
}

/**
 * The tree of `format`.
 *
 * @throws PlatformError `plan.invalid` where fields and `raw` do not fit each other, two fields
 * claim one place, or a rule does not apply to its type
 */
export function fieldTree(format: JsonFormat, raw: Schema): FieldObject {
  const root: FieldObject = {
    kind: 'object',
    key: '',
    path: '',
    optional: true,
    members: new Map(),
  }
  const filled = new Set<number>()
  for (const field of format.fields) {
    const leaf = leafOf(field, raw)
    if (filled.has(leaf.column)) {
      throw invalid(`two fields fill the column "${field.column}"`, 'Name one field a column.')
    }
    filled.add(leaf.column)
    place(root, field.path, leaf)
  }
  const empty = raw.find((_, index) => !filled.has(index))
  if (empty !== undefined) {
    throw invalid(
      `no field fills the column "${empty.name}"`,
      'Name the field it is read from, or leave the column out.',
    )
  }
  return root
}

/** Leaves of a tree, in the order of the format. */
export function leavesOf(object: FieldObject): FieldLeaf[] {
  return [...object.members.values()].flatMap(node =>
    node.kind === 'leaf' ? [node] : leavesOf(node),
  )
}

function invalid(message: string, hint: string): PlatformError {
  return new PlatformError('plan.invalid', message, { hint })
}

function place(root: FieldObject, path: readonly string[], leaf: FieldLeaf): void {
  let object = root
  const clash = (): PlatformError =>
    invalid(
      `the field "${leaf.path}" lies where another field is read`,
      'Read the outer one as json and take its parts in the mapping, or name its parts only.',
    )
  path.slice(0, -1).forEach((key, depth) => {
    if (!leaf.optional) object.optional = false
    let next = object.members.get(key)
    if (next === undefined) {
      const outer = path.slice(0, depth + 1).join('.')
      next = { kind: 'object', key, path: outer, optional: true, members: new Map() }
      object.members.set(key, next)
    }
    if (next.kind === 'leaf') throw clash()
    object = next
  })
  if (object.members.has(leaf.key)) throw clash()
  if (!leaf.optional) object.optional = false
  object.members.set(leaf.key, leaf)
}

function leafOf(field: JsonField, raw: Schema): FieldLeaf {
  const path = field.path.join('.')
  const key = field.path.at(-1)
  if (key === undefined) throw invalid('a field has no path', 'Name the key it is read from.')
  if (!field.path.every(part => part.isWellFormed() && part !== '__proto__')) {
    throw invalid(`"${path}" cannot be a field`, 'Use another name for this key.')
  }
  const column = raw.findIndex(entry => entry.name === field.column)
  const entry = raw[column]
  if (entry === undefined) {
    throw invalid(
      `no raw column "${field.column}" for the field "${path}"`,
      `The raw columns are ${raw.map(known => known.name).join(', ')}.`,
    )
  }
  const { type } = entry
  const rules = field.rules ?? {}
  checkScale(type.kind === 'array' ? type.of : type)
  checkRules(path, type, rules)
  const element = type.kind === 'array' ? type.of : type
  if (field.parse !== undefined && element.kind !== 'timestamp' && element.kind !== 'date') {
    throw invalid(
      `the field "${path}" of type ${type.kind} is not parsed as a time`,
      'Leave its time format out, or make it a timestamp or a date.',
    )
  }
  const scale = type.kind === 'decimal' ? type.scale : 0
  const exact = type.kind !== 'float64'
  return {
    kind: 'leaf',
    key,
    path,
    column,
    type,
    optional: field.optional,
    parse: field.parse,
    rules,
    min: exact && rules.min !== undefined ? unscaledBound(rules.min, scale, true) : null,
    max: exact && rules.max !== undefined ? unscaledBound(rules.max, scale, false) : null,
  }
}

/** Precision and scale enter generated code as they are. */
function checkScale(type: Type): void {
  if (type.kind !== 'decimal') return
  const { precision, scale } = type
  const valid = Number.isInteger(precision) && Number.isInteger(scale)
  invariant(valid && scale >= 0 && scale <= precision, 'a decimal has a precision and a scale')
}

function checkRules(path: string, type: Type, rules: FieldRules): void {
  for (const rule of Object.keys(rules) as (keyof FieldRules)[]) {
    const value = rules[rule]
    if (value === undefined) continue
    if (!TYPES_OF_RULES[rule].includes(type.kind)) {
      throw invalid(
        `the rule "${rule}" of the field "${path}" does not apply to ${type.kind}`,
        `It applies to ${TYPES_OF_RULES[rule].join(', ')}.`,
      )
    }
    const valid =
      rule === 'pattern'
        ? typeof value === 'string'
        : rule === 'min' || rule === 'max'
          ? Number.isFinite(value)
          : Number.isSafeInteger(value) && Number(value) >= 0
    if (!valid) {
      throw invalid(
        `the rule "${rule}" of the field "${path}" has no value of its kind`,
        'Lengths are whole numbers from 0, bounds are finite numbers, a pattern is text.',
      )
    }
  }
  if (rules.pattern === undefined) return
  try {
    new RegExp(rules.pattern, 'u')
  } catch (cause) {
    throw new PlatformError('plan.invalid', `the pattern of the field "${path}" is none`, {
      hint: 'Patterns are those of ECMAScript with the flag u.',
      cause,
    })
  }
}

/**
 * A bound as an unscaled integer. It is the decimal number that its shortest text says, so that
 * 0.1 is a tenth and not the double next to it; a lower bound is rounded up, an upper one down.
 */
export function unscaledBound(bound: number, scale: number, lower: boolean): bigint {
  const [mantissa = '', exponent = '0'] = bound.toExponential().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = BigInt(whole + fraction)
  const shift = Number(exponent) + scale - fraction.length
  if (shift >= 0) return digits * 10n ** BigInt(shift)
  const divisor = 10n ** BigInt(-shift)
  const floor = (digits - (((digits % divisor) + divisor) % divisor)) / divisor
  return lower && floor * divisor !== digits ? floor + 1n : floor
}
