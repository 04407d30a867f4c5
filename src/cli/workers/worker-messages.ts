/** What main and an engine worker tell each other over the channel between the two processes. */

import type { ErrorCode } from '#base'
import type { Manifest } from '#ports'
import type { WorkerProgress, WorkerSummary } from '#runtime'

/** What a worker needs to begin; plain data. */
export interface WorkerStart {
  readonly kind: 'start'
  /** File of the application, absolute. */
  readonly path: string
  /** Data directory, absolute; main holds its lock. */
  readonly data: string
  readonly worker: number
  readonly partitions: readonly (readonly number[])[]
  readonly tuning: WorkerTuning
  readonly diskReserveBytes: number | null
}

/** How a worker works; never what it gives. */
export interface WorkerTuning {
  readonly batchRows: number | 'random'
  readonly epochRows: number
  readonly epochMs: number
  readonly pollMs: number
  readonly preparedMax: number
  readonly generated: boolean
  readonly bounded: boolean
  readonly seed: number
}

export type ToWorker =
  | WorkerStart
  | { readonly kind: 'applied'; readonly epoch: number }
  | { readonly kind: 'stage'; readonly stage: number }
  | { readonly kind: 'stop' }

export type FromWorker =
  | { readonly kind: 'prepared'; readonly manifest: Manifest }
  | { readonly kind: 'stage'; readonly stage: number }
  | { readonly kind: 'progress'; readonly progress: WorkerProgress }
  | { readonly kind: 'done'; readonly summary: WorkerSummary }
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode | null
      readonly message: string
      readonly hint: string | null
      readonly stack: string
    }
