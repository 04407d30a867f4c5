/** Sources: where records enter, and what is known of their time and place. */

import { PLATFORM_NAMESPACE, RECORD_BYTES_DEFAULT } from '#base'
import { type Expression, findColumn, rules, type Schema, type SourceSpec } from '#plan'
import type { Columns, Kind, OneOrMore, Tag } from './column-type.ts'
import { hours, micros, minutes, seconds } from './duration.ts'
import type { Mapped, Named, Typed } from './expression.ts'
import { call, isRequired, refsOf, textOf } from './expression-methods.ts'
import type { Format, RecordColumns, RecordIds } from './format.ts'
import { literal } from './literal.ts'
import { listed } from './placing.ts'
import { Stream } from './stream.ts'

/** Columns of which one can be event time, and some keys. */
type Placed<At extends string, Key extends string> = Columns &
  Readonly<Record<At, Tag<'timestamp', false>>> &
  Readonly<Record<Key, Tag<Exclude<Kind, 'float64' | 'json' | 'array'>>>>

export interface SourceOptions<C extends Columns, At extends string, Key extends string> {
  /** What records look like, and the columns of the rows they become. */
  readonly format: Format<C>
  /** Event time: a timestamp column that is not null. */
  readonly at: At
  /** What places a row in a partition; rows of one key stay in order. Without it, the record's bytes. */
  readonly key?: OneOrMore<Key>
  /** Order of rows of equal time, before their place in the log. */
  readonly ties?: readonly Key[]
  /** How far behind the latest a row may be and still be on time (5 s). */
  readonly disorder?: number
  /** How far behind that a row is still counted, and results restated (1 h). */
  readonly lateness?: number
  /** How far event time may lie ahead of the log's clock (5 min). */
  readonly skewMax?: number
  /** How far a partition may run ahead of the slowest one (no limit). */
  readonly aheadMax?: number
  /** 4 */
  readonly partitions?: number
  /** 1 MiB */
  readonly recordBytesMax?: number
  /** '1' */
  readonly schemaVersion?: string
}

const DEFAULTS = {
  disorder: seconds(5),
  lateness: hours(1),
  skewMax: minutes(5),
  partitions: 4,
  recordBytesMax: RECORD_BYTES_DEFAULT,
  schemaVersion: '1',
} as const

function recordIds(name: string): RecordIds {
  const idOf = (parts: readonly Expression[]): Mapped<Tag<'uuid', false, never>> => {
    const space = literal(PLATFORM_NAMESPACE, { kind: 'uuid' })
    const source = literal(name, { kind: 'string' })
    return { expression: call('uuidv5', [space, source, ...parts.map(textOf)]), required: true }
  }
  const column = (wanted: string): Expression => {
    const type = findColumn(rules.RECORD_COLUMNS, wanted)?.type ?? { kind: 'string' }
    return Object.freeze({ node: 'column', name: wanted, type })
  }
  return Object.freeze({
    fromLine: () => idOf([column('_file'), column('_line')]),
    fromKey: (...parts: readonly Typed[]) => idOf(parts.map(({ expression }) => expression)),
  })
}

function identity(raw: Schema): Named {
  const entries = raw.map(
    ({ name, type }) => [name, { expression: { node: 'column', name, type } as const }] as const,
  )
  return Object.fromEntries(entries)
}

/**
 * A source of rows, and the topic of its name.
 *
 * @example
 * const clicks = source('clicks', {
 *   format: jsonLines({ columns: { user: t.string(), page: t.string(), time: t.timestamp() } }),
 *   at: 'time',
 *   key: 'user',
 * })
 *
 * @throws PlatformError `plan.*`
 */
export function source<
  const At extends string,
  C extends Placed<At, Key>,
  const Key extends string = never,
>(name: string, options: SourceOptions<C, At, Key>): Stream<C, At> {
  const { format, at, key = [], ties = [], aheadMax, ...rest } = { ...DEFAULTS, ...options }
  const { raw, mapping } = format
  const record = refsOf<Columns & RecordColumns>([...raw, ...rules.RECORD_COLUMNS], `${name}.map`)
  const columns: Named = mapping === undefined ? identity(raw) : mapping(record, recordIds(name))
  const schema = Object.entries(columns).map(([column, value]) => {
    const { type } = value.expression
    const always = isRequired(value)
    return Object.freeze({ name: column, type: always ? rules.withNull(type, false) : type })
  })
  const spec: SourceSpec = Object.freeze({
    name,
    format: format.spec,
    raw,
    schema: Object.freeze(schema),
    map: Object.freeze(Object.values(columns).map(({ expression }) => expression)),
    at,
    key: listed(key),
    ties: listed(ties),
    disorderUs: micros(rest.disorder, 'disorder'),
    latenessUs: micros(rest.lateness, 'lateness'),
    skewMaxUs: micros(rest.skewMax, 'skewMax'),
    aheadMaxUs: aheadMax === undefined ? null : micros(aheadMax, 'aheadMax'),
    partitions: rest.partitions,
    recordBytesMax: rest.recordBytesMax,
    schemaVersion: rest.schemaVersion,
  })
  rules.checkSource(spec)
  const operator = { op: 'source', source: name, schema: spec.schema, at, ties: spec.ties } as const
  return new Stream({ operator, sources: new Map([[name, spec]]), functions: new Map() })
}
