/** The entry of every function of the plan. `prepare` writes the ones that are left out otherwise. */

import { invariant } from '#base'
import { CAST_ENTRIES } from './cast-functions.ts'
import type { Call, FunctionEntry } from './function-entry.ts'
import { LOGIC_ENTRIES } from './logic-functions.ts'
import { NUMBER_ENTRIES } from './number-functions.ts'
import { TEXT_ENTRIES } from './text-functions.ts'
import { TIME_ENTRIES } from './time-functions.ts'
import { VALUE_ENTRIES } from './value-functions.ts'

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
