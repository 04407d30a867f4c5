/** What the model is given and what it gives: records, rows, the plan as data; and who is too late. */

import type { Cell, Type } from './cells.ts'

/** One decoded row of a log, or a mark: position, event time, and the row's columns. */
export interface ModelRecord {
  readonly partition: number
  readonly offset: number
  readonly index: number
  readonly at: number
  /** Null for a mark. */
  readonly cells: Readonly<Record<string, Cell>> | null
}

/** A source as declared, as far as the model asks. */
export interface ModelSource {
  readonly name: string
  readonly at: string
  readonly ties: readonly string[]
  readonly disorderUs: number
  readonly latenessUs: number
}

export interface ModelColumn {
  readonly name: string
  readonly type: Type
}

/** An operator of a plan: the fields the model reads, all optional but these. */
export interface ModelOperator {
  readonly op: string
  readonly schema: readonly ModelColumn[]
  readonly at: string
  readonly ties: readonly string[]
  readonly [field: string]: unknown
}

export interface ModelApplication {
  readonly sources: readonly ModelSource[]
  readonly pipelines: readonly { readonly table: string; readonly input: ModelOperator }[]
  readonly functions: Readonly<Record<string, ModelFunction>>
}

export type ModelFunction = (
  row: Record<string, Cell>,
  state: Record<string, Cell>,
  emit: (row: Record<string, Cell>) => void,
) => void

export interface ModelRow {
  readonly at: number
  readonly cells: Readonly<Record<string, Cell>>
  /** Source ordinal, partition, offset, index; zeros where a row comes from no single record. */
  readonly position: readonly number[]
}

export type Verdict = 'on time' | 'late' | 'too late'

/**
 * Each record's verdict, from the prefix of its own partition alone: W is the greatest `at` at
 * smaller offsets less D. A too-late row is older than W, so it cannot raise it.
 */
export function classify(source: ModelSource, records: readonly ModelRecord[]): Verdict[] {
  const partitions = new Map<number, { offset: number; before: number; greatest: number }>()
  return records.map(({ partition, offset, at }) => {
    const seen = partitions.get(partition) ?? { offset: -1, before: -Infinity, greatest: -Infinity }
    if (offset !== seen.offset) seen.before = seen.greatest
    seen.offset = offset
    seen.greatest = Math.max(seen.greatest, at)
    partitions.set(partition, seen)
    const watermark = seen.before - source.disorderUs
    if (at >= watermark) return 'on time'
    return at >= watermark - source.latenessUs ? 'late' : 'too late'
  })
}

/** What an operator maps: all rows of its inputs to all rows of its output. */
export type Meaning = (
  // biome-ignore lint/suspicious/noExplicitAny: a plan is data here; its checker is in src/plan
  operator: any,
  input: (operator: ModelOperator) => ModelRow[],
) => ModelRow[]

/** A window of one key and its rows, in order of event time. */
export interface WindowRows {
  readonly start: number
  readonly end: number
  readonly at: number
  readonly members: ModelRow[]
}
