/**
 * The reference model over a recording: what the plan means, computed from the whole input at once.
 *
 * Decoding is the engine's own, by its slow path; all that follows is the model's.
 */

import { manualClock } from '#base'
import { Batch, readRow } from '#columns'
import { compileCodec } from '#format'
import { openMemory } from '#local'
import type { Application, ProcessFunction, Row, SourceSpec, Type, Value } from '#plan'
import { canonical } from '../../../model/canonical.ts'
import { type Cell, cellOf, type PlainValue, plainOf } from '../../../model/cells.ts'
import { model } from '../../../model/operators.ts'
import {
  classify,
  type ModelFunction,
  type ModelOperator,
  type ModelRecord,
} from '../../../model/records.ts'
import { play, type Recording } from './recorded.ts'

export interface ModelTable {
  readonly table: string
  readonly rows: number
  readonly sha256: string
  readonly values: readonly Row[]
}

/** What each table holds after the end of `recording`. */
export async function runModel(
  application: Application,
  recording: Recording,
): Promise<ModelTable[]> {
  const records = await decodedRecords(application, recording)
  const functions = Object.fromEntries(
    Object.entries(application.functions).map(([name, run]) => [
      name,
      functionOf(application, name, run),
    ]),
  )
  const results = model(
    {
      sources: application.sources,
      pipelines: application.pipelines.map(({ table, input }) => ({
        table,
        input: input as unknown as ModelOperator,
      })),
      functions,
    },
    records,
  )
  return application.tables.map(table => {
    const rows = (results.get(table.name) ?? []).map(({ cells }) => cells)
    const values = rows.map(cells => rowOf(cells, table.schema))
    return { table: table.name, ...canonical(table.schema, table.key, rows), values }
  })
}

/** How many records of `recording` give no row: dead letters, and those that are too late. */
export async function modelRejections(
  application: Application,
  recording: Recording,
): Promise<number> {
  const records = await decodedRecords(application, recording)
  return application.sources
    .map(source => {
      const given = records[source.name] ?? []
      const verdicts = classify(source, given)
      const taken = given.filter(({ cells }, j) => cells !== null && verdicts[j] !== 'too late')
      const data = (recording.get(source.name) ?? []).flat().filter(({ kind }) => kind === 'data')
      return data.length - taken.length
    })
    .reduce((sum, count) => sum + count, 0)
}

async function decodedRecords(
  application: Application,
  recording: Recording,
): Promise<Record<string, ModelRecord[]>> {
  const clock = manualClock()
  const { log } = openMemory({ clock })
  await play(recording, application.sources, log, clock)
  const records: Record<string, ModelRecord[]> = {}
  for (const source of application.sources) {
    records[source.name] = log
      .topic(source.name)
      .extents.flatMap(({ end }, partition) => decoded(source, log, partition, end))
  }
  return records
}

/** Records of one partition in log order; dead letters are no rows and move nothing. */
function decoded(
  source: SourceSpec,
  log: ReturnType<typeof openMemory>['log'],
  partition: number,
  end: number,
): ModelRecord[] {
  const codec = compileCodec(source, { generated: false })
  const batch = new Batch(codec.schema)
  const found: ModelRecord[] = []
  for (let at = 0; at < end; ) {
    const block = log.read(source.name, partition, at)
    if (block === undefined) break
    const { baseOffset, count, kind, markAt } = block
    if (kind === 'mark') {
      found.push({ partition, offset: baseOffset, index: 0, at: markAt, cells: null })
    } else {
      for (let from = 0; from < count; from += 1024) {
        codec.decode(block, from, Math.min(count, from + 1024), batch)
        for (let j = 0; j < batch.selected; j++) {
          const row = batch.selection[j] ?? 0
          found.push({
            partition,
            offset: baseOffset + from + row,
            index: batch.index[row] ?? 0,
            at: batch.at[row] ?? 0,
            cells: cellsOf(readRow(batch, row), source.schema),
          })
        }
      }
    }
    at = baseOffset + count
  }
  return found
}

type Columns = readonly { readonly name: string; readonly type: Type }[]

function cellsOf(row: Row, columns: Columns): Record<string, Cell> {
  return Object.fromEntries(
    columns.map(({ name, type }) => [name, cellOf((row[name] ?? null) as PlainValue, type)]),
  )
}

function rowOf(cells: Readonly<Record<string, Cell>>, columns: Columns): Record<string, Value> {
  return Object.fromEntries(
    columns.map(({ name, type }) => [name, plainOf(cells[name] ?? null, type) as Value]),
  )
}

/** The author's function takes plain values; the model keeps cells. */
function functionOf(application: Application, name: string, run: ProcessFunction): ModelFunction {
  const operator = processOf(application, name)
  return (row, state, emit) => {
    const plain = rowOf(state, operator.state)
    run(rowOf(row, operator.input.schema), plain, out => emit(cellsOf(out, operator.schema)))
    Object.assign(state, cellsOf(plain, operator.state))
  }
}

interface Processing {
  readonly schema: Columns
  readonly state: Columns
  readonly input: { readonly schema: Columns }
}

function processOf(application: Application, name: string): Processing {
  const search = (node: unknown): Processing | undefined => {
    if (typeof node !== 'object' || node === null) return undefined
    const fields = node as Record<string, unknown>
    if (fields['op'] === 'process' && fields['name'] === name) return node as Processing
    for (const value of Object.values(fields)) {
      const found = search(value)
      if (found !== undefined) return found
    }
    return undefined
  }
  const found = search(application.pipelines)
  if (found === undefined) throw new Error(`no operator runs the function "${name}"`)
  return found
}
