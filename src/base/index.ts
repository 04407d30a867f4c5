/** What every module may use, and which uses none of them. */

export { calendar, MICROS_PER_DAY, type TimePart, type TimeUnit } from './calendar.ts'
export {
  DECIMAL_PRECISION_MAX,
  decimalFits,
  divideHalfEven,
  formatDecimal,
  parseDecimal,
  powerOfTen,
  rescaleHalfEven,
} from './decimal.ts'
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
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export { type Random, seededRandom } from './random.ts'
export { type Clock, manualClock, systemClock } from './time.ts'
export { isoDate, isoTime, timeText } from './time-text.ts'
export { PLATFORM_NAMESPACE, uuidV5 } from './uuid.ts'
