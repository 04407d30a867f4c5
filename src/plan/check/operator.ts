/**
 * What each operator demands of its inputs, and its output of it: one rule an operator.
 *
 * The builder and plans from data pass the same rules. An error names the operator by the way its
 * rows came: `clicks > filter > aggregate`.
 */

import { aggregateType, keyable } from '../aggregates.ts'
import type { Application } from '../application.ts'
import type { Expression } from '../expression.ts'
import { isRefusal, sameType, typeText, withNull } from '../functions/signature.ts'
import { inputsOf, type Operator, type OperatorName, TRAITS } from '../operator.ts'
import { keepsTogether, partitionedAlike, placementOf } from '../partitioning.ts'
import { type Column, findColumn, type Schema, type Type } from '../type.ts'
import { checkExpression, typeError, unknownColumn } from './expression.ts'
import { invalid } from './shape.ts'
import { isValue } from './value.ts'

/** What operators are checked against: the sources they read, and the functions of `process`. */
export type OperatorContext = Pick<Application, 'sources' | 'functions'>

type Checks = {
  readonly [O in OperatorName]: (
    operator: Extract<Operator, { op: O }>,
    place: string,
    context: OperatorContext,
  ) => void
}

/** `clicks > filter > aggregate`: how the rows of an operator came, along its first inputs. */
export function pathOf(operator: Operator): string {
  const [input] = inputsOf(operator)
  if (operator.op === 'source') return operator.source
  return input === undefined ? operator.op : `${pathOf(input)} > ${operator.op}`
}

const retracting = new WeakMap<Operator, boolean>()

/** Whether rows of an operator may be taken back, whatever is emitted when. */
export function mayRetract(operator: Operator): boolean {
  const known = retracting.get(operator)
  if (known !== undefined) return known
  const found = TRAITS[operator.op].retracts || inputsOf(operator).some(mayRetract)
  retracting.set(operator, found)
  return found
}

function columnOf(schema: Schema, name: string, place: string): Column {
  const column = findColumn(schema, name)
  if (column === undefined) throw unknownColumn(name, schema, place)
  return column
}

/** @throws PlatformError `plan.type` where the columns are not those expected, in their order */
function sameSchema(found: Schema, expected: readonly Column[], place: string): void {
  for (const [index, column] of expected.entries()) {
    const own = found[index]
    if (own?.name !== column.name || !sameType(own.type, column.type)) {
      throw typeError(
        `${place}.schema`,
        `column ${index + 1} is ${own === undefined ? 'missing' : shown(own)}, not ${shown(column)},`,
      )
    }
  }
  const extra = found[expected.length]
  if (extra !== undefined) throw typeError(`${place}.schema`, `${shown(extra)} comes from nowhere`)
}

function shown(column: Column): string {
  return `"${column.name}" ${typeText(column.type)}`
}

function checkKeys(schema: Schema, by: readonly string[], place: string): void {
  const seen = new Set<string>()
  for (const name of by) {
    const { type } = columnOf(schema, name, place)
    if (seen.has(name)) throw invalid(place, `column "${name}" is there twice`)
    if (!keyable(type)) {
      throw typeError(
        place,
        `"${name}" is ${typeText(type)}, which is no key`,
        'Cast or project it first.',
      )
    }
    seen.add(name)
  }
}

function checkCondition(condition: Expression, schema: Schema, place: string): void {
  checkExpression(condition, schema, place)
  if (condition.type.kind !== 'bool') {
    throw typeError(place, `a condition is bool, not ${typeText(condition.type)},`)
  }
}

function sameTime(operator: Operator, input: Operator, place: string): void {
  if (operator.at !== input.at) {
    throw invalid(place, `event time is "${input.at}" and not "${operator.at}"`)
  }
}

function sourceOf(context: OperatorContext) {
  return (name: string) => {
    const source = context.sources.find(entry => entry.name === name)
    if (source === undefined) throw invalid(name, `no source "${name}" is declared`)
    return source
  }
}

function together(
  operator: Operator,
  input: Operator,
  by: readonly string[],
  context: OperatorContext,
  place: string,
): void {
  const placement = placementOf(input, sourceOf(context))
  if (keepsTogether(placement, by)) return
  throw invalid(
    `${place}.by`,
    `rows of equal ${by.join(', ')} are in several partitions`,
    `Put a rekey by ${by.join(', ')} before the ${operator.op}.`,
  )
}

