/** The mutants: which rule each breaks, where, and which test must notice. */

export interface Mutant {
  /** Id of the rule in docs/SEMANTICS.md, or `D1` … for the rules of delivery. */
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

export const MUTANTS: readonly Mutant[] = []
