/** Batches of rows as typed arrays, and expressions over them. */

export { ARENA_PADDING, Arena } from './arena.ts'
export { Batch, derive } from './batch.ts'
export {
  type BatchColumn,
  type ColumnKind,
  columnCapacity,
  columnKind,
  growColumn,
  growItems,
  type ListColumn,
  makeColumn,
  type NumColumn,
  type ScalarColumn,
  type TextColumn,
  type UuidColumn,
  type WideColumn,
} from './column.ts'
export { type CompileOptions, compileFilter, compileProject } from './compile.ts'
export { copyColumn, copyRows } from './copy-rows.ts'
export {
  type Register,
  readWide,
  uuidText,
  uuidWords,
  wideRegister,
  writeWide,
} from './register.ts'
export {
  appendRow,
  fromRegister,
  type RowIdentity,
  readRow,
  readRows,
  readValue,
  toRegister,
  writeValue,
} from './rows.ts'
export { compareStrings, compareText, equalText, hashText } from './text-bytes.ts'
