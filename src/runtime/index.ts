/** The engine: tasks that read logs, keep state by event time, and commit epochs. */

export type { Downstream, OperatorContext, OperatorInstance, Progress } from './operator.ts'
export { createOperator } from './operators.ts'
export type { SourceCounts } from './read/counters.ts'
export { addCounts, NO_COUNTS } from './read/counters.ts'
export { taskId } from './task.ts'
export { runWorker, type WorkerOptions, type WorkerProgress, type WorkerSummary } from './worker.ts'
export type { CrashPoint, Spool } from './write/epoch.ts'
export { REJECTED_RECORDS, TOO_LATE } from './write/rejected-rows.ts'
