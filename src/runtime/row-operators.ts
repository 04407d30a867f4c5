/** The operators that take each row for itself: filter, project, union. They remember nothing. */

import { Batch, compileFilter, compileProject } from '#columns'
import {
  type OperatorContext,
  type OperatorInstance,
  type OperatorOf,
  type OperatorStats,
  STATELESS_STATS,
} from './operator.ts'

const NOTHING = new Uint8Array(0)

/** What row-wise operators share: no state, and progress that passes through. */
function stateless(push: OperatorInstance['push'], stats: OperatorStats): OperatorInstance {
  return {
    push,
    flush: progress => progress,
    delta: () => undefined,
    snapshot: () => NOTHING,
    restore: () => undefined,
    stats,
  }
}

/** Keeps the rows for which the condition is true; `stats.removed` counts the others. */
export function createFilter(
  operator: OperatorOf<'filter'>,
  { generated, out }: OperatorContext,
): OperatorInstance {
  const filter = compileFilter(operator.input.schema, operator.condition, { generated })
  const stats = { keys: 0, bytes: 0, removed: 0 }
  return stateless((_port, batch) => {
    stats.removed += filter(batch)
    if (batch.selected > 0) out.push(batch)
  }, stats)
}

export function createProject(
  operator: OperatorOf<'project'>,
  { generated, out }: OperatorContext,
): OperatorInstance {
  const project = compileProject(operator.input.schema, operator.columns, operator.schema, {
    generated,
  })
  const output = new Batch(operator.schema)
  return stateless((_port, batch) => {
    project(batch, output)
    out.push(output)
  }, STATELESS_STATS)
}

/** Passes batches on: columns of one schema stand at the same places. */
export function createUnion(
  _operator: OperatorOf<'union'>,
  { out }: OperatorContext,
): OperatorInstance {
  return stateless((_port, batch) => out.push(batch), STATELESS_STATS)
}
