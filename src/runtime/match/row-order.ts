/** Order of kept rows of equal event time: by tie columns; nulls last, text by its bytes. */

import { Batch, type BatchColumn, compareText } from '#columns'
import { columnIndexes } from '../row-key.ts'
import type { RowStore } from './row-store.ts'

/** Compares two records of `store` by the columns `ties`, in that order. */
export function compareTies(
  store: RowStore,
  ties: readonly string[],
): (a: number, b: number) => number {
  const columns = columnIndexes(store.schema, ties)
  if (columns.length === 0) return () => 0
  const pair = new Batch(store.schema, 2)
  return (a, b) => {
    pair.clear()
    store.unpack(store.content(a), pair, 0)
    store.unpack(store.content(b), pair, 1)
    for (const index of columns) {
      const order = compareValues(pair, pair.columns[index] as BatchColumn)
      if (order !== 0) return order
    }
    return 0
  }
}

/** Orders rows 0 and 1 of a batch by one column. */
function compareValues(batch: Batch, column: BatchColumn): number {
  switch (column.kind) {
    case 'text': {
      const [a, b] = [column.lengths[0] as number, column.lengths[1] as number]
      if (a < 0 || b < 0) return nullsLast(a < 0, b < 0)
      const { arena } = batch
      const [from, to] = [column.offsets[0] as number, column.offsets[1] as number]
      return Math.sign(compareText(arena, from, a, arena, to, b))
    }
    case 'uuid': {
      if (column.nulls[0] === 1 || column.nulls[1] === 1) {
        return nullsLast(column.nulls[0] === 1, column.nulls[1] === 1)
      }
      for (let word = 0; word < 4; word++) {
        const a = (column.words[word] as number) >>> 0
        const b = (column.words[4 + word] as number) >>> 0
        if (a !== b) return a < b ? -1 : 1
      }
      return 0
    }
    case 'list':
      return 0
    default: {
      const [a, b] = [column.values[0] as number, column.values[1] as number]
      if (Number.isNaN(a) || Number.isNaN(b)) return nullsLast(Number.isNaN(a), Number.isNaN(b))
      if (a !== b) return a < b ? -1 : 1
      if (column.kind === 'num') return 0
      const [x, y] = [column.beyond.get(0) ?? 0n, column.beyond.get(1) ?? 0n]
      return x === y ? 0 : x < y ? -1 : 1
    }
  }
}

function nullsLast(a: boolean, b: boolean): number {
  return a === b ? 0 : a ? 1 : -1
}
