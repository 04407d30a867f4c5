/**
 * Where rows are: which columns decide the partition of a row, through all operators of a plan.
 *
 * Rows of equal key columns are in one partition. A keyed operator may run in place where its `by`
 * contains them, because then equal `by` means equal key columns.
 */

import type { SourceSpec } from './application.ts'
import type { Operator, OperatorName } from './operator.ts'

export interface Placement {
  /** Columns that decide a row's partition, in key order; undefined where nothing is known. */
  readonly key: readonly string[] | undefined
  readonly partitions: number
  /** Whether rows have been through a repartition topic, and so lost their place in the log. */
  readonly rekeyed: boolean
  /** Sources the rows come from. */
  readonly sources: readonly string[]
}

type SourceOf = (name: string) => Pick<SourceSpec, 'key' | 'partitions'>

type Placements = {
  readonly [O in OperatorName]: (
    operator: Extract<Operator, { op: O }>,
    placement: (input: Operator) => Placement,
    sourceOf: SourceOf,
  ) => Placement
}

const PLACEMENTS: Placements = {
  source: ({ source }, _, sourceOf) => {
    const { key, partitions } = sourceOf(source)
    const columns = key.length === 0 ? undefined : key
    return { key: columns, partitions, rekeyed: false, sources: [source] }
  },
  filter: ({ input }, of) => of(input),
  project: ({ input, columns, schema }, of) => {
    const placement = of(input)
    const key = placement.key?.map(name => {
      const place = columns.findIndex(column => column.node === 'column' && column.name === name)
      return schema[place]?.name
    })
    const kept = key?.every(name => name !== undefined) === true
    return { ...placement, key: kept ? (key as readonly string[]) : undefined }
  },
  union: ({ inputs }, of) => {
    const placements = inputs.map(of)
    const first = placements[0] ?? { key: undefined, partitions: 1 }
    const equal = placements.every(
      ({ key, partitions }) => sameColumns(key, first.key) && partitions === first.partitions,
    )
    return {
      key: equal ? first.key : undefined,
      partitions: Math.max(...placements.map(({ partitions }) => partitions)),
      rekeyed: placements.some(({ rekeyed }) => rekeyed),
      sources: [...new Set(placements.flatMap(({ sources }) => sources))],
    }
  },
  dedupe: ({ input }, of) => of(input),
  rekey: ({ input, by, partitions }, of) => ({ ...of(input), key: by, partitions, rekeyed: true }),
  lookup: ({ input }, of) => of(input),
  aggregate: ({ input }, of) => of(input),
  join: ({ left, right, columns, schema }, of) => {
    const placement = of(left)
    const key = placement.key?.map(name => {
      const place = columns.findIndex(({ side, column }) => side === 'left' && column === name)
      return schema[place]?.name
    })
    const kept = key?.every(name => name !== undefined) === true
    return {
      ...placement,
      key: kept ? (key as readonly string[]) : undefined,
      rekeyed: placement.rekeyed || of(right).rekeyed,
      sources: [...new Set([...placement.sources, ...of(right).sources])],
    }
  },
  process: ({ input }, of) => ({ ...of(input), key: undefined }),
}

/** Where the rows of `operator` are. Cost: the operators below it, once each. */
export function placementOf(operator: Operator, sourceOf: SourceOf): Placement {
  const known = new Map<Operator, Placement>()
  const of = (op: Operator): Placement => {
    const found = known.get(op)
    if (found !== undefined) return found
    const place = PLACEMENTS[op.op] as (
      operator: Operator,
      placement: (input: Operator) => Placement,
      sourceOf: SourceOf,
    ) => Placement
    const placement = place(op, of, sourceOf)
    known.set(op, placement)
    return placement
  }
  return of(operator)
}

/** Whether rows of equal `by` are in one partition. */
export function keepsTogether(placement: Placement, by: readonly string[]): boolean {
  return placement.key?.every(column => by.includes(column)) === true
}

/** Whether rows of equal `on` are in the same partition of both sides, in key order. */
export function partitionedAlike(
  left: Placement,
  right: Placement,
  on: readonly (readonly [left: string, right: string])[],
): boolean {
  if (left.key === undefined || right.key === undefined) return false
  if (left.partitions !== right.partitions || left.key.length !== right.key.length) return false
  return left.key.every((column, index) =>
    on.some(([a, b]) => a === column && b === right.key?.[index]),
  )
}

function sameColumns(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((column, index) => column === b[index])
}
