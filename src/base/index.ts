/** What every module may use, and which uses none of them. */

export {
  ERRORS,
  type ErrorCode,
  type ErrorDetail,
  InvariantError,
  invariant,
  PlatformError,
} from './errors.ts'
export {
  BATCH_ROWS_MAX,
  JSON_DEPTH_MAX,
  OVERSIZE_KEPT_BYTES,
  PARTITIONS_MAX,
  PLAN_OPERATORS_MAX,
  RECORD_BYTES_DEFAULT,
  RECORD_BYTES_MAX,
  SCHEMA_COLUMNS_MAX,
  UNIT_BYTES_MAX,
  UNIT_ROWS_MAX,
} from './limits.ts'
export { type Random, seededRandom } from './random.ts'
export { type Clock, manualClock, systemClock } from './time.ts'
