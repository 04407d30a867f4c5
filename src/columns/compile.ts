/**
 * Expressions compiled to functions over batches: `project` and `filter`, each in two twins that
 * give the same rows. Which one runs is the caller's choice and no rows depend on it.
 */

import { invariant } from '#base'
import type { Expression, Schema, Type } from '#plan'
import { type Batch, derive } from './batch.ts'
import { type BatchColumn, columnKind } from './column.ts'
import { Emitter } from './emitter.ts'
import { Generator } from './generate.ts'
import { isText, slice } from './generate-text.ts'
import { interpret, readColumnOf } from './interpret.ts'
import { prepare, sameRegisters } from './prepare.ts'
import { registerKind, uuidWords, writeRegister, writeWide } from './register.ts'

export interface CompileOptions {
  /** Source text for this plan, or closures, which are 20 to 80 times slower (`millrace bench expressions`). */
  readonly generated: boolean
}

/** One column of the output and what it holds. */
interface Output {
  readonly index: number
  readonly type: Type
  readonly expression: Expression
}

const LOOP_OPEN = [
  'const selection = input.selection, selected = input.selected',
  'for (let i = 0; i < selected; i++) {',
  'const row = selection[i]',
]

/**
 * A function that makes `output` hold one row for each selected row of `input`, at the same place:
 * `expressions[i]` gives column i. It derives `output` from `input` itself. Columns passed on as
 * they are share the input's arrays and cost nothing a row; rows that are not selected are not
 * written. Rows of `output` are valid as long as those of `input`.
 */
export function compileProject(
  input: Schema,
  expressions: readonly Expression[],
  output: Schema,
  options: CompileOptions,
): (input: Batch, output: Batch) => void {
  invariant(expressions.length === output.length, 'there is an expression for each column')
  const outputs = expressions.map((expression, index): Output => {
    const type = output[index]?.type
    const prepared = prepare(expression, input)
    invariant(type !== undefined && fits(prepared.type, type), 'columns have their types')
    return { index, type, expression: prepared }
  })
  const shared = outputs.flatMap(({ expression, type, index }) =>
    expression.node === 'column' && columnKind(expression.type) === columnKind(type)
      ? [{ from: input.findIndex(column => column.name === expression.name), to: index }]
      : [],
  )
  const computed = outputs.filter(({ index }) => !shared.some(({ to }) => to === index))
  const loops = options.generated
    ? inGroups(computed).map(group => generateLoop(input, group))
    : computed.map(column => interpretLoop(input, column))
  return (from, to) => {
    derive(to, from)
    for (const pair of shared) shareColumn(from.columns[pair.from], to.columns[pair.to])
    for (const loop of loops) loop(from, to)
  }
}

/** Whether a column of `to` holds every value of `from`. */
function fits(from: Type, to: Type): boolean {
  return sameRegisters(from, to) && (columnKind(from) !== 'wide' || columnKind(to) === 'wide')
}

/** Nodes of expressions in one loop: more than that is too much for the optimizing compiler. */
const LOOP_NODES_MAX = 300

function nodeCount(expression: Expression): number {
  if (expression.node !== 'call') return 1
  return expression.args.reduce((count, arg) => count + nodeCount(arg), 1)
}

function inGroups(outputs: readonly Output[]): Output[][] {
  const groups: Output[][] = []
  let nodes = LOOP_NODES_MAX
  for (const output of outputs) {
    const count = nodeCount(output.expression)
    if (nodes + count > LOOP_NODES_MAX) {
      groups.push([])
      nodes = 0
    }
    groups.at(-1)?.push(output)
    nodes += count
  }
  return groups
}

/** Makes a column of a derived batch the column that it was derived from. */
function shareColumn(from: BatchColumn | undefined, to: BatchColumn | undefined): void {
  invariant(from !== undefined && to !== undefined, 'both columns are there')
  if (from.kind === 'num' && to.kind === 'num') to.values = from.values
  else if (from.kind === 'wide' && to.kind === 'wide') {
    to.values = from.values
    to.beyond = from.beyond
  } else if (from.kind === 'uuid' && to.kind === 'uuid') {
    to.words = from.words
    to.nulls = from.nulls
  } else if (from.kind === 'text' && to.kind === 'text') {
    to.offsets = from.offsets
    to.lengths = from.lengths
  } else if (from.kind === 'list' && to.kind === 'list') {
    to.offsets = from.offsets
    to.lengths = from.lengths
    to.itemCount = from.itemCount
    shareColumn(from.items, to.items)
  }
}

