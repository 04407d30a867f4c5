/** Rules of operators by their shape: members, names, types and bounds, not yet what they mean. */

import { PARTITIONS_MAX, PLAN_OPERATORS_MAX, SCHEMA_COLUMNS_MAX } from '#base'
import type { Aggregate, Operator, OperatorName, Window } from '../operator.ts'
import { findColumn } from '../type.ts'
import { expression } from './expression.ts'
import {
  integer,
  invalid,
  list,
  matching,
  membersOf,
  object,
  oneOf,
  optional,
  type Rule,
  tagged,
  text,
} from './shape.ts'
import { columnName, fromJson, ownName, schema } from './value.ts'

/** Durations and offsets: within 100 years, so that sums with times stay safe integers. */
const DURATION_MAX_US = 100 * 366 * 86_400_000_000
export const durationUs = integer(0, DURATION_MAX_US)
const positiveUs = integer(1, DURATION_MAX_US)
const boundUs = integer(-DURATION_MAX_US, DURATION_MAX_US)

const UNION_INPUTS_MAX = 100

export const sourceName = matching('a source name', /^[a-z][a-z0-9_.-]*$/, 128)
export const columnNames = list(columnName, SCHEMA_COLUMNS_MAX)
const keyNames = list(columnName, SCHEMA_COLUMNS_MAX, 1)

const window: Rule<Window> = tagged('kind', {
  hop: object({
    kind: oneOf('hop'),
    sizeUs: positiveUs,
    advanceUs: positiveUs,
    offsetUs: boundUs,
  }),
  session: object({ kind: oneOf('session'), gapUs: positiveUs }),
  all: object({ kind: oneOf('all') }),
})

const aggregate: Rule<Aggregate> = object({
  name: ownName,
  fn: oneOf('count', 'sum', 'min', 'max', 'avg', 'first', 'last', 'countDistinct'),
  arg: optional(expression),
  where: optional(expression),
})

const bounds: Rule<readonly [string, string]> = (value, place) => {
  const [start = '', end = ''] = list(columnName, 2, 2)(value, place)
  return Object.freeze([start, end] as const)
}

const pair: Rule<readonly [left: string, right: string]> = bounds

/** What a default value may be is told by its column, so that any is let through here. */
const anyValue: Rule<unknown> = value => value

const taken = list(
  object({ name: ownName, column: columnName, otherwise: anyValue }),
  SCHEMA_COLUMNS_MAX,
  1,
)

type Shapes = Readonly<Record<OperatorName, Rule<unknown>>>

/** The rules, with `input` for the operators that an operator reads. */
function shapes(input: Rule<Operator>): Shapes {
  const output = { op: text, schema, at: columnName, ties: columnNames }
  return {
    source: object({ ...output, source: sourceName }),
    filter: object({ ...output, input, condition: expression, rule: ownName }),
    project: object({ ...output, input, columns: list(expression, SCHEMA_COLUMNS_MAX, 1) }),
    union: object({ ...output, inputs: list(input, UNION_INPUTS_MAX, 2) }),
    dedupe: object({ ...output, input, by: keyNames }),
    rekey: object({ ...output, input, by: keyNames, partitions: integer(1, PARTITIONS_MAX) }),
    lookup: (value, place) => {
      const members = { input, table: input, on: pair, take: taken, waitMaxUs: durationUs }
      const rule = object({ ...output, ...members, deleted: optional(expression) })
      const lookup = rule(value, place)
      const take = lookup.take.map(entry => {
        const type = findColumn(lookup.table.schema, entry.column)?.type
        const otherwise = type === undefined ? null : fromJson(type, entry.otherwise)
        return Object.freeze({ ...entry, otherwise })
      })
      return Object.freeze({ ...lookup, take: Object.freeze(take) })
    },
    aggregate: object({
      ...output,
      input,
      by: keyNames,
      window,
      bounds,
      aggregates: list(aggregate, SCHEMA_COLUMNS_MAX, 1),
    }),
    join: object({
      ...output,
      left: input,
      right: input,
      on: list(pair, SCHEMA_COLUMNS_MAX, 1),
      loUs: boundUs,
      hiUs: boundUs,
      columns: list(
        object({ side: oneOf('left', 'right'), column: columnName }),
        SCHEMA_COLUMNS_MAX,
        1,
      ),
    }),
    process: object({
      ...output,
      input,
      by: keyNames,
      order: oneOf('log', 'event'),
      name: ownName,
      version: integer(1, 1_000_000),
      state: schema,
    }),
  }
}

/**
 * A rule for operator trees. Operators that are one object in the data are one object after it, so
 * that shared plans stay shared and cost one visit; cycles and more operators than a plan may have
 * are refused.
 */
export function operatorRule(): Rule<Operator> {
  const known = new Map<unknown, Operator>()
  const open = new Set<unknown>()
  const rule: Rule<Operator> = (value, place) => {
    const found = known.get(value)
    if (found !== undefined) return found
    if (open.has(value)) throw invalid(place, 'the operator reads its own output')
    if (known.size + open.size >= PLAN_OPERATORS_MAX) {
      throw invalid(place, `more than ${PLAN_OPERATORS_MAX} operators`)
    }
    const op = membersOf(value, place)['op']
    open.add(value)
    const shaped = shape(value, `${place}(${typeof op === 'string' ? op : '?'})`) as Operator
    open.delete(value)
    known.set(value, shaped)
    return shaped
  }
  const shape = tagged('op', shapes(rule))
  return rule
}
