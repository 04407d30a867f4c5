/**
 * Expressions as authors write them: `r.price.mul(r.quantity)`.
 *
 * Each kind of column has the methods that mean something for it; what comes back is plain data
 * (`expression`), which the compiler knows by its tag. Null in gives null out unless a method says
 * otherwise, and nothing throws per row: what has no result is null.
 */

import type { TimePart, TimeUnit } from '#base'
import type { Expression } from '#plan'
import type { Columns, Declared, Kind, Nullable, Tag } from './column-type.ts'

/** Plain data with a tag that only the compiler sees. */
export interface Typed<T extends Tag = Tag> {
  readonly expression: Expression
  /** Never there; carries the tag. */
  readonly tag?: T
}

type Or<A extends boolean, B extends boolean> = A extends false ? B : A
type Integer = 'int32' | 'int64'

/** Kinds that a kind is compared and combined with, without a cast. */
interface Beside {
  int32: Integer | 'decimal' | 'float64'
  int64: Integer | 'decimal'
  decimal: Integer | 'decimal'
  float64: 'int32' | 'float64'
}
type BesideOf<K extends Kind> = K extends keyof Beside ? Beside[K] : K

/** Constants that stand for a value of a kind. Decimals are text or whole numbers; times ISO 8601. */
interface Constants {
  bool: boolean
  int32: number | bigint | string
  int64: number | bigint | string
  float64: number
  decimal: number | bigint | string
  string: string
  timestamp: string | number
  date: string | number
  uuid: string
  ipv4: string
  json: never
  bytes: Uint8Array
  array: never
}
export type ConstantOf<T extends Tag> = T['kind'] extends 'enum'
  ? T['holds']
  : T['kind'] extends keyof Constants
    ? Constants[T['kind']]
    : never

/** What may stand beside a value: a constant, or an expression of a kind that it meets. */
export type Operand<T extends Tag> =
  | ConstantOf<T>
  | Typed<Tag<BesideOf<T['kind']>, boolean, T['kind'] extends 'enum' ? T['holds'] : unknown>>

type NullOf<O> = O extends Typed<infer T> ? T['nullable'] : O extends null ? true : false
type KindOf<O, K extends Kind> =
  O extends Typed<infer T> ? T['kind'] : O extends string ? (K extends Integer ? 'decimal' : K) : K

/** The kind of a sum. */
type SumKind<A extends Kind, B extends Kind> = 'float64' extends A | B
  ? 'float64'
  : 'decimal' extends A | B
    ? 'decimal'
    : 'int64'

/** Whether a sum may have no result. Of decimals the widths say so, when the plan is built. */
type SumNull<A extends Kind, B extends Kind, N extends boolean> = 'int64' extends A | B
  ? 'decimal' extends A | B
    ? N
    : true
  : 'float64' extends A | B
    ? true
    : N

type Sum<T extends Tag, O> = Expr<
  Tag<
    SumKind<T['kind'], KindOf<O, T['kind']>>,
    SumNull<T['kind'], KindOf<O, T['kind']>, Or<T['nullable'], NullOf<O>>>,
    never
  >
>
type Quotient<T extends Tag, O> = Expr<Tag<SumKind<T['kind'], KindOf<O, T['kind']>>, true, never>>
type Bool<N extends boolean> = Expr<Tag<'bool', N, never>>
type Text<N extends boolean> = Expr<Tag<'string', N, never>>

/** The kind that holds values of both. */
type Common<A extends Kind, B extends Kind> = [A] extends [B]
  ? [B] extends [A]
    ? A
    : SumKind<A, B>
  : SumKind<A, B>

/** What every value has. */
interface EveryMethod<T extends Tag> extends Typed<T> {
  /** Whether it is null; never null itself. */
  isNull(): Bool<false>
  isNotNull(): Bool<false>
  /** The same as another type: rounded half to even where digits go, null where it does not fit. */
  cast<D extends Tag>(to: Declared<D>): Expr<Nullable<D>>
  /**
   * In the `map` of a source: a record for which this is null is a dead letter, and so the column
   * is never null.
   */
  orReject(): Mapped<Nullable<T, false>>
}

/** A column of a `map` that is never null: what would be is rejected. */
export interface Mapped<T extends Tag = Tag> extends Typed<T> {
  readonly required: true
}

/** What values have that can be compared. */
interface EqualMethods<T extends Tag> extends EveryMethod<T> {
  eq<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  ne<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  lt<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  le<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  gt<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  ge<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  in(...values: readonly ConstantOf<T>[]): Bool<T['nullable']>
  /** This, or `other` where this is null. */
  coalesce<O extends Operand<T>>(
    other: O,
  ): Expr<
    Tag<
      Common<T['kind'], KindOf<O, T['kind']>>,
      NullOf<O> extends false ? false : T['nullable'],
      T['holds']
    >
  >
  /** The canonical text. */
  text(): Text<T['nullable']>
  /** 64-bit FNV-1a of the canonical text. */
  hash(): Expr<Tag<'int64', T['nullable'], never>>
}

interface BoolMethods<T extends Tag> extends EqualMethods<T> {
  and<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  or<O extends Operand<T>>(other: O): Bool<Or<T['nullable'], NullOf<O>>>
  not(): Bool<T['nullable']>
}

