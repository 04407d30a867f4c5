/** A plan as people read it: where rows come from, what happens to them, where they are, when they settle. */

import { analyse } from './analyse.ts'
import type { Application, SourceSpec, TableSpec } from './application.ts'
import { canonicalJson, planHash } from './canonical.ts'
import type { Expression } from './expression.ts'
import { typeText } from './functions/signature.ts'
import type { Aggregate, Operator, OperatorName, Window } from './operator.ts'
import { type Placement, placementOf } from './partitioning.ts'
import type { Stage } from './stages.ts'
import type { Schema } from './type.ts'

/** `1 d 2 h`, `250 ms`: a duration in the largest units that say it exactly. */
function durationText(us: number): string {
  const units = [
    ['d', 86_400_000_000],
    ['h', 3_600_000_000],
    ['min', 60_000_000],
    ['s', 1_000_000],
    ['ms', 1_000],
    ['µs', 1],
  ] as const
  let rest = Math.abs(us)
  const parts = units.flatMap(([unit, length]) => {
    const count = Math.floor(rest / length)
    rest -= count * length
    return count === 0 ? [] : [`${count} ${unit}`]
  })
  return parts.length === 0 ? '0 s' : `${us < 0 ? '−' : ''}${parts.join(' ')}`
}

/** `mul(price, quantity)`: an expression as calls. */
function expressionText(expression: Expression): string {
  switch (expression.node) {
    case 'column':
      return expression.name
    case 'literal': {
      const { value, type } = expression
      if (typeof value === 'bigint' || type.kind === 'decimal') return String(value)
      return typeof value === 'string' ? `'${value}'` : canonicalJson(value)
    }
    case 'call': {
      const args = expression.args.map(expressionText).join(', ')
      const { fn, type } = expression
      return fn === 'cast' ? `cast(${args} as ${typeText(type)})` : `${fn}(${args})`
    }
  }
}

function schemaText(schema: Schema): string {
  return schema.map(({ name, type }) => `${name} ${typeText(type)}`).join(', ')
}

function windowText(window: Window): string {
  switch (window.kind) {
    case 'all':
      return 'over all time'
    case 'session':
      return `in sessions with gaps under ${durationText(window.gapUs)}`
    case 'hop': {
      const { sizeUs, advanceUs, offsetUs } = window
      const every = sizeUs === advanceUs ? '' : ` every ${durationText(advanceUs)}`
      const offset = offsetUs === 0 ? '' : ` from ${durationText(offsetUs)}`
      return `in windows of ${durationText(sizeUs)}${every}${offset}`
    }
  }
}

function aggregateText({ name, fn, arg, where }: Aggregate): string {
  const over = arg === undefined ? '' : expressionText(arg)
  return `${name} = ${fn}(${over})${where === undefined ? '' : ` where ${expressionText(where)}`}`
}

const names = (columns: readonly string[]): string => columns.join(', ')

/** What an operator does, in one line. */
const LINES: { readonly [O in OperatorName]: (operator: Extract<Operator, { op: O }>) => string } =
  {
    source: ({ source }) => `source "${source}"`,
    filter: ({ condition, rule }) => `filter "${rule}": ${expressionText(condition)}`,
    project: ({ columns, schema }) => {
      const given = columns.map((column, index) => {
        const name = schema[index]?.name ?? ''
        const text = expressionText(column)
        return text === name ? name : `${name} = ${text}`
      })
      return `project ${given.join(', ')}`
    },
    union: ({ inputs }) => `union of ${inputs.length}`,
    dedupe: ({ by }) => `dedupe by ${names(by)} and time`,
    rekey: ({ by, partitions }) => `rekey by ${names(by)} into ${partitions} partitions`,
    lookup: ({ on, take, deleted, waitMaxUs }) => {
      const taken = take.map(
        ({ name, column, otherwise }) => `${name} = ${column} else ${canonicalJson(otherwise)}`,
      )
      const gone = deleted === undefined ? '' : `, deleted where ${expressionText(deleted)}`
      const wait = waitMaxUs === 0 ? '' : `, waits ${durationText(waitMaxUs)}`
      return `lookup ${on[0]} = ${on[1]}: ${taken.join(', ')}${gone}${wait}`
    },
    aggregate: ({ by, window, aggregates }) =>
      `aggregate by ${names(by)} ${windowText(window)}: ${aggregates.map(aggregateText).join(', ')}`,
    join: ({ on, loUs, hiUs }) => {
      const pairs = on.map(([left, right]) => `${left} = ${right}`)
      return `join ${pairs.join(', ')} where ${durationText(loUs)} ≤ left − right ≤ ${durationText(hiUs)}`
    },
    process: ({ name, version, by, order }) =>
      `process "${name}" version ${version} by ${names(by)} in ${order} order`,
  }

