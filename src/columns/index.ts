/** Batches of rows as typed arrays, and expressions over them. */

export { ARENA_PADDING, Arena } from './arena.ts'
export { Batch, derive } from './batch.ts'
export {
  type BatchColumn,
  type ColumnKind,
  columnCapacity,
  columnKind,
  growColumn,
  type ListColumn,
  makeColumn,
  type NumColumn,
  type ScalarColumn,
  type TextColumn,
  type UuidColumn,
  type WideColumn,
} from './column.ts'
