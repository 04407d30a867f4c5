/** Where rows are, and what moves them to the partition of other keys. */

import { PlatformError } from '#base'
import { type Operator, rules, type SourceSpec } from '#plan'
import type { OneOrMore } from './column-type.ts'
import type { Plan } from './table.ts'

export function listed<K extends string>(names: OneOrMore<K>): readonly K[] {
  return Object.freeze(typeof names === 'string' ? [names] : [...names])
}

/** Which columns decide the partition of an operator's rows. */
export function placementOf(operator: Operator, sources: ReadonlyMap<string, SourceSpec>) {
  return rules.placementOf(operator, name => {
    const source = sources.get(name)
    if (source !== undefined) return source
    throw new PlatformError('plan.invalid', `no source "${name}" is declared`)
  })
}

/** The rows of a plan with those of equal `by` in one partition. */
export function together({ operator, sources }: Plan, by: readonly string[]): Operator {
  const placement = placementOf(operator, sources)
  if (rules.keepsTogether(placement, by)) return operator
  return rekeyed(operator, by, placement.partitions)
}

/** The rows of an operator, moved to the partition of `by`. */
export function rekeyed(input: Operator, by: readonly string[], partitions: number): Operator {
  const { schema, at, ties } = input
  return Object.freeze({ op: 'rekey', input, by, partitions, schema, at, ties })
}
