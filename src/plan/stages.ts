/**
 * The stages a runner executes: an application's plans, cut where rows move to other partitions.
 *
 * A stage is what one task runs over one partition: operators numbered in topological order, equal
 * sub-plans once. Rows enter it from topics that are partitioned alike, so partition p of all of
 * them belongs to task p; dimensions that are partitioned otherwise are read whole by every task.
 * What leaves it goes to tables and to repartition topics, which later stages read.
 */

import type { Emit } from './application.ts'
import type { Operator } from './operator.ts'
import type { Schema } from './type.ts'

/** Rows that enter a stage. Its operator has `op` `source`, or `rekey` for a repartition topic. */
export interface StageInput {
  /** The operator of the stage that gives these rows. */
  readonly operator: number
  readonly topic: string
  /** `source`: records for its codec. `change`: rows of an earlier stage, with weights. */
  readonly kind: 'source' | 'change'
  readonly schema: Schema
  /** Whether every task reads all its partitions: a dimension that is not partitioned alike. */
  readonly broadcast: boolean
  readonly partitions: number
}

/** An operator of a stage. The operators within `plan` are for reading; rows come from `inputs`. */
export interface StageOperator {
  /** Its place in `operators`: inputs have smaller ones. Names its state in checkpoints. */
  readonly id: number
  /** The operator. At the front of a stage a `rekey` stands for the rows of its topic. */
  readonly plan: Operator
  /** Ids of the operators it reads, in the order of `inputsOf`; none for inputs of the stage. */
  readonly inputs: readonly number[]
  /** Whether its input may carry weight −1: it then keeps its rows until they settle. */
  readonly retracting: boolean
  /** Whether its output may carry weight −1. */
  readonly retracts: boolean
  /** When rows that may still change go out: the earliest that a table or operator behind needs. */
  readonly emit: Emit
}

/** Rows that leave a stage for a table. */
export interface StageTable {
  readonly operator: number
  readonly table: string
  readonly emit: Emit
}

/** Rows that leave a stage for a repartition topic, placed by `by`. */
export interface StageRepartition {
  readonly operator: number
  readonly topic: string
  readonly by: readonly string[]
  readonly partitions: number
}

export interface Stage {
  /** From 0; a stage reads repartition topics of smaller stages only. */
  readonly id: number
  /** Tasks it has: the partitions of its inputs that are not broadcast. */
  readonly partitions: number
  readonly operators: readonly StageOperator[]
  readonly inputs: readonly StageInput[]
  readonly tables: readonly StageTable[]
  readonly repartitions: readonly StageRepartition[]
}
