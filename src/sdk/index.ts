/** What an application imports: sources, plans over them, and the tables they end in. */

export { avg, count, countDistinct, first, last, max, min, sum } from './aggregate.ts'
export { type Declared, type RowOf, t } from './column-type.ts'
export { days, hours, minutes, seconds } from './duration.ts'
export type { Expr } from './expression.ts'
export { lit } from './expression-methods.ts'
export { fn } from './fn.ts'
export { csv, jsonLines, logLines, tsv } from './format.ts'
export { source } from './source.ts'
export type { Stream } from './stream.ts'
export { defineApp, type Pipeline, type Table, table } from './table.ts'
