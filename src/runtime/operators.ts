/**
 * How each operator runs: one entry per name, so that an operator added to the plan does not
 * compile until it has an answer here.
 */

import { invariant } from '#base'
import type { OperatorName } from '#plan'
import { createAggregate } from './aggregate/aggregate.ts'
import { createDedupe } from './dedupe.ts'
import { createJoin } from './match/join.ts'
import { createLookup } from './match/lookup.ts'
import { createProcess } from './match/process.ts'
import type { OperatorContext, OperatorFactory, OperatorInstance, OperatorOf } from './operator.ts'
import { createFilter, createProject, createUnion } from './row-operators.ts'

/** Sources and the reading side of a rekey are inputs of a task, never instances. */
function readByTask(): never {
  invariant(false, 'a task reads its topics itself')
}

const LOWERINGS: { readonly [N in OperatorName]: OperatorFactory<N> } = {
  source: readByTask,
  filter: createFilter,
  project: createProject,
  union: createUnion,
  dedupe: createDedupe,
  rekey: readByTask,
  lookup: createLookup,
  aggregate: createAggregate,
  join: createJoin,
  process: createProcess,
}

/** A running instance of `operator`. */
export function createOperator<N extends OperatorName>(
  operator: OperatorOf<N> & { readonly op: N },
  context: OperatorContext,
): OperatorInstance {
  return LOWERINGS[operator.op](operator, context)
}
