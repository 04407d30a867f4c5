/**
 * What a running operator is: rows of batches in, changes out, state that is packed and restored.
 *
 * A driver (`task.ts`) pushes the batches of an epoch through the operators of a stage, then
 * flushes them in topological order, then takes their deltas into the epoch's commit. Whatever an
 * operator gives out goes to the `Downstream` it was made with.
 */

import type { Batch } from '#columns'
import type { Application, Emit, Operator, OperatorName } from '#plan'

/**
 * Event-time progress of an operator's inputs: the minimum over the partitions that can reach it.
 * −Infinity at the start, Infinity once all of them have ended.
 */
export interface Progress {
  readonly watermarkUs: number
  readonly frontierUs: number
}

/** What takes an operator's changes. A batch is valid during the call only. */
export interface Downstream {
  push(batch: Batch): void
}

/**
 * The last position that the task had read of its own partition, which rows carry that no single
 * record caused. The driver moves it on; operators read it when they flush.
 */
export interface Position {
  origin: number
  offset: number
  index: number
}

export interface OperatorInstance {
  /**
   * Takes the selected rows of a batch of input `port`; may push at once (row-wise operators) or
   * remember. It may shorten the selection, and changes nothing else of the batch.
   */
  push(port: number, batch: Batch): void
  /**
   * At the end of an epoch's input, operators in topological order: emits changes of what this
   * epoch touched and of what `progress` has passed, settles and frees what the frontier has
   * passed. `final`: emits everything live as if the input ended here, frees nothing, keeps the
   * state as of before (docs/SEMANTICS.md, `run --bounded`). Returns the progress its consumers may
   * assume (frontier minus hold). `inputs` is the
   * progress of each port, whose minimum `progress` is.
   */
  flush(progress: Progress, final: boolean, inputs?: readonly Progress[]): Progress
  /** Packed changes since the last `delta` or `snapshot`; undefined where nothing changed. Called after `flush`. */
  delta(): Uint8Array | undefined
  snapshot(): Uint8Array
  /** Applies bytes of `snapshot` (first) and `delta` (then), in order. */
  restore(bytes: Uint8Array, kind: 'snapshot' | 'delta'): void
  readonly stats: OperatorStats
}

/** Live keys, bytes held, and counters that only rise since the instance was made. */
export interface OperatorStats {
  readonly keys: number
  readonly bytes: number
  readonly [counter: string]: number
}

export const PROGRESS_START: Progress = { watermarkUs: -Infinity, frontierUs: -Infinity }
export const PROGRESS_END: Progress = { watermarkUs: Infinity, frontierUs: Infinity }

/** What may be assumed of two inputs together. */
export function slower(a: Progress, b: Progress): Progress {
  if (a.watermarkUs <= b.watermarkUs && a.frontierUs <= b.frontierUs) return a
  if (b.watermarkUs <= a.watermarkUs && b.frontierUs <= a.frontierUs) return b
  return {
    watermarkUs: Math.min(a.watermarkUs, b.watermarkUs),
    frontierUs: Math.min(a.frontierUs, b.frontierUs),
  }
}

/** What an instance says that remembers nothing. */
export const STATELESS_STATS: OperatorStats = { keys: 0, bytes: 0 }

/** The plan's operator of one name. */
export type OperatorOf<N extends OperatorName> = Extract<Operator, { readonly op: N }>

/** What an instance is made with, besides its operator. */
export interface OperatorContext {
  /** Whether expressions run as generated code; their interpreted twins else. */
  readonly generated: boolean
  /** When rows that may still change are wanted by whoever reads this operator. */
  readonly emit: Emit
  /** Whether changes of weight −1 may come. */
  readonly retracting: boolean
  /**
   * Whether a row that is taken back goes out whole. Else its key and bounds do, which is enough
   * where only tables keyed by just these read it.
   */
  readonly images?: boolean
  readonly position: Position
  readonly functions: Application['functions']
  readonly out: Downstream
}

/** How one kind of operator is made: `createDedupe`, `createAggregate` … have this shape. */
export type OperatorFactory<N extends OperatorName> = (
  operator: OperatorOf<N>,
  context: OperatorContext,
) => OperatorInstance