/** When a row can change no more: F is the frontier of the operator's inputs. */
const SETTLED: {
  readonly [O in OperatorName]: (operator: Extract<Operator, { op: O }>) => string | undefined
} = {
  source: () => undefined,
  filter: () => undefined,
  project: () => undefined,
  union: () => undefined,
  dedupe: () => 'keeps a row until F > at',
  rekey: () => undefined,
  lookup: () => 'settles at F > at of both sides',
  aggregate: ({ window, bounds }) => {
    if (window.kind === 'all') return 'settles at the end mark'
    if (window.kind === 'hop') return `settles at F ≥ ${bounds[1]}`
    return `settles at F ≥ ${bounds[1]} + ${durationText(window.gapUs)}, holds ${durationText(window.gapUs)}`
  },
  join: ({ loUs, hiUs }) =>
    `keeps left until F > at − ${durationText(loUs)}, right until F > at + ${durationText(hiUs)}`,
  process: ({ order }) => (order === 'event' ? 'takes a row at F > at' : undefined),
}

function lineOf(operator: Operator): string {
  return (LINES[operator.op] as (operator: Operator) => string)(operator)
}

function settledOf(operator: Operator): string | undefined {
  return (SETTLED[operator.op] as (operator: Operator) => string | undefined)(operator)
}

/** Operators below one another, the inputs of two beside each other, indented. */
function tree(
  operator: Operator,
  indent: string,
  place: (operator: Operator) => Placement,
): string[] {
  const { key, partitions } = place(operator)
  const where =
    key === undefined ? `${partitions} partitions` : `${partitions} partitions by ${names(key)}`
  const settled = settledOf(operator)
  const notes = settled === undefined ? where : `${where}; ${settled}`
  const lines = [`${indent}${lineOf(operator)}   [${notes}]`]
  const deeper = `${indent}  `
  const below = (input: Operator, role?: string): string[] =>
    role === undefined
      ? tree(input, deeper, place)
      : [`${deeper}${role}`, ...tree(input, `${deeper}  `, place)]
  if ('left' in operator)
    return [...lines, ...below(operator.left, 'left'), ...below(operator.right, 'right')]
  if ('inputs' in operator) return [...lines, ...operator.inputs.flatMap(input => below(input))]
  if ('table' in operator)
    return [...lines, ...below(operator.table, 'dimension'), ...below(operator.input)]
  return 'input' in operator ? [...lines, ...below(operator.input)] : lines
}

function sourceText(source: SourceSpec): string[] {
  const { name, format, key, partitions, at, ties, disorderUs, latenessUs } = source
  const placed = key.length === 0 ? 'their bytes' : names(key)
  const order = ties.length === 0 ? at : `${at}, ${names(ties)}`
  return [
    `source "${name}": ${format.kind} records, ${partitions} partitions by ${placed}`,
    `  ${schemaText(source.schema)}`,
    `  time ${order}; disorder ${durationText(disorderUs)}, lateness ${durationText(latenessUs)}`,
  ]
}

function tableText({ name, schema, key }: TableSpec): string[] {
  const kind = key.length === 0 ? 'append-only' : `one row by ${names(key)}`
  return [`table "${name}": ${kind}`, `  ${schemaText(schema)}`]
}

function stageText({ id, partitions, inputs, tables, repartitions }: Stage): string {
  const reads = inputs.map(({ topic, broadcast }) => (broadcast ? `all of ${topic}` : topic))
  const gives = [
    ...tables.map(({ table, emit }) => `table ${table} (${emit})`),
    ...repartitions.map(({ topic, by }) => `${topic} by ${names(by)}`),
  ]
  return `stage ${id}: ${partitions} tasks; reads ${reads.join(', ')}; gives ${gives.join(', ')}`
}

/**
 * The plan of an application as text: sources, tables, the operators of each pipeline from the
 * table back to the sources, and the stages they run in. For people: its form may change.
 */
export function explain(application: Application): string {
  const { name, version, sources, tables, pipelines } = application
  const place = (operator: Operator): Placement =>
    placementOf(operator, wanted => {
      const source = sources.find(entry => entry.name === wanted)
      return source ?? { key: [], partitions: 0 }
    })
  const lines = [
    `application "${name}" version ${version}, plan ${planHash(application)}`,
    ...sources.flatMap(sourceText),
    ...tables.flatMap(tableText),
    ...pipelines.flatMap(({ table, emit, input }) => [
      `pipeline into "${table}", emits ${emit}`,
      ...tree(input, '  ', place),
    ]),
    ...analyse(application).map(stageText),
  ]
  return `${lines.join('\n')}\n`
}
