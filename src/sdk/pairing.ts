/** Operators of two inputs: which columns pair up, and where both sides must be. */

import { PlatformError } from '#base'
import {
  type Expression,
  findColumn,
  type Operator,
  rules,
  type SourceSpec,
  type Value,
} from '#plan'
import type { Typed } from './expression.ts'
import { operand } from './literal.ts'
import { placementOf, rekeyed } from './placing.ts'

type PairingData = string | readonly string[] | Readonly<Record<string, string | undefined>>

/** Left and right names that must be equal. */
function pairsOf(pairing: PairingData): readonly (readonly [left: string, right: string])[] {
  if (typeof pairing === 'string') return [[pairing, pairing]]
  if (Array.isArray(pairing)) return pairing.map((name: string) => [name, name] as const)
  return Object.entries(pairing).map(([left, right]) => [left, right as string] as const)
}

export interface LookupParts {
  readonly key: PairingData
  readonly take: Readonly<Record<string, string>>
  readonly otherwise: Readonly<Record<string, Value>>
  readonly deleted: Expression | undefined
  readonly waitMaxUs: number
}

/** A lookup of `input` in `table`. */
export function looked(input: Operator, table: Operator, parts: LookupParts): Operator {
  const [on, ...more] = pairsOf(parts.key)
  if (on === undefined || more.length > 0) {
    throw new PlatformError('plan.invalid', 'a lookup has one key column')
  }
  const take = Object.entries(parts.take).map(([name, column]) => {
    const type = findColumn(table.schema, column)?.type
    const given = parts.otherwise[name] ?? null
    const literal = type === undefined ? undefined : operand(given, type)
    return { name, column, otherwise: otherwiseOf(literal, given, type) }
  })
  const added = take.map(({ name, column, otherwise }) => {
    const type = findColumn(table.schema, column)?.type ?? { kind: 'string' }
    return { name, type: rules.withNull(type, type.nullable === true || otherwise === null) }
  })
  const { deleted, waitMaxUs } = parts
  return {
    op: 'lookup',
    input,
    table,
    on,
    take,
    ...(deleted && { deleted }),
    waitMaxUs,
    schema: [...input.schema, ...added],
    at: input.at,
    ties: input.ties,
  }
}

/** A default as the value of its column: `'0'` of a decimal of scale 2 is `'0.00'`. */
function otherwiseOf(
  literal: Expression | undefined,
  given: Value,
  type: Expression['type'] | undefined,
): Value {
  if (literal?.node !== 'literal') return given
  const { value } = literal
  if (type?.kind !== 'decimal' || (typeof value !== 'string' && typeof value !== 'number'))
    return value
  const [whole = '', fraction = ''] = String(value).split('.')
  return type.scale === 0 ? whole : `${whole}.${fraction.padEnd(type.scale, '0')}`
}

export interface JoinParts {
  readonly on: PairingData
  readonly loUs: number
  readonly hiUs: number
  readonly take: Readonly<Record<string, Typed>>
  /** References to the left columns, by which those of `take` are known. */
  readonly left: Readonly<Record<string, Typed>>
  readonly at: string
}

/** A join of two sides, each moved by the join key where it is not partitioned by it. */
export function joined(
  left: Operator,
  right: Operator,
  sources: ReadonlyMap<string, SourceSpec>,
  { on, loUs, hiUs, take, left: leftRow, at }: JoinParts,
): Operator {
  const pairs = pairsOf(on)
  const sides = alike(left, right, sources, pairs)
  const columns = Object.entries(take).map(([name, value]) => {
    const { expression } = value
    if (expression.node !== 'column') {
      throw new PlatformError('plan.invalid', `"${name}" of a join is no column`, {
        hint: 'Compute it behind the join, with select or with.',
      })
    }
    const known = findColumn(left.schema, expression.name) !== undefined
    const side = known && leftRow[expression.name] === value ? 'left' : 'right'
    return { name, type: expression.type, side, column: expression.name } as const
  })
  const tied = (side: 'left' | 'right', ties: readonly string[]) =>
    ties.flatMap(tie =>
      columns.filter(entry => entry.side === side && entry.column === tie).map(({ name }) => name),
    )
  return {
    op: 'join',
    left: sides[0],
    right: sides[1],
    on: pairs,
    loUs,
    hiUs,
    columns: columns.map(({ side, column }) => ({ side, column })),
    schema: [
      ...columns.map(({ name, type }) => ({ name, type })),
      { name: at, type: { kind: 'timestamp' } },
    ],
    at,
    ties: [...new Set([...tied('left', left.ties), ...tied('right', right.ties)])],
  }
}

/** Both sides with equal keys in equal partitions. A side that is in place stays there. */
function alike(
  left: Operator,
  right: Operator,
  sources: ReadonlyMap<string, SourceSpec>,
  on: readonly (readonly [left: string, right: string])[],
): readonly [Operator, Operator] {
  const [a, b] = [placementOf(left, sources), placementOf(right, sources)]
  if (rules.partitionedAlike(a, b, on)) return [left, right]
  const partitions = Math.max(a.partitions, b.partitions)
  const lefts = on.map(([name]) => name)
  const rights = on.map(([, name]) => name)
  const placed = (found: typeof a, by: readonly string[]) =>
    found.partitions === partitions && found.key?.join('\n') === by.join('\n')
  return [
    placed(a, lefts) ? left : rekeyed(left, lefts, partitions),
    placed(b, rights) ? right : rekeyed(right, rights, partitions),
  ]
}
