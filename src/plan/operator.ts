/**
 * The operators a plan is made of: plain frozen data, so that a plan can be printed, compared,
 * stored and sent. An operator says what its output means (docs/SEMANTICS.md); how it runs is a
 * runner's affair. Each carries its output schema, so that no runner infers one again.
 *
 * To add one: a type here, a line in `Operator`, a line in `TRAITS`. The compiler then names every
 * runner that has no answer for it yet.
 */

import type { Expression } from './expression.ts'
import type { Schema, Value } from './type.ts'

/** What every operator says of its rows. */
interface Output {
  readonly schema: Schema
  /** The column of `schema` that is the rows' event time (`timestamp`, not null). */
  readonly at: string
  /**
   * Columns that order rows of equal event time before their position does. Rows made by
   * `aggregate` and `process` have no position of their own: theirs are their key columns.
   */
  readonly ties: readonly string[]
}

/** Rows of a topic, decoded and validated by its `SourceSpec`. */
export interface SourceOperator extends Output {
  readonly op: 'source'
  /** Name of the `SourceSpec` in the application, which is also its topic. */
  readonly source: string
}

/** The rows for which `condition` is true; false and null go. */
export interface FilterOperator extends Output {
  readonly op: 'filter'
  readonly input: Operator
  readonly condition: Expression
  /** Under which the removed rows are counted: `filtered by named rule`. */
  readonly rule: string
}

/**
 * Each row as `columns` say, one expression per column of `schema`, in its order. The rows keep
 * their event time: `at` is the input's `at` column, passed unchanged, perhaps under another name.
 */
export interface ProjectOperator extends Output {
  readonly op: 'project'
  readonly input: Operator
  readonly columns: readonly Expression[]
}

/** Rows of several inputs of one schema. */
export interface UnionOperator extends Output {
  readonly op: 'union'
  readonly inputs: readonly Operator[]
}

/** The first row by position of each (by…, at). Nulls equal each other. */
export interface DedupeOperator extends Output {
  readonly op: 'dedupe'
  readonly input: Operator
  readonly by: readonly string[]
}

/** Rows moved to the partition of other key columns, through a repartition topic. */
export interface RekeyOperator extends Output {
  readonly op: 'rekey'
  readonly input: Operator
  readonly by: readonly string[]
  /** Of the repartition topic. */
  readonly partitions: number
}

/** Left rows with the version of a dimension row valid at their event time. */
export interface LookupOperator extends Output {
  readonly op: 'lookup'
  readonly input: Operator
  /** The dimension: a source, perhaps filtered and projected; its event time is `validFrom`. */
  readonly table: Operator
  /** Left column and dimension column that must be equal; null matches nothing. */
  readonly on: readonly [left: string, table: string]
  /** Columns added: where each comes from, and its value where no version is valid. */
  readonly take: readonly {
    readonly name: string
    readonly column: string
    readonly otherwise: Value
  }[]
  /** Over a dimension row: true makes it a delete version, which gives `otherwise`. */
  readonly deleted?: Expression
  /** Event time by which the left watermark may pass a row before it goes out with what is known. */
  readonly waitMaxUs: number
}

export type Window =
  | {
      readonly kind: 'hop'
      readonly sizeUs: number
      /** Equal to `sizeUs` for tumbling windows. */
      readonly advanceUs: number
      readonly offsetUs: number
    }
  | { readonly kind: 'session'; readonly gapUs: number }
  /** One window over all time: settles at the end mark only. */
  | { readonly kind: 'all' }

export type AggregateName =
  | 'count'
  | 'sum'
  | 'min'
  | 'max'
  | 'avg'
  | 'first'
  | 'last'
  | 'countDistinct'

export interface Aggregate {
  /** Its column in the output. */
  readonly name: string
  readonly fn: AggregateName
  /** Absent for `count` of rows. */
  readonly arg?: Expression
  /** Only rows for which this is true take part. */
  readonly where?: Expression
}

/**
 * One row per key and window. Columns: the keys, then `bounds[0]` and `bounds[1]` (timestamps: the
 * window's start and end, a session's first and last `at`), then the aggregates. `all` has no
 * column `bounds[0]`, and in `bounds[1]` the greatest `at` of its rows. `at` names `bounds[1]`; the
 * event time of hop's rows is 1 µs before that column, wherever they go from there.
 */
export interface AggregateOperator extends Output {
  readonly op: 'aggregate'
  readonly input: Operator
  readonly by: readonly string[]
  readonly window: Window
  readonly bounds: readonly [start: string, end: string]
  readonly aggregates: readonly Aggregate[]
}

/** Pairs with equal keys and `loUs ≤ left.at − right.at ≤ hiUs`. */
export interface JoinOperator extends Output {
  readonly op: 'join'
  readonly left: Operator
  readonly right: Operator
  readonly on: readonly (readonly [left: string, right: string])[]
  readonly loUs: number
  readonly hiUs: number
  /** One per column of `schema`, but its last, which is `at`: the greater of both. */
  readonly columns: readonly { readonly side: 'left' | 'right'; readonly column: string }[]
}

/** A keyed function of the author with declared state; found in the application by `name`. */
export interface ProcessOperator extends Output {
  readonly op: 'process'
  readonly input: Operator
  readonly by: readonly string[]
  readonly order: 'log' | 'event'
  readonly name: string
  /** Raised by the author when the function's meaning changes; part of the plan's hash. */
  readonly version: number
  /** Columns of the state of one key, all starting as null. */
  readonly state: Schema
}

export type Operator =
  | SourceOperator
  | FilterOperator
  | ProjectOperator
  | UnionOperator
  | DedupeOperator
  | RekeyOperator
  | LookupOperator
  | AggregateOperator
  | JoinOperator
  | ProcessOperator

export type OperatorName = Operator['op']

/** What shared code may ask of an operator, so that none of it asks which operator it has. */
export interface Traits {
  /** Whether it remembers rows between batches, and so takes part in checkpoints. */
  readonly stateful: boolean
  /** Whether its output may take back rows even where its input never does. */
  readonly retracts: boolean
}

export const TRAITS = {
  source: { stateful: false, retracts: false },
  filter: { stateful: false, retracts: false },
  project: { stateful: false, retracts: false },
  union: { stateful: false, retracts: false },
  dedupe: { stateful: true, retracts: false },
  rekey: { stateful: false, retracts: false },
  lookup: { stateful: true, retracts: true },
  aggregate: { stateful: true, retracts: true },
  join: { stateful: true, retracts: false },
  process: { stateful: true, retracts: false },
} as const satisfies Record<OperatorName, Traits>

/** The operators an operator reads, in order. */
export function inputsOf(operator: Operator): readonly Operator[] {
  if ('inputs' in operator) return operator.inputs
  if ('left' in operator) return [operator.left, operator.right]
  if ('table' in operator) return [operator.input, operator.table]
  return 'input' in operator ? [operator.input] : []
}
