/** What a lookup gives: left rows beside the columns of a version, or their values where none is. */

import { Batch, type BatchColumn, compileProject, copyColumn, writeValue } from '#columns'
import type { Expression, Value } from '#plan'
import type { Downstream, OperatorOf } from '../operator.ts'
import { columnIndexes } from '../row-key.ts'
import type { RowStore } from './row-store.ts'

const ROWS_MAX = 1_024

/** Where a column of the output comes from. */
type Origin =
  | { readonly side: 'left'; readonly index: number }
  | { readonly side: 'table'; readonly index: number; readonly otherwise: Value }

export class LookupOutput {
  readonly #left: RowStore
  readonly #versions: RowStore
  readonly #out: Downstream
  readonly #leftRows: Batch
  readonly #tableRows: Batch
  readonly #output: Batch
  readonly #origins: readonly Origin[]
  /** Rows of the output that have no version. */
  readonly #defaults: number[] = []
  readonly #all = Int32Array.from({ length: ROWS_MAX }, (_, row) => row)
  readonly #one = new Int32Array(1)
  /** Rows that pass at once share the columns of their batch, and begin with the defaults. */
  readonly #project: (input: Batch, output: Batch) => void
  readonly #direct: Batch
  readonly #version: Batch
  #rows = 0

  constructor(
    { input, table, take, schema }: OperatorOf<'lookup'>,
    left: RowStore,
    versions: RowStore,
    { out, generated }: { readonly out: Downstream; readonly generated: boolean },
  ) {
    this.#left = left
    this.#versions = versions
    this.#out = out
    this.#leftRows = new Batch(input.schema, ROWS_MAX)
    this.#tableRows = new Batch(table.schema, ROWS_MAX)
    this.#output = new Batch(schema, ROWS_MAX)
    this.#origins = schema.map(({ name }): Origin => {
      const taken = take.find(entry => entry.name === name)
      const [index] = columnIndexes(taken === undefined ? input.schema : table.schema, [
        taken?.column ?? name,
      ]) as [number]
      return taken === undefined
        ? { side: 'left', index }
        : { side: 'table', index, otherwise: taken.otherwise }
    })
    const columns = schema.map(({ name, type }, c): Expression => {
      const origin = this.#origins[c]
      if (origin?.side !== 'table') return { node: 'column', name, type }
      return { node: 'literal', value: origin.otherwise, type }
    })
    this.#project = compileProject(input.schema, columns, schema, { generated })
    this.#direct = new Batch(schema)
    this.#version = new Batch(table.schema, 1)
  }

  /** The selected rows of a batch, each with `contents[row]`; a negative one stands for none. */
  direct(batch: Batch, contents: Int32Array): void {
    const output = this.#direct
    this.#project(batch, output)
    this.#one[0] = 0
    let last = -1
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      const content = contents[row] as number
      if (content < 0) continue
      const version = this.#version
      if (content !== last) {
        version.clear()
        this.#versions.unpack(content, version, 0)
        last = content
      }
      for (const [c, { side, index }] of this.#origins.entries()) {
        if (side !== 'table') continue
        const to = output.columns[c]
        copyColumn(version.columns[index], version.arena, this.#one, 1, to, output.arena, row)
      }
    }
    this.#out.push(output)
  }

  /** A left row with a content of the dimension; a negative one stands for none. */
  add(id: number, content: number, weight: number, settled: boolean): void {
    const row = this.#next()
    this.#left.read(id, this.#leftRows, row)
    this.#leftRows.weight[row] = weight
    this.#leftRows.settled[row] = settled ? 1 : 0
    if (content < 0) this.#defaults.push(row)
    else this.#versions.unpack(content, this.#tableRows, row)
  }

  /** Hands out what was added. */
  give(): void {
    const output = this.#output
    const left = this.#leftRows
    const count = this.#rows
    if (count === 0) return
    for (const [c, origin] of this.#origins.entries()) {
      const from = origin.side === 'left' ? left : this.#tableRows
      const column = output.columns[c] as BatchColumn
      copyColumn(from.columns[origin.index], from.arena, this.#all, count, column, output.arena, 0)
      if (origin.side === 'table') this.#writeDefaults(c, column, origin.otherwise)
    }
    for (let row = 0; row < count; row++) {
      output.at[row] = left.at[row] as number
      output.weight[row] = left.weight[row] as number
      output.settled[row] = left.settled[row] as number
      output.origin[row] = left.origin[row] as number
      output.offset[row] = left.offset[row] as number
      output.index[row] = left.index[row] as number
    }
    output.length = count
    output.selectAll()
    this.#rows = 0
    this.#defaults.length = 0
    this.#out.push(output)
    output.clear()
    left.clear()
    this.#tableRows.clear()
  }

  #writeDefaults(c: number, column: BatchColumn, otherwise: Value): void {
    const output = this.#output
    const { name, type } = output.schema[c] as Batch['schema'][number]
    for (const row of this.#defaults) writeValue(column, type, output.arena, row, otherwise, name)
  }

  #next(): number {
    if (this.#rows === ROWS_MAX) this.give()
    return this.#rows++
  }
}
