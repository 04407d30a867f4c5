/**
 * Rows on their way from sources to tables: each method adds an operator and gives a new stream.
 *
 * Callbacks run once, while the plan is built. Where rows of equal keys would be in several
 * partitions, a rekey is put before the operator that needs them together.
 */

import { PlatformError } from '#base'
import {
  type Emit,
  type Expression,
  type Operator,
  type ProcessFunction,
  rules,
  type Value,
} from '#plan'
import type { AggregatedColumns } from './aggregate.ts'
import type {
  Columns,
  Declared,
  DeclaredColumns,
  Flat,
  KeyNames,
  Nullable,
  OneOrMore,
  RowOf,
  Tag,
  TagsOf,
  ValueOf,
} from './column-type.ts'
import { micros } from './duration.ts'
import type { ConstantOf, Named, NamedTags, Refs, Typed } from './expression.ts'
import { isRequired, refsOf } from './expression-methods.ts'
import { schemaOf } from './format.ts'
import { joined, looked } from './pairing.ts'
import { listed, together } from './placing.ts'
import { mergePlans, type Pipeline, type Plan, type Table } from './table.ts'
import {
  type Bounds,
  type HopOptions,
  type SessionOptions,
  type Summary,
  summary,
  type TumbleOptions,
  type WindowParts,
} from './window.ts'

/** Equal names on both sides, or left names with the right ones: `{ user_id: 'id' }`. */
export type Pairing<C extends Columns, D extends Columns> =
  | OneOrMore<KeyNames<C> & KeyNames<D>>
  | { readonly [K in KeyNames<C>]?: KeyNames<D> }

/** Named expressions, and the event time where they leave it out. */
type Selected<C extends Columns, At extends string, M extends Named> = Flat<
  NamedTags<M> & Omit<Pick<C, At & keyof C>, keyof M>
>
type Extended<C extends Columns, M extends Named> = Flat<Omit<C, keyof M> & NamedTags<M>>

/** A constant of exactly a column's type. */
type DefaultOf<T extends Tag> = T['kind'] extends 'int32' | 'int64'
  ? number | bigint
  : ConstantOf<T>

export interface LookupOptions<
  C extends Columns,
  D extends Columns,
  T extends Readonly<Record<string, keyof D & string>>,
  O,
> {
  /** One column of each side that must be equal. */
  readonly key: (KeyNames<C> & KeyNames<D>) | { readonly [K in KeyNames<C>]?: KeyNames<D> }
  /** New columns, and the dimension's columns that they come from. */
  readonly take: T
  /** Their values where no version is valid; null where it is silent. */
  readonly otherwise?: O & { readonly [K in keyof T]?: DefaultOf<D[T[K]]> | null }
  /** Which versions say that the key is gone. */
  readonly deleted?: (version: Refs<D>) => Typed<Tag<'bool'>>
  /** Event time that a row waits for the dimension before it goes out with what is known (0). */
  readonly waitMax?: number
}

type LookedUp<
  C extends Columns,
  D extends Columns,
  T extends Readonly<Record<string, keyof D>>,
  O,
> = Flat<
  C & {
    readonly [K in keyof T]: K extends keyof O
      ? O[K] extends null
        ? Nullable<D[T[K]]>
        : D[T[K]]
      : Nullable<D[T[K]]>
  }
>

export interface JoinOptions<
  C extends Columns,
  D extends Columns,
  M extends Named,
  At extends string,
> {
  /** Columns that must be equal. */
  readonly on: Pairing<C, D>
  /** Bounds of left time − right time, both included. */
  readonly lo: number
  readonly hi: number
  /** Columns of both sides, as they are. */
  readonly take: (left: Refs<C>, right: Refs<D>) => M
  /** Name of the event time, the greater of both (`at`). */
  readonly at?: At
}

export interface ProcessOptions<
  C extends Columns,
  S extends DeclaredColumns,
  O extends DeclaredColumns,
  At extends string,