interface NumberMethods<T extends Tag> extends EqualMethods<T> {
  add<O extends Operand<T>>(other: O): Sum<T, O>
  sub<O extends Operand<T>>(other: O): Sum<T, O>
  mul<O extends Operand<T>>(other: O): Sum<T, O>
  /** Integers towards zero; decimals half to even at the wider scale. Null for a divisor of 0. */
  div<O extends Operand<T>>(other: O): Quotient<T, O>
  /** What `div` towards zero leaves, with the sign of this. */
  mod<O extends Operand<T>>(other: O): Quotient<T, O>
  neg(): Expr<Tag<SumKind<T['kind'], 'int32'>, Or<T['nullable'], LongNull<T>>, never>>
  abs(): Expr<Tag<SumKind<T['kind'], 'int32'>, Or<T['nullable'], LongNull<T>>, never>>
  /** Half to even, at most as many digits behind the point as there are. */
  round(scale: number): Expr<T>
  floor(): Expr<T>
  ceil(): Expr<T>
}
type LongNull<T extends Tag> = T['kind'] extends 'int64' ? true : false

interface TextMethods<T extends Tag> extends EqualMethods<T> {
  concat<O extends Operand<T>>(...others: readonly O[]): Text<Or<T['nullable'], NullOf<O>>>
  lower(): Text<T['nullable']>
  upper(): Text<T['nullable']>
  /** Without ASCII spaces at both ends. */
  trim(): Text<T['nullable']>
  /** Code points. */
  length(): Expr<Tag<'int32', T['nullable'], never>>
  /** From code point `start`, counted from 1, to the end or `length` of them. */
  substring(start: number, length?: number): Text<T['nullable']>
  contains(part: Operand<T>): Bool<T['nullable']>
  startsWith(part: Operand<T>): Bool<T['nullable']>
  split(separator: string): Expr<Tag<'array', T['nullable'], Tag<'string', false, never>>>
  urlPart(part: 'scheme' | 'host' | 'port' | 'path' | 'query' | 'fragment'): Text<true>
  /** A timestamp by a pattern or unix form: see `ParseSpec`. */
  parseTime(pattern: string): Expr<Tag<'timestamp', true, never>>
  /** Text at a path `a.b.0` of JSON text. */
  field(path: string): Text<true>
}

interface JsonMethods<T extends Tag> extends EveryMethod<T> {
  /** Text at a path `a.b.0`: strings as they are, else the JSON text as written. */
  field(path: string): Text<true>
  text(): Text<T['nullable']>
}

type DateUnit = 'day' | 'week' | 'month' | 'quarter' | 'year'
type UnitOf<T extends Tag> = T['kind'] extends 'date' ? DateUnit : Exclude<TimeUnit, 'microsecond'>
type PartOf<T extends Tag> = T['kind'] extends 'date'
  ? Exclude<DateUnit, 'week'> | 'dayOfWeek' | 'dayOfYear'
  : TimePart

interface TimeMethods<T extends Tag> extends EqualMethods<T> {
  /** The start of the unit; weeks begin on Monday. */
  trunc(unit: UnitOf<T>): Expr<T>
  /** As a number; `dayOfWeek` 1 is Monday. */
  part(part: PartOf<T>): Expr<Tag<'int32', T['nullable'], never>>
  /** Later, or earlier by a negative amount; months keep the day or take the month's last. */
  plus(
    amount: number | Typed<Tag<Integer>>,
    unit: T['kind'] extends 'date' ? DateUnit : TimeUnit,
  ): Expr<Nullable<T>>
  format(pattern: string): Text<T['nullable']>
}

interface ArrayMethods<T extends Tag> extends EveryMethod<T> {
  /** Elements, nulls included. */
  length(): Expr<Tag<'int32', T['nullable'], never>>
  /** The element at a place that counts from 1; null where there is none. */
  element(place: number | Typed<Tag<Integer>>): ElementOf<T>
  includes<O extends T['holds'] extends Tag ? Operand<T['holds']> : never>(
    value: O,
  ): Bool<Or<T['nullable'], NullOf<O>>>
}
type ElementOf<T extends Tag> = T['holds'] extends Tag ? Expr<Nullable<T['holds']>> : never

interface MethodsByKind<T extends Tag> {
  bool: BoolMethods<T>
  int32: NumberMethods<T>
  int64: NumberMethods<T>
  float64: NumberMethods<T>
  decimal: NumberMethods<T>
  string: TextMethods<T>
  enum: EqualMethods<T>
  timestamp: TimeMethods<T>
  date: TimeMethods<T>
  uuid: EqualMethods<T>
  ipv4: EqualMethods<T>
  json: JsonMethods<T>
  bytes: EqualMethods<T>
  array: ArrayMethods<T>
}

/** An expression with the methods of its kind. */
export type Expr<T extends Tag> = MethodsByKind<T>[T['kind']]

/** The columns of a row, by name. */
export type Refs<C extends Columns> = { readonly [K in keyof C]: Expr<C[K]> }

/** What a callback gives: named expressions. */
export type Named = Readonly<Record<string, Typed>>

/** The tags of named expressions. */
export type NamedTags<M extends Named> = {
  readonly [K in keyof M]: M[K] extends Typed<infer T> ? T : never
}
