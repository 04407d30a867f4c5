/**
 * The loop that adds rows to records: generated for the operator's aggregates, or interpreted.
 *
 * `pairs` rows are already assigned: `rows[k]` belongs to `records[k]`, `marks[k]` says whether it
 * is the first or last of it. The generated loop has the aggregates in line, reads columns and
 * writes fields by constant places, and calls the same accumulators for what is rare or long (text,
 * integers that are not safe, sums of doubles, distinct values). Every name in it is an index.
 */

import type { Batch } from '#columns'
import { columnKind } from '#columns'
import type { RecordStore } from '../state-records.ts'
import {
  type Accumulator,
  type AggregatePlan,
  batchOf,
  type ColumnPlace,
  Count,
  ExactTotal,
  FloatTotal,
  type RowOrder,
} from './accumulator.ts'
import { NumField } from './accumulator-field.ts'
import { Distinct, Extreme, Picked } from './accumulator-kept.ts'

/** Adds rows `from … to` of the pairs to their records. */
export type AccumulateLoop = (
  input: Batch,
  projected: Batch | undefined,
  records: Int32Array,
  rows: Int32Array,
  marks: Uint8Array,
  from: number,
  to: number,
) => void

export function makeAccumulator(
  plan: AggregatePlan,
  store: RecordStore,
  order: RowOrder,
): Accumulator {
  switch (plan.fn) {
    case 'count':
      return new Count(plan, store)
    case 'sum':
    case 'avg':
      return plan.arg?.type.kind === 'float64'
        ? new FloatTotal(plan, store)
        : new ExactTotal(plan, store)
    case 'min':
    case 'max':
      return new Extreme(plan, store)
    case 'first':
    case 'last':
      return new Picked(plan, store, order)
    case 'countDistinct':
      return new Distinct(plan, store)
  }
}

/** The loop over `accumulators`, whose fields are in `store`. */
export function makeLoop(
  accumulators: readonly Accumulator[],
  store: RecordStore,
  { generated }: { readonly generated: boolean },
): AccumulateLoop {
  const run = generated ? generate(accumulators, store) : interpret(accumulators)
  return (input, projected, records, rows, marks, from, to) => {
    for (const accumulator of accumulators) accumulator.bind(input, projected)
    run(input, projected, records, rows, marks, from, to)
  }
}

function interpret(accumulators: readonly Accumulator[]): AccumulateLoop {
  return (input, projected, records, rows, marks, from, to) => {
    for (const accumulator of accumulators) {
      const { where } = accumulator.plan
      const column = where && batchOf(where, input, projected).columns[where.index]
      const holds = column?.kind === 'num' ? column.values : undefined
      for (let k = from; k < to; k++) {
        const row = rows[k] as number
        if (holds !== undefined && holds[row] !== 1) continue
        accumulator.add(records[k] as number, row, marks[k] as number)
      }
    }
  }
}

/** Source text being put together: columns are fetched once, before the loop. */
class Source {
  readonly #columns: string[] = []
  readonly prelude: string[] = []
  readonly body: string[] = []

  /** The name of an array of a column. */
  array(place: ColumnPlace, member: 'values' | 'lengths' | 'nulls'): string {
    const batch = place.projected ? 'projected' : 'input'
    const expression = `${batch}.columns[${place.index}].${member}`
    const known = this.#columns.indexOf(expression)
    if (known >= 0) return `c${known}`
    this.prelude.push(`const c${this.#columns.length} = ${expression};`)
    return `c${this.#columns.push(expression) - 1}`
  }
}

function generate(accumulators: readonly Accumulator[], store: RecordStore): AccumulateLoop {
  const source = new Source()
  accumulators.forEach((accumulator, index) => {
    source.prelude.push(`const a${index} = accumulators[${index}];`)
    const { where } = accumulator.plan
    const lines = inline(accumulator, index, source)
    source.body.push(
      where === undefined
        ? `{ ${lines} }`
        : `if (${source.array(where, 'values')}[row] === 1) { ${lines} }`,
    )
  })
  const text = `"use strict";
return (input, projected, records, rows, marks, from, to) => {
const doubles = store.doubles;
${source.prelude.join('\n')}
for (let k = from; k < to; k++) {
const row = rows[k], record = records[k], base = record * ${store.stride / 2};
${source.body.join('\n')}
}
}`
  return new Function('accumulators', 'store', text)(accumulators, store) as AccumulateLoop
}

/** What one accumulator does with one row. */
function inline(accumulator: Accumulator, index: number, source: Source): string {
  const call = `a${index}.add(record, row, marks[k]);`
  const { arg } = accumulator.plan
  if (accumulator instanceof Count) {
    const add = `doubles[base + ${accumulator.double}] += 1;`
    return arg === undefined ? add : `if (${present(arg, source)}) ${add}`
  }
  if (accumulator instanceof ExactTotal && accumulator.plan.fn === 'sum' && arg !== undefined) {
    const at = `base + ${accumulator.sum.double}`
    return `const v = ${source.array(arg, 'values')}[row];
if (v === v) { const s = doubles[${at}], t = s + v;
if (t <= 9007199254740991 && t >= -9007199254740991) doubles[${at}] = t; else ${call} }`
  }
  if (
    accumulator instanceof Extreme &&
    accumulator.field instanceof NumField &&
    arg !== undefined
  ) {
    const at = `base + ${accumulator.field.double}`
    const beats = accumulator.plan.fn === 'min' ? '<' : '>'
    return `const v = ${source.array(arg, 'values')}[row], m = doubles[${at}];
if (v ${beats} m || (m !== m && v === v)) doubles[${at}] = v;`
  }
  if (accumulator instanceof Picked && accumulator.marked && arg !== undefined) {
    const put =
      accumulator.field instanceof NumField
        ? `doubles[base + ${accumulator.field.double}] = ${source.array(arg, 'values')}[row];`
        : `a${index}.field.put(record, row);`
    return `if ((marks[k] & ${accumulator.mark}) !== 0) ${put}`
  }
  return call
}

/** Whether the row's value is not null. */
function present(place: ColumnPlace, source: Source): string {
  switch (columnKind(place.type)) {
    case 'num':
    case 'wide': {
      const values = source.array(place, 'values')
      return `${values}[row] === ${values}[row]`
    }
    case 'uuid':
      return `${source.array(place, 'nulls')}[row] === 0`
    default:
      return `${source.array(place, 'lengths')}[row] >= 0`
  }
}