function interpretLoop(
  input: Schema,
  { index, type, expression }: Output,
): (input: Batch, output: Batch) => void {
  const evaluate = interpret(expression, readColumnOf(input))
  return (from, to) => {
    const column = to.columns[index]
    invariant(column !== undefined, 'a batch has the columns of its schema')
    for (let i = 0; i < from.selected; i++) {
      const row = from.selection[i] ?? 0
      writeRegister(column, type, to.arena, row, evaluate(from, row))
    }
  }
}

function generateLoop(
  input: Schema,
  outputs: readonly Output[],
): (input: Batch, output: Batch) => void {
  const emitter = new Emitter()
  const generator = new Generator(emitter, input)
  for (const output of outputs) store(generator, output)
  return emitter.build('input, output', LOOP_OPEN, ['}'])
}

/** Statements that write one value of an output column. */
function store(generator: Generator, { index, type, expression }: Output): void {
  const { emitter } = generator
  const field = (name: string): string =>
    emitter.hoist(`output ${index}.${name}`, `output.columns[${index}].${name}`)
  const column = (): string => emitter.hoist(`output ${index}`, `output.columns[${index}]`)
  if (isText(type)) {
    const { offset, length } = slice(generator, expression)
    emitter.line(`${field('offsets')}[row] = ${offset}; ${field('lengths')}[row] = ${length}`)
    return
  }
  const value = generator.value(expression)
  switch (columnKind(type)) {
    case 'num':
      emitter.line(`${field('values')}[row] = ${value}`)
      return
    case 'wide': {
      const plain = `${field('values')}[row] = ${value}`
      if (registerKind(expression.type) === 'num') emitter.line(plain)
      else {
        const beyond = `${emitter.constant(writeWide)}(${column()}, row, ${value})`
        emitter.line(`if (typeof ${value} === 'number') ${plain}; else ${beyond}`)
      }
      return
    }
    case 'uuid': {
      const write = emitter.call(uuidWords, [value, field('words'), 'row'])
      emitter.line(`if ((${field('nulls')}[row] = ${value} === null ? 1 : 0) === 0) ${write}`)
      return
    }
    default:
      emitter.line(
        emitter.call(writeRegister, [
          column(),
          emitter.constant(type),
          generator.arena(),
          'row',
          value,
        ]),
      )
  }
}

/**
 * A function that shortens the selection of a batch to the rows for which `condition` is true, in
 * place, and returns how many went: false and null go. A batch that shares its selection with this
 * one (`derive`) must not be read after it.
 */
export function compileFilter(
  input: Schema,
  condition: Expression,
  options: CompileOptions,
): (batch: Batch) => number {
  const prepared = prepare(condition, input)
  invariant(prepared.type.kind === 'bool', 'a condition is a bool')
  if (options.generated) return generateFilter(input, prepared)
  const evaluate = interpret(prepared, readColumnOf(input))
  return batch => {
    const { selection, selected } = batch
    let kept = 0
    for (let i = 0; i < selected; i++) {
      const row = selection[i] ?? 0
      if (evaluate(batch, row) === 1) selection[kept++] = row
    }
    batch.selected = kept
    return selected - kept
  }
}

function generateFilter(input: Schema, condition: Expression): (batch: Batch) => number {
  const emitter = new Emitter()
  const generator = new Generator(emitter, input)
  const test = generator.condition(condition, 1)
  emitter.line('selection[kept] = row')
  emitter.line(`kept += (${test}) ? 1 : 0`)
  const open = ['let kept = 0', ...LOOP_OPEN]
  return emitter.build('input', open, ['}', 'input.selected = kept', 'return selected - kept'])
}