> {
  readonly by: OneOrMore<KeyNames<C>>
  /** `event`: by event time, once nothing earlier can come. `log`: as rows came, from one source. */
  readonly order: 'event' | 'log'
  /** Unique in the application. */
  readonly name: string
  /** Raised when what `run` means changes. */
  readonly version: number
  /** What is remembered of a key; null at first. */
  readonly state: S
  readonly output: O
  /** The column of `output` that is event time. */
  readonly at: At & keyof O
  /** One row in, the key's state changed in place, rows out. No clock, no randomness, no I/O. */
  readonly run: (
    row: RowOf<C>,
    state: { -readonly [K in keyof S]: S[K] extends Declared<infer T> ? ValueOf<T> | null : never },
    emit: (row: RowOf<TagsOf<O>>) => void,
  ) => void
}

/** What a table with these columns takes: the same kinds, and null only where it has null. */
type Fitting<T extends Columns> = {
  readonly [K in keyof T]: Tag<
    T[K]['kind'],
    T[K]['nullable'] extends false ? false : boolean,
    T[K]['kind'] extends 'enum' ? T[K]['holds'] : unknown
  >
}
/** The columns of a table that a stream does not fit, for the compiler's message. */
interface DoesNotFit<C extends Columns, T extends Columns> {
  readonly 'columns that do not fit the table': {
    [K in keyof T]: K extends keyof C ? (C[K] extends Fitting<T>[K] ? never : K) : K
  }[keyof T]
}

/** The windows of a stream. */
export interface Windowed<C extends Columns, K extends KeyNames<C>, B extends Bounds> {
  /** One row per key and window: the keys, the window's bounds, and these columns. */
  aggregate<A extends AggregatedColumns>(
    aggregates: (row: Refs<C>) => A,
  ): Stream<Summary<C, K, B, A>, B[1]>
}

export class Stream<C extends Columns, At extends string> {
  readonly plan: Plan

  constructor(plan: Plan) {
    const { operator, sources, functions } = plan
    const context = { sources: [...sources.values()], functions: Object.fromEntries(functions) }
    rules.checkOperator(operator, context)
    this.plan = Object.freeze({ operator: Object.freeze(operator), sources, functions })
    Object.freeze(this)
  }

