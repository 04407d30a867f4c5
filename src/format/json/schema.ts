/**
 * The JSON Schema of a format's fields, and ajv's answer for a record as a reject.
 *
 * What ajv decides, and what it does not: it sees the plain value of a record, in which numbers are
 * doubles, and decides which keys there must and may be, the JSON type of every value, enum
 * values, formats, lengths and patterns of strings, and lengths of arrays. Everything about the
 * value of a number (whole, in range, digits behind the point) is decided afterwards on its text,
 * so a double never stands between a record and an exact number. A null counts as absent.
 */

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { ScalarType } from '#plan'
import type { FieldLeaf, FieldNode, FieldObject } from './fields.ts'
import { below } from './reader.ts'

type SchemaNode = Record<string, unknown>

export interface SchemaFault {
  readonly reason: 'json.unknown_field' | 'json.missing' | 'json.type' | 'json.rule'
  readonly path: string
  /** What the value is not, to be said of it: `is not of type string`. Empty where it is absent. */
  readonly says: string
  /** Keys and indexes that lead to the value. */
  readonly keys: readonly string[]
}

/** Looks at plain values of records; undefined where a record is as it should be. */
export type SchemaCheck = (plain: unknown) => SchemaFault | undefined

/** One for all schemas: compiling the schema of schemas takes longer than any of ours. */
let validator: Ajv | undefined

function sharedValidator(): Ajv {
  if (validator !== undefined) return validator
  validator = new Ajv({
    allErrors: false,
    strict: true,
    allowUnionTypes: true,
    // Numbers are judged by their text, so one too large for a double is a number all the same.
    strictNumbers: false,
  })
  formats.default(validator)
  return validator
}

export function compileSchemaCheck(root: FieldObject, unknown: 'skip' | 'reject'): SchemaCheck {
  const ajv = sharedValidator()
  const schema = objectSchema(root, unknown === 'skip')
  const validate: ValidateFunction = ajv.compile(schema)
  ajv.removeSchema(schema)
  return plain => {
    if (validate(plain)) return undefined
    const error = validate.errors?.[0]
    return error === undefined ? undefined : faultOf(error, plain)
  }
}

/** The JSON Schema of an object of fields. */
export function objectSchema(object: FieldObject, additional: boolean): SchemaNode {
  const members = [...object.members.values()]
  return {
    type: object.optional && object.key !== '' ? ['object', 'null'] : 'object',
    properties: Object.fromEntries(
      members.map(member => [member.key, memberSchema(member, additional)]),
    ),
    required: members.filter(member => !member.optional).map(member => member.key),
    additionalProperties: additional,
  }
}

function memberSchema(member: FieldNode, additional: boolean): SchemaNode {
  return member.kind === 'object' ? objectSchema(member, additional) : leafSchema(member)
}

function leafSchema(leaf: FieldLeaf): SchemaNode {
  const { type, rules } = leaf
  const timed = leaf.parse?.time
  if (type.kind !== 'array') {
    const lengths =
      type.kind === 'string'
        ? keywords({ minLength: rules.lengthMin, maxLength: rules.lengthMax })
        : {}
    const schema = scalarSchema(type, timed, leaf.optional)
    return { ...schema, ...lengths, ...keywords({ pattern: rules.pattern }) }
  }
  return {
    type: leaf.optional ? ['array', 'null'] : 'array',
    items: scalarSchema(type.of, timed, type.of.nullable === true),
    ...keywords({ minItems: rules.lengthMin, maxItems: rules.lengthMax }),
  }
}

function keywords(of: SchemaNode): SchemaNode {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined))
}

const FORMATS: Readonly<Record<string, string>> = {
  timestamp: 'date-time',
  date: 'date',
  uuid: 'uuid',
  ipv4: 'ipv4',
}

function scalarSchema(type: ScalarType, timed: string | undefined, nullable: boolean): SchemaNode {
  const oneOf = (...names: string[]): SchemaNode => {
    const all = nullable ? [...names, 'null'] : names
    return { type: all.length === 1 ? all[0] : all }
  }
  switch (type.kind) {
    case 'bool':
      return oneOf('boolean')
    case 'int32':
    case 'float64':
      return oneOf('number')
    case 'int64':
    case 'decimal':
      return oneOf('number', 'string')
    case 'enum':
      return { ...oneOf('string'), enum: nullable ? [...type.values, null] : type.values }
    case 'json':
      return {}
    case 'timestamp':
    case 'date':
      if (timed?.startsWith('unix_')) return oneOf('number', 'string')
      return timed === undefined
        ? { ...oneOf('string'), format: FORMATS[type.kind] }
        : oneOf('string')
    case 'uuid':
    case 'ipv4':
      return { ...oneOf('string'), format: FORMATS[type.kind] }
    case 'string':
    case 'bytes':
      return oneOf('string')
  }
}

function faultOf(error: ErrorObject, plain: unknown): SchemaFault {
  const keys = error.instancePath
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  let value = plain
  let path = ''
  let item = false
  for (const key of keys) {
    item = Array.isArray(value)
    path = below(path, item ? Number(key) : key)
    value = (value as Record<string, unknown>)[key]
  }
  const { keyword, params } = error
  if (keyword === 'required') {
    const absent = below(path, String(params['missingProperty']))
    return { reason: 'json.missing', path: absent, says: '', keys }
  }
  if (keyword === 'additionalProperties') {
    const key = String(params['additionalProperty'])
    const says = 'is not a declared field'
    return { reason: 'json.unknown_field', path: below(path, key), says, keys: [...keys, key] }
  }
  if (keyword === 'type') {
    if (value === null && !item) return { reason: 'json.missing', path, says: '', keys }
    const types = [params['type']].flat().filter(type => type !== 'null')
    return { reason: 'json.type', path, says: `is not of type ${types.join(' or ')}`, keys }
  }
  if (keyword === 'enum' && value === null) {
    return { reason: 'json.missing', path, says: '', keys }
  }
  return { reason: 'json.rule', path, says: ruleSays(keyword, params), keys }
}

function ruleSays(keyword: string, params: Record<string, unknown>): string {
  const limit = String(params['limit'])
  switch (keyword) {
    case 'enum':
      return 'is none of the values'
    case 'format':
      return `is not a ${String(params['format'])}`
    case 'minLength':
      return `is shorter than ${limit} characters`
    case 'maxLength':
      return `is longer than ${limit} characters`
    case 'minItems':
      return `has fewer than ${limit} items`
    case 'maxItems':
      return `has more than ${limit} items`
    default:
      return `does not match "${String(params['pattern'])}"`
  }
}
