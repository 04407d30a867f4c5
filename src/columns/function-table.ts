/** The entry of every function of the plan. `prepare` writes the ones that are left out otherwise. */

import { invariant } from '#base'
import type { Call, FunctionEntry } from './function-entry.ts'
import { CAST_ENTRIES } from './functions-cast.ts'
import { LOGIC_ENTRIES } from './functions-logic.ts'
import { NUMBER_ENTRIES } from './functions-number.ts'
import { TEXT_ENTRIES } from './functions-text.ts'
import { TIME_ENTRIES } from './functions-time.ts'
import { VALUE_ENTRIES } from './functions-value.ts'

/** Functions that are others with their arguments or their result turned round. */
type Rewritten = 'ne' | 'gt' | 'ge' | 'le' | 'isNotNull'

const TABLE = {
  ...LOGIC_ENTRIES,
  ...NUMBER_ENTRIES,
  ...CAST_ENTRIES,
  ...TEXT_ENTRIES,
  ...TIME_ENTRIES,
  ...VALUE_ENTRIES,
} as const satisfies Record<Exclude<Call['fn'], Rewritten>, FunctionEntry>

/** What the function of a prepared call is. */
export function entryOf(fn: Call['fn']): FunctionEntry {
  const entry = (TABLE as Partial<Record<Call['fn'], FunctionEntry>>)[fn]
  invariant(entry !== undefined, `"${fn}" is left in prepared expressions`)
  return entry
}