const CHECKS: Checks = {
  source: (operator, place, context) => {
    const source = sourceOf(context)(operator.source)
    sameSchema(operator.schema, source.schema, place)
    if (operator.at !== source.at) throw invalid(place, `event time is "${source.at}"`)
  },

  filter: (operator, place) => {
    checkCondition(operator.condition, operator.input.schema, `${place}.condition`)
    sameSchema(operator.schema, operator.input.schema, place)
    sameTime(operator, operator.input, place)
  },

  project: ({ input, columns, schema, at }, place) => {
    if (columns.length !== schema.length) {
      throw invalid(place, `${columns.length} expressions for ${schema.length} columns`)
    }
    for (const [index, column] of columns.entries()) {
      const name = schema[index]?.name ?? ''
      checkExpression(column, input.schema, `${place}.${name}`)
      const type = schema[index]?.type
      if (type === undefined || sameType(type, column.type)) continue
      throw typeError(
        `${place}.${name}`,
        `the expression is ${typeText(column.type)}, not ${typeText(type)},`,
      )
    }
    const time = columns[schema.findIndex(({ name }) => name === at)]
    if (time?.node === 'column' && time.name === input.at) return
    throw invalid(
      place,
      `"${at}" is not the event time "${input.at}" of its input`,
      `Keep ${input.at}.`,
    )
  },

  union: (operator, place) => {
    for (const [index, input] of operator.inputs.entries()) {
      sameSchema(input.schema, operator.schema, `${place}.inputs[${index}]`)
      sameTime(operator, input, `${place}.inputs[${index}]`)
    }
  },

  dedupe: (operator, place, context) => {
    const { input, by } = operator
    checkKeys(input.schema, by, `${place}.by`)
    sameSchema(operator.schema, input.schema, place)
    sameTime(operator, input, place)
    const placement = placementOf(input, sourceOf(context))
    if (mayRetract(input) || placement.rekeyed) {
      throw invalid(
        place,
        'a dedupe stands behind an operator that moves or takes back rows',
        'Put it next to the source.',
      )
    }
    if (keepsTogether(placement, by)) return
    const key = placement.key?.join(', ')
    throw invalid(
      `${place}.by`,
      'copies of a row may be in several partitions',
      key === undefined
        ? `Declare a key of the source that is in ${by.join(', ')}.`
        : `Rows are placed by ${key}: dedupe by ${[...new Set([...by, ...(placement.key ?? [])])].join(', ')}.`,
    )
  },

  rekey: (operator, place) => {
    checkKeys(operator.input.schema, operator.by, `${place}.by`)
    sameSchema(operator.schema, operator.input.schema, place)
    sameTime(operator, operator.input, place)
  },

  lookup: (operator, place) => {
    const { input, table, on, take, deleted } = operator
    const left = columnOf(input.schema, on[0], `${place}.on`)
    const right = columnOf(table.schema, on[1], `${place}.on`)
    checkKeys(input.schema, [on[0]], `${place}.on`)
    if (!sameType(withNull(left.type, false), withNull(right.type, false))) {
      throw typeError(`${place}.on`, `${shown(left)} does not equal ${shown(right)}`)
    }
    checkDimension(table, `${place}.table`)
    const added = take.map(({ name, column, otherwise }) => {
      const { type } = columnOf(table.schema, column, `${place}.take`)
      if (!isValue(withNull(type), otherwise)) {
        throw typeError(`${place}.take.${name}`, `the value otherwise is no ${typeText(type)}`)
      }
      return { name, type: withNull(type, type.nullable === true || otherwise === null) }
    })
    if (deleted !== undefined) checkCondition(deleted, table.schema, `${place}.deleted`)
    sameSchema(operator.schema, [...input.schema, ...added], place)
    sameTime(operator, input, place)
  },

  aggregate: (operator, place, context) => {
    const { input, by, window, bounds, aggregates, schema } = operator
    checkKeys(input.schema, by, `${place}.by`)
    if (window.kind === 'hop' && window.advanceUs > window.sizeUs) {
      throw invalid(`${place}.window`, 'a window advances by more than its size')
    }
    const time: Type = { kind: 'timestamp' }
    const limits = (window.kind === 'all' ? [bounds[1]] : bounds).map(name => ({
      name,
      type: time,
    }))
    const keys = by.map(name => columnOf(input.schema, name, place))
    const results = aggregates.map(aggregate => {
      const at = `${place}.${aggregate.name}`
      const { fn, arg, where } = aggregate
      if (arg !== undefined) checkExpression(arg, input.schema, at)
      if (where !== undefined) checkCondition(where, input.schema, `${at}.where`)
      if (fn === 'countDistinct' && window.kind === 'all') {
        throw invalid(at, 'distinct values over all time never end', 'Count them in windows.')
      }
      return { name: aggregate.name, type: resultType(operator, aggregate, at) }
    })
    sameSchema(schema, [...keys, ...limits, ...results], place)
    if (operator.at !== bounds[1]) throw invalid(place, `event time is "${bounds[1]}"`)
    together(operator, input, by, context, place)
  },

  join: (operator, place, context) => {
    const { left, right, on, loUs, hiUs, columns, schema } = operator
    checkKeys(
      left.schema,
      on.map(([name]) => name),
      `${place}.on`,
    )
    for (const [a, b] of on) {
      const [l, r] = [
        columnOf(left.schema, a, `${place}.on`),
        columnOf(right.schema, b, `${place}.on`),
      ]
      if (sameType(withNull(l.type, false), withNull(r.type, false))) continue
      throw typeError(`${place}.on`, `${shown(l)} does not equal ${shown(r)}`)
    }
    if (loUs > hiUs) throw invalid(`${place}.loUs`, 'the lower bound lies above the upper')
    const taken = columns.map(({ side, column }, index) => ({
      name: schema[index]?.name ?? '',
      type: columnOf((side === 'left' ? left : right).schema, column, place).type,
    }))
    sameSchema(schema, [...taken, { name: operator.at, type: { kind: 'timestamp' } }], place)
    const of = sourceOf(context)
    if (partitionedAlike(placementOf(left, of), placementOf(right, of), on)) return
    throw invalid(
      `${place}.on`,
      'pairs may be in different partitions',
      'Put a rekey by the join key before each side, with equal partitions.',
    )
  },

  process: (operator, place, context) => {
    const { input, by, order, name } = operator
    checkKeys(input.schema, by, `${place}.by`)
    if (!Object.hasOwn(context.functions, name)) {
      throw invalid(place, `no function "${name}" is in the application`)
    }
    together(operator, input, by, context, place)
    if (order === 'event') return
    const { rekeyed, sources } = placementOf(input, sourceOf(context))
    if (!rekeyed && sources.length === 1 && !mayRetract(input)) return
    throw invalid(`${place}.order`, 'rows of a key come from several places', "Use order 'event'.")
  },
}

