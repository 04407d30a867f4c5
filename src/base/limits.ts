/** The upper bounds of everything that could grow without end, and how they relate. */

import { invariant } from './errors.ts'

/** Rows of one batch: its text stays in the second-level cache (facts: 1,024 beats 4,096). */
export const BATCH_ROWS_MAX = 1_024

/** Nesting of a JSON record. */
export const JSON_DEPTH_MAX = 64

/** Bytes of one record that the log takes; a larger one becomes a dead letter of its first part. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024

/** Bytes kept of a record over `RECORD_BYTES_MAX`. */
export const OVERSIZE_KEPT_BYTES = 64 * 1024

/** Bytes of a record that a topic accepts unless it declares another limit. */
export const RECORD_BYTES_DEFAULT = 1024 * 1024

/** Rows and bytes of one unit: one insert, one block, one part. */
export const UNIT_ROWS_MAX = 500_000
export const UNIT_BYTES_MAX = 64 * 1024 * 1024

/** Operators of one application's plans. */
export const PLAN_OPERATORS_MAX = 1_000

/** Columns of one schema. */
export const SCHEMA_COLUMNS_MAX = 1_000

/** Partitions of one topic. */
export const PARTITIONS_MAX = 1_024

invariant(OVERSIZE_KEPT_BYTES < RECORD_BYTES_MAX, 'the kept part is smaller than the record')
invariant(RECORD_BYTES_DEFAULT <= RECORD_BYTES_MAX, 'a topic accepts no more than the log takes')
invariant(UNIT_ROWS_MAX >= BATCH_ROWS_MAX, 'a batch fits a unit')
