/**
 * The reference model: what a plan means, as naively as it can be said (docs/SEMANTICS.md).
 *
 * An application and the recorded rows of its sources in, the rows of each table after all end marks
 * out. Nothing of `src`: where the engine and the model differ, one of the two is wrong.
 */

import { byPosition, byTime, type Cell, cellOf, grouped, keyText } from './cells.ts'
import { evaluate } from './functions.ts'
import {
  classify,
  type Meaning,
  type ModelApplication,
  type ModelColumn,
  type ModelFunction,
  type ModelOperator,
  type ModelRecord,
  type ModelRow,
  type ModelSource,
  type WindowRows,
} from './records.ts'
import { summarise } from './summaries.ts'

/** The rows of every table: what the plan means for these records. */
export function model(
  application: ModelApplication,
  records: Readonly<Record<string, readonly ModelRecord[]>>,
): Map<string, ModelRow[]> {
  const known = new Map<ModelOperator, ModelRow[]>()
  const rowsOf = (operator: ModelOperator): ModelRow[] => {
    const rows = known.get(operator) ?? OPERATORS[operator.op]?.(operator, rowsOf)
    if (rows === undefined) throw new Error(`the model does not know "${operator.op}"`)
    known.set(operator, rows)
    return rows
  }
  const source: Meaning = operator => {
    const ordinal = application.sources.findIndex(({ name }) => name === operator.source)
    const spec = application.sources[ordinal] as ModelSource
    const given = records[spec.name] ?? []
    const verdicts = classify(spec, given)
    return given.flatMap(({ cells, at, partition, offset, index }, j) =>
      cells === null || verdicts[j] === 'too late'
        ? []
        : [{ at, cells, position: [ordinal, partition, offset, index] }],
    )
  }
  const OPERATORS: Readonly<Record<string, Meaning>> = {
    ...MEANINGS,
    source,
    process: (operator, input) =>
      processed(operator, input(operator.input), application.functions[operator.name]),
  }
  const tables = new Map<string, ModelRow[]>()
  for (const { table, input } of application.pipelines) {
    tables.set(table, [...(tables.get(table) ?? []), ...rowsOf(input)])
  }
  return tables
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  filter: ({ input, condition }, rows) =>
    rows(input).filter(({ cells }) => evaluate(condition, cells) === true),

  project: ({ input, schema, columns, at }, rows) =>
    rows(input).map(row => {
      const cells = Object.fromEntries(
        schema.map(({ name }: ModelColumn, j: number) => [name, evaluate(columns[j], row.cells)]),
      )
      return { ...row, cells, at: cells[at] }
    }),

  union: ({ inputs }, rows) => inputs.flatMap(rows),

  rekey: ({ input }, rows) => rows(input),

  dedupe: ({ input, by }, rows) => {
    const seen = new Set<string>()
    return [...rows(input)].sort(byPosition).filter(({ at, cells }) => {
      const key = keyText([at, ...by.map((name: string) => cells[name])])
      return !seen.has(key) && seen.add(key)
    })
  },

  lookup: ({ input, table, on, take, deleted, schema }, rows) => {
    const versions = grouped(rows(table), ({ cells }) => [cells[on[1]] ?? null])
    for (const list of versions.values()) list.sort(byTime(table))
    return rows(input).map(row => {
      const key = row.cells[on[0]] ?? null
      const candidates = key === null ? [] : (versions.get(keyText([key])) ?? [])
      const valid = candidates.findLast(({ at }) => at <= row.at)
      const gone = valid === undefined || (deleted && evaluate(deleted, valid.cells) === true)
      const added = take.map(({ name, column, otherwise }: (typeof take)[number]) => {
        const type = schema.find((entry: ModelColumn) => entry.name === name).type
        return [name, gone ? cellOf(otherwise, type) : (valid.cells[column] ?? null)]
      })
      return { ...row, cells: { ...row.cells, ...Object.fromEntries(added) } }
    })
  },

  join: ({ left, right, on, loUs, hiUs, columns, schema, at }, rows) => {
    const keyOf = (side: 0 | 1) => (row: ModelRow) =>
      on.map((pair: readonly [string, string]) => row.cells[pair[side]] ?? null)
    const rights = grouped(rows(right), keyOf(1))
    return rows(left).flatMap(l => {
      const key = keyOf(0)(l)
      if (key.includes(null)) return []
      const near = (rights.get(keyText(key)) ?? []).filter(
        r => l.at - r.at >= loUs && l.at - r.at <= hiUs,
      )
      return near.map(r => {
        const cells = Object.fromEntries(
          columns.map(({ side, column }: { side: string; column: string }, j: number) => [
            schema[j].name,
            (side === 'left' ? l : r).cells[column] ?? null,
          ]),
        )
        const time = Math.max(l.at, r.at)
        return { at: time, cells: { ...cells, [at]: time }, position: l.position }
      })
    })
  },

  aggregate: (operator, rows) => {
    const { input, by, window, bounds, aggregates, schema } = operator
    const keyOf = ({ cells }: ModelRow): Cell[] => by.map((name: string) => cells[name] ?? null)
    return [...grouped(rows(input), keyOf).values()].flatMap(group =>
      windows(window, group.sort(byTime(input))).map(({ start, end, at, members }) => {
        const keys = by.map((name: string) => [name, members[0]?.cells[name] ?? null])
        const limits = window.kind === 'all' ? [] : [[bounds[0], start]]
        const results = aggregates.map((aggregate: Parameters<typeof summarise>[0]) => [
          aggregate.name,
          summarise(aggregate, schema, members),
        ])
        const cells = Object.fromEntries([...keys, ...limits, [bounds[1], end], ...results])
        return { at, cells, position: [0, 0, 0, 0] }
      }),
    )
  },
}