function resultType(
  operator: Extract<Operator, { op: 'aggregate' }>,
  { name, fn, arg }: { name: string; fn: Parameters<typeof aggregateType>[0]; arg?: Expression },
  place: string,
): Type {
  const declared = findColumn(operator.schema, name)?.type
  const scale = fn === 'avg' && declared?.kind === 'decimal' ? declared.scale : undefined
  const type = aggregateType(fn, arg?.type, scale)
  if (isRefusal(type)) throw typeError(place, `"${fn}" ${type.reason}`)
  return type
}

/** A dimension is read whole, so it may only be what a row says of itself. */
function checkDimension(table: Operator, place: string): void {
  const plain: readonly OperatorName[] = ['source', 'filter', 'project', 'dedupe']
  if (!plain.includes(table.op)) {
    throw invalid(
      place,
      `a dimension is no ${table.op}`,
      'Look up in a source, perhaps filtered and projected.',
    )
  }
  for (const input of inputsOf(table)) checkDimension(input, place)
}

/**
 * Checks one operator, taking its inputs for checked.
 *
 * @throws PlatformError `plan.unknown_column`, `plan.type`, `plan.invalid`
 */
export function checkOperator(operator: Operator, context: OperatorContext): void {
  const place = pathOf(operator)
  const time = columnOf(operator.schema, operator.at, place).type
  if (time.kind !== 'timestamp' || time.nullable === true) {
    throw typeError(place, `event time "${operator.at}" is ${typeText(time)}, not timestamp,`)
  }
  checkKeys(operator.schema, operator.ties, `${place}.ties`)
  const check = CHECKS[operator.op] as (
    operator: Operator,
    place: string,
    context: OperatorContext,
  ) => void
  check(operator, place, context)
}

/** Checks a tree of operators, inputs first, each once. */
export function checkTree(operator: Operator, context: OperatorContext, done: Set<Operator>): void {
  if (done.has(operator)) return
  for (const input of inputsOf(operator)) checkTree(input, context, done)
  checkOperator(operator, context)
  done.add(operator)
}