  /** The rows for which a condition is true; null is not. The others are counted under `rule`. */
  filter(
    condition: (row: Refs<C>) => Typed<Tag<'bool'>>,
    { rule = 'filter' }: { readonly rule?: string } = {},
  ): Stream<C, At> {
    const { expression } = condition(this.#row('filter'))
    return this.#then({ ...this.#same(), op: 'filter', condition: expression, rule })
  }

  /** These columns and no others, but for the event time, which always stays. */
  select<M extends Named>(columns: (row: Refs<C>) => M): Stream<Selected<C, At, M>, At> {
    const { at } = this.plan.operator
    const named: Named = columns(this.#row('select'))
    const kept = Object.hasOwn(named, at) ? {} : { [at]: this.#column(at) }
    return this.#project({ ...named, ...kept })
  }

  /** All columns, and these; one of a name that is there takes its place. */
  with<M extends Named>(columns: (row: Refs<C>) => M): Stream<Extended<C, M>, At> {
    const names = this.plan.operator.schema.map(({ name }) => name)
    const own = Object.fromEntries(names.map(name => [name, this.#column(name)]))
    return this.#project({ ...own, ...columns(this.#row('with')) })
  }

  /** The first row of each `by` and event time. `by` holds the source's key. */
  dedupe(by: OneOrMore<KeyNames<C>>): Stream<C, At> {
    return this.#then({ ...this.#same(), op: 'dedupe', by: listed(by) })
  }

  /** Rows of this and of others with the same columns. */
  union(...others: readonly [Stream<C, At>, ...Stream<C, At>[]]): Stream<C, At> {
    const inputs = [this, ...others].map(({ plan }) => plan.operator)
    const { schema, at, ties } = this.plan.operator
    return this.#then(
      { op: 'union', inputs, schema, at, ties },
      others.map(({ plan }) => plan),
    )
  }

  /** The version of a dimension's row that is valid at each row's event time. */
  lookup<
    D extends Columns,
    E extends string,
    const T extends Readonly<Record<string, keyof D & string>>,
    const O = Record<never, never>,
  >(dimension: Stream<D, E>, options: LookupOptions<C, D, T, O>): Stream<LookedUp<C, D, T, O>, At> {
    const { key, take, otherwise = {}, deleted, waitMax = 0 } = options
    const operator = looked(this.plan.operator, dimension.plan.operator, {
      key,
      take,
      otherwise: otherwise as Readonly<Record<string, Value>>,
      deleted: deleted?.(refsOf<D>(dimension.plan.operator.schema, 'lookup.deleted')).expression,
      waitMaxUs: micros(waitMax, 'waitMax'),
    })
    return this.#then(operator, [dimension.plan])
  }

  /** Pairs of rows with equal keys whose event times lie within bounds. */
  join<D extends Columns, E extends string, M extends Named, const J extends string = 'at'>(
    right: Stream<D, E>,
    options: JoinOptions<C, D, M, J>,
  ): Stream<Flat<NamedTags<M> & Record<J, Tag<'timestamp', false, never>>>, J> {
    const { on, lo, hi, take, at = 'at' } = options
    const plans = [this.plan, right.plan] as const
    const rows = plans.map(({ operator }) => refsOf<Columns>(operator.schema, 'join.take'))
    const named: Named = take(rows[0] as unknown as Refs<C>, rows[1] as unknown as Refs<D>)
    const { sources } = mergePlans(plans)
    const operator = joined(plans[0].operator, plans[1].operator, sources, {
      on,
      loUs: micros(lo, 'lo'),
      hiUs: micros(hi, 'hi'),
      take: named,
      left: rows[0] as Readonly<Record<string, Typed>>,
      at,
    })
    return this.#then(operator, [right.plan])
  }

  /** Windows of one size, one behind the other. */
  tumble<K extends KeyNames<C>, const B extends Bounds = readonly ['window_start', 'window_end']>(
    options: TumbleOptions<K, B>,
  ): Windowed<C, K, B> {
    return this.hop({ ...options, advance: options.size })
  }

  /** Windows of one size that begin every `advance`, and so overlap. */
  hop<K extends KeyNames<C>, const B extends Bounds = readonly ['window_start', 'window_end']>({
    by,
    size,
    advance,
    offset = 0,
    bounds,
  }: HopOptions<K, B>): Windowed<C, K, B> {
    return this.#windowed<K, B>({
      by: listed(by),
      bounds: bounds ?? ['window_start', 'window_end'],
      window: {
        kind: 'hop',
        sizeUs: micros(size, 'size'),
        advanceUs: micros(advance, 'advance'),
        offsetUs: micros(offset, 'offset'),
      },
    })
  }

  /** Runs of rows of a key in which neighbours are less than `gap` apart. */
  session<
    K extends KeyNames<C>,
    const B extends Bounds = readonly ['session_start', 'session_end'],
  >({ by, gap, bounds }: SessionOptions<K, B>): Windowed<C, K, B> {
    return this.#windowed<K, B>({
      by: listed(by),
      bounds: bounds ?? ['session_start', 'session_end'],
      window: { kind: 'session', gapUs: micros(gap, 'gap') },
    })
  }

  /** All rows of a key, without a window: settled when the input has ended. */
  all<K extends KeyNames<C>, const L extends string = 'last_at'>({
    by,
    last,
  }: {
    readonly by: OneOrMore<K>
    /** Column of the greatest event time (`last_at`). */
    readonly last?: L
  }): Windowed<C, K, readonly [never, L]> {
    return this.#windowed<K, readonly [never, L]>({
      by: listed(by),
      bounds: ['first_at', last ?? 'last_at'],
      window: { kind: 'all' },
    })
  }

  /** Rows through a function of the author with declared state: the only code that runs per row. */
  process<S extends DeclaredColumns, O extends DeclaredColumns, const P extends string>(
    options: ProcessOptions<C, S, O, P>,
  ): Stream<TagsOf<O>, P> {
    const { by, order, name, version, state, output, at, run } = options
    const columns = listed(by)
    const operator = {
      op: 'process',
      input: together(this.plan, columns),
      by: columns,
      order,
      name,
      version,
      state: schemaOf(state),
      schema: schemaOf(output),
      at,
      ties: columns.filter(column => Object.hasOwn(output, column)),
    } as const
    const functions = new Map([[name, run as unknown as ProcessFunction]])
    return this.#then(operator, [{ sources: new Map(), functions }])
  }

  /**
   * The end of a plan: its rows in a table, which has a column of each name, and of the same type.
   * `emit` says when rows that may still change are written: on each change (`update`, the default
   * with a key), when the watermark passes (`closed`), or once nothing can change them (`settled`).
   */
  into<T extends Columns>(
    table: Table<T> & (C extends Fitting<T> ? unknown : DoesNotFit<C, T>),
    options: { readonly emit?: Emit } = {},
  ): Pipeline {
    const { schema, options: spec, name } = table
    const emit = options.emit ?? (spec.key.length === 0 ? 'settled' : 'update')
    const own = this.plan.operator
    const columns = schema ?? own.schema
    const begins = columns.every((column, index) => own.schema[index]?.name === column.name)
    const wanted = new Set([...columns.map(column => column.name), own.at])
    const last = begins
      ? this
      : this.#project(Object.fromEntries([...wanted].map(column => [column, this.#column(column)])))
    rules.checkPipeline(
      { table: name, emit, input: last.plan.operator },
      { name, schema: columns, ...spec },
    )
    return Object.freeze({ table, emit, plan: last.plan })
  }

  #row(place: string): Refs<C> {
    return refsOf<C>(this.plan.operator.schema, `${rules.pathOf(this.plan.operator)} > ${place}`)
  }

  #column(name: string): Typed {
    return (this.#row('columns') as unknown as Readonly<Record<string, Typed>>)[name] as Typed
  }

  #same() {
    const { operator } = this.plan
    return { input: operator, schema: operator.schema, at: operator.at, ties: operator.ties }
  }

  #windowed<K extends KeyNames<C>, B extends Bounds>(parts: WindowParts): Windowed<C, K, B> {
    return Object.freeze({
      aggregate: <A extends AggregatedColumns>(aggregates: (row: Refs<C>) => A) =>
        this.#then<Summary<C, K, B, A>, B[1]>(
          summary(this.plan, parts, aggregates(this.#row('aggregate'))),
        ),
    })
  }

  #project<N extends Columns>(named: Named): Stream<N, At> {
    const { operator } = this.plan
    const entries = Object.entries(named)
    const required = entries.find(([, value]) => isRequired(value))
    if (required !== undefined) {
      throw new PlatformError('plan.invalid', `"${required[0]}" is orReject outside of a source`, {
        hint: 'Only the map of a source rejects records; filter the rows here.',
      })
    }
    const ties = operator.ties.flatMap(tie => {
      const found = entries.find(([, { expression }]) => names(expression, tie))
      return found === undefined ? [] : [found[0]]
    })
    return this.#then({
      op: 'project',
      input: operator,
      columns: entries.map(([, { expression }]) => expression),
      schema: entries.map(([name, { expression }]) => ({ name, type: expression.type })),
      at: operator.at,
      ties,
    })
  }

  #then<N extends Columns, E extends string>(
    operator: Operator,
    others: readonly Omit<Plan, 'operator'>[] = [],
  ): Stream<N, E> {
    return new Stream<N, E>({ operator, ...mergePlans([this.plan, ...others]) })
  }
}

/** Whether an expression is the column `name` and nothing else. */
function names(expression: Expression, name: string): boolean {
  return expression.node === 'column' && expression.name === name
}