/** The windows that rows of one key, in order of event time, fall into. */
function windows(window: ModelOperator['window'], rows: ModelRow[]): WindowRows[] {
  const { kind, sizeUs, advanceUs, offsetUs, gapUs } = window as Record<string, number> & {
    kind: string
  }
  const first = rows[0] as ModelRow
  const last = rows[rows.length - 1] as ModelRow
  if (kind === 'all') return [{ start: first.at, end: last.at, at: last.at, members: rows }]
  if (kind === 'session') {
    const sessions: ModelRow[][] = [[]]
    for (const row of rows) {
      const open = sessions[sessions.length - 1] as ModelRow[]
      const before = open[open.length - 1]
      if (before !== undefined && row.at - before.at >= Number(gapUs)) sessions.push([row])
      else open.push(row)
    }
    return sessions.map(members => {
      const end = members[members.length - 1]?.at ?? 0
      return { start: members[0]?.at ?? 0, end, at: end, members }
    })
  }
  const starts = new Map<number, ModelRow[]>()
  for (const row of rows) {
    const since = row.at - Number(offsetUs)
    const floor = Math.floor(since / Number(advanceUs)) * Number(advanceUs) + Number(offsetUs)
    for (let start = floor; start + Number(sizeUs) > row.at; start -= Number(advanceUs)) {
      starts.set(start, [...(starts.get(start) ?? []), row])
    }
  }
  return [...starts].map(([start, members]) => {
    const end = start + Number(sizeUs)
    return { start, end, at: end - 1, members }
  })
}

/** Each key's rows through the author's function: in log order, or in order of event time. */
function processed(
  operator: ModelOperator & {
    by: string[]
    order: string
    input: ModelOperator
    state: ModelColumn[]
  },
  input: readonly ModelRow[],
  run: ModelFunction | undefined,
): ModelRow[] {
  if (run === undefined) throw new Error(`the application has no function "${operator['name']}"`)
  const order = operator.order === 'log' ? byPosition : byTime(operator.input)
  const groups = grouped(input, ({ cells }) => operator.by.map(name => cells[name] ?? null))
  return [...groups.values()].flatMap(group => {
    const state = Object.fromEntries(operator.state.map(({ name }) => [name, null as Cell]))
    return group.sort(order).flatMap(row => {
      const out: ModelRow[] = []
      run({ ...row.cells }, state, cells =>
        out.push({ at: Number(cells[operator.at]), cells, position: row.position }),
      )
      return out
    })
  })
}
