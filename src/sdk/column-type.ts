/**
 * Types of columns: as the compiler knows them (`Tag`), and as an author declares them (`t`).
 *
 * A tag says what rows are checked by: the kind, whether it may be null, and what it holds (the
 * values of an enum, the element of an array). Widths of decimals are known when a plan is built.
 */

import type { FieldRules, ParseSpec, ScalarType, Type } from '#plan'

export type Kind = Type['kind']

/** What the compiler knows of a column. */
export interface Tag<K extends Kind = Kind, N extends boolean = boolean, V = unknown> {
  readonly kind: K
  readonly nullable: N
  readonly holds: V
}

/** Columns by name, as the compiler knows them. */
export type Columns = Readonly<Record<string, Tag>>

/** The tag with or without null. */
export type Nullable<T extends Tag, N extends boolean = true> = Tag<T['kind'], N, T['holds']>

interface Values {
  bool: boolean
  int32: number
  int64: bigint
  float64: number
  decimal: string
  string: string
  timestamp: number
  date: number
  uuid: string
  ipv4: string
  json: string
  bytes: Uint8Array
}

type PresentValue<T extends Tag> = T['kind'] extends keyof Values
  ? Values[T['kind']]
  : T['kind'] extends 'enum'
    ? T['holds']
    : T['holds'] extends Tag
      ? readonly ValueOf<T['holds']>[]
      : never

/** The value of a column as functions of `process` and the test kit meet it. */
export type ValueOf<T extends Tag> = PresentValue<T> | (T['nullable'] extends false ? never : null)

/** A row of values. */
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ValueOf<C[K]> }

export type Flat<T> = { readonly [K in keyof T]: T[K] }
export type OneOrMore<K> = K | readonly K[]

/** Names of columns that rows can be kept together by. */
export type KeyNames<C extends Columns> = {
  [K in keyof C]: C[K]['kind'] extends 'float64' | 'json' | 'array' ? never : K
}[keyof C] &
  string

/** A declared column: its type, and for a format how it is read and what is valid. */
export interface Declared<T extends Tag = Tag> {
  readonly type: Type
  readonly parse: ParseSpec | undefined
  readonly rules: FieldRules | undefined
  /** Key path in a JSON record; undefined for the column's own name. */
  readonly path: readonly string[] | undefined
  /** The same, but null is a value; in JSON the field may then be absent. */
  nullable(): Declared<Nullable<T>>
  /** The same, but from another key of a JSON record; dots lead into objects: `'user.id'`. */
  from(path: string): Declared<T>
  /** Never there; carries the tag. */
  readonly tag?: T
}

/** Declared columns by name. */
export type DeclaredColumns = Readonly<Record<string, Declared>>

/** What the compiler knows of declared columns. */
export type TagsOf<D extends DeclaredColumns> = {
  readonly [K in keyof D]: D[K] extends Declared<infer T> ? T : never
}

/** Bounds of a number, inclusive. */
export interface NumberRules {
  readonly min?: number
  readonly max?: number
}

/** Bounds of a text: code points, and an ECMAScript pattern. */
export interface TextRules {
  readonly lengthMin?: number
  readonly lengthMax?: number
  readonly pattern?: RegExp
}

/** Of times that are not ISO 8601: see `ParseSpec` for the forms. */
export interface TimeForm {
  readonly format?: string
}

function declared<T extends Tag>(
  type: Type,
  { parse, rules, path }: Partial<Pick<Declared, 'parse' | 'rules' | 'path'>> = {},
): Declared<T> {
  return Object.freeze({
    type: Object.freeze(type),
    parse,
    rules,
    path,
    nullable: () => declared<Nullable<T>>({ ...type, nullable: true }, { parse, rules, path }),
    from: (to: string) => declared<T>(type, { parse, rules, path: to.split('.') }),
  })
}

function number<K extends 'int32' | 'int64' | 'float64'>(kind: K) {
  return (rules?: NumberRules): Declared<Tag<K, false, never>> => declared({ kind }, { rules })
}

function simple<K extends 'bool' | 'uuid' | 'ipv4' | 'json' | 'bytes'>(kind: K) {
  return (): Declared<Tag<K, false, never>> => declared({ kind })
}

function time<K extends 'timestamp' | 'date'>(kind: K) {
  return ({ format }: TimeForm = {}): Declared<Tag<K, false, never>> =>
    declared({ kind }, { parse: format === undefined ? undefined : { time: format } })
}

/**
 * Types of columns.
 *
 * @example { id: t.uuid(), price: t.decimal(15, 2), side: t.enum('buy', 'sell').nullable() }
 */
export const t = Object.freeze({
  bool: simple('bool'),
  int32: number('int32'),
  int64: number('int64'),
  float64: number('float64'),
  /** Exact; `precision` digits in all, up to 38, and `scale` of them behind the point. */
  decimal: (
    precision: number,
    scale: number,
    rules?: NumberRules,
  ): Declared<Tag<'decimal', false, never>> =>
    declared({ kind: 'decimal', precision, scale }, { rules }),
  string: ({ pattern, ...length }: TextRules = {}): Declared<Tag<'string', false, never>> =>
    declared(
      { kind: 'string' },
      { rules: pattern === undefined ? length : { ...length, pattern: pattern.source } },
    ),
  /** One of these texts; ordered as they stand here. */
  enum: <const V extends readonly [string, ...string[]]>(
    ...values: V
  ): Declared<Tag<'enum', false, V[number]>> => declared({ kind: 'enum', values }),
  timestamp: time('timestamp'),
  date: time('date'),
  uuid: simple('uuid'),
  ipv4: simple('ipv4'),
  json: simple('json'),
  bytes: simple('bytes'),
  array: <T extends Tag>(of: Declared<T>): Declared<Tag<'array', false, T>> =>
    declared({ kind: 'array', of: of.type as ScalarType }),
})
