/**
 * The functions of expressions: one total table, which every runner answers.
 *
 * A function gives null where it has no result, and null for a null argument unless its meaning
 * says otherwise (and, or, isNull, isNotNull, coalesce, if, case). Arguments of different number
 * types meet as `signature.ts` says; the result has the type that `check` gives, exactly.
 */

import { CAST_FUNCTION } from './functions/cast-function.ts'
import { LOGIC_FUNCTIONS } from './functions/logic-functions.ts'
import { NUMBER_FUNCTIONS } from './functions/number-functions.ts'
import type { FunctionSpec } from './functions/signature.ts'
import { TEXT_FUNCTIONS } from './functions/text-functions.ts'
import { TIME_FUNCTIONS } from './functions/time-functions.ts'
import { VALUE_FUNCTIONS } from './functions/value-functions.ts'

const TABLE = {
  ...LOGIC_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...CAST_FUNCTION,
  ...TEXT_FUNCTIONS,
  ...TIME_FUNCTIONS,
  ...VALUE_FUNCTIONS,
} as const satisfies Record<string, FunctionSpec>

export type FunctionName = keyof typeof TABLE

/** By name: what a function takes and gives, and examples that every runner executes. */
export const FUNCTIONS: Readonly<Record<FunctionName, FunctionSpec>> = TABLE
