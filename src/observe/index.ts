/** What the platform says about itself: metrics and structured logs. */

export { createLogger, type LoggerOptions } from './logger.ts'
export { createMetrics, type Labels, METRICS, type MetricName, type Metrics } from './metrics.ts'
