/** The mutants: which rule each breaks, where, and which test must notice. */

import { DELIVERY_MUTANTS } from './mutants-delivery.ts'
import { OPERATOR_MUTANTS } from './mutants-operators.ts'
import { TIME_MUTANTS } from './mutants-time.ts'

export interface Mutant {
  /** Id of the rule in docs/SEMANTICS.md. */
  readonly rule: string
  /** What is broken, in words. */
  readonly breaks: string
  readonly file: string
  /** Text that stands exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The test file that must fail, and which of its tests (all where empty). */
  readonly test: string
  readonly only: string
}

export const MUTANTS: readonly Mutant[] = [
  ...TIME_MUTANTS,
  ...OPERATOR_MUTANTS,
  ...DELIVERY_MUTANTS,
]
