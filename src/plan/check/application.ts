/**
 * Checks an application that comes as data: every member, name, type, bound and expression.
 *
 * What passes means something to every runner. The builder's applications pass here too, so that
 * there is one law for both.
 */

import { PARTITIONS_MAX, PlatformError, RECORD_BYTES_MAX, timeText } from '#base'
import { keyable } from '../aggregates.ts'
import type {
  Application,
  FormatSpec,
  JsonField,
  ParseSpec,
  PipelineSpec,
  ProcessFunction,
  SourceSpec,
  TableSpec,
} from '../application.ts'
import { sameType, typeText, withNull } from '../functions/signature.ts'
import type { Operator } from '../operator.ts'
import { findColumn, type Schema } from '../type.ts'
import { checkExpression, expression, typeError, unknownColumn } from './expression.ts'
import { checkTree, mayRetract, pathOf } from './operator.ts'
import { columnNames, durationUs, operatorRule, sourceName } from './operator-shape.ts'
import {
  finite,
  flag,
  integer,
  invalid,
  list,
  matching,
  membersOf,
  object,
  oneOf,
  optional,
  orNull,
  type Rule,
  record,
  tagged,
  text,
} from './shape.ts'
import { columnName, ownName, schema } from './value.ts'

const SOURCES_MAX = 100
const TABLES_MAX = 1_000
const FIELDS_MAX = 1_000
const PATTERN_LENGTH_MAX = 200

/** Tables of the platform itself. */
const RESERVED_TABLES: ReadonlySet<string> = new Set(['rejected_records', 'committed_epochs'])

/** Columns that every record has besides those of its format, for `map`. */
export const RECORD_COLUMNS: Schema = [
  { name: '_file', type: { kind: 'string', nullable: true } },
  { name: '_line', type: { kind: 'int64', nullable: true } },
  { name: '_offset', type: { kind: 'int64' } },
  { name: '_partition', type: { kind: 'int32' } },
  { name: '_appended', type: { kind: 'timestamp' } },
]

const timeForm: Rule<string> = (value, place) => {
  const form = text(value, place)
  timeText(form)
  return form
}
const parse: Rule<ParseSpec> = object({ time: timeForm })

const pattern: Rule<string> = (value, place) => {
  const source = text(value, place)
  if (source.length > PATTERN_LENGTH_MAX || /\(\?<?[=!]|\\[1-9k]/.test(source)) {
    throw invalid(
      place,
      'a pattern has no look-around or back-reference, and at most 200 characters',
    )
  }
  try {
    new RegExp(source, 'u')
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw invalid(place, `"${source}" is no pattern`)
  }
  return source
}

const jsonField: Rule<JsonField> = object({
  path: list(text, 64, 1),
  column: ownName,
  optional: flag,
  parse: optional(parse),
  rules: optional(
    object({
      lengthMin: optional(integer(0, RECORD_BYTES_MAX)),
      lengthMax: optional(integer(0, RECORD_BYTES_MAX)),
      min: optional(finite),
      max: optional(finite),
      pattern: optional(pattern),
    }),
  ),
})

const nulls = list(text, 100)
const format: Rule<FormatSpec> = tagged('kind', {
  json: object({
    kind: oneOf('json'),
    fields: list(jsonField, FIELDS_MAX, 1),
    unknown: oneOf('skip', 'reject'),
  }),
  csv: object({
    kind: oneOf('csv'),
    delimiter: matching('one byte', /^[\x20-\x7e\t]$/, 1),
    header: flag,
    quote: matching('one byte', /^[\x20-\x7e]$/, 1),
    nulls,
    parse: record(parse),
  }),
  log: object({ kind: oneOf('log'), pattern: text, nulls, parse: record(parse) }),
})

const source: Rule<SourceSpec> = object({
  name: sourceName,
  format,
  raw: schema,
  schema,
  map: list(expression, FIELDS_MAX, 1),
  at: columnName,
  key: columnNames,
  ties: columnNames,
  disorderUs: durationUs,
  latenessUs: durationUs,
  skewMaxUs: durationUs,
  aheadMaxUs: orNull(durationUs),
  partitions: integer(1, PARTITIONS_MAX),
  recordBytesMax: integer(1, RECORD_BYTES_MAX),
  schemaVersion: matching('a version', /^[\x21-\x7e]+$/, 64),
})

const table: Rule<TableSpec> = object({
  name: matching('a table name', /^[a-z][a-z0-9_]*$/, 64),
  schema,
  key: columnNames,
  orderBy: columnNames,
  partitionBy: orNull(object({ column: columnName, unit: oneOf('day', 'month') })),
  approximate: columnNames,
})

function functions(value: unknown, place: string): Readonly<Record<string, ProcessFunction>> {
  const entries = Object.entries(membersOf(value, place))
  for (const [name, entry] of entries) {
    if (typeof entry !== 'function') throw invalid(`${place}.${name}`, 'wanted a function')
  }
  return Object.freeze(Object.fromEntries(entries)) as Readonly<Record<string, ProcessFunction>>
}

function shapeApplication(data: unknown): Application {
  const operator = operatorRule()
  const pipeline: Rule<PipelineSpec> = object({
    table: text,
    emit: oneOf('update', 'closed', 'settled'),
    input: (value, place): Operator => operator(value, place),
  })
  return object({
    name: matching('an application name', /^[a-z][a-z0-9_-]*$/, 64),
    version: matching('a version', /^[\x21-\x7e]+$/, 64),
    sources: list(source, SOURCES_MAX, 1),
    tables: list(table, TABLES_MAX, 1),
    pipelines: list(pipeline, TABLES_MAX, 1),
    functions,
  })(data, 'application')
}

function unique(names: readonly string[], what: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalid('application', `two ${what} are named "${twice}"`)
}

function needColumns(columns: readonly string[], schema: Schema, place: string): void {
  for (const name of columns) {
    if (findColumn(schema, name) === undefined) throw unknownColumn(name, schema, place)
  }
}

function checkKeys(columns: readonly string[], schema: Schema, place: string): void {
  needColumns(columns, schema, place)
  for (const name of columns) {
    const type = findColumn(schema, name)?.type
    if (type !== undefined && !keyable(type)) {
      throw typeError(place, `"${name}" is ${typeText(type)}, which is no key`)
    }
  }
}

function checkFormat({ name, format, raw }: SourceSpec): void {
  const place = `${name}.format`
  const columns = format.kind === 'json' ? format.fields.map(({ column }) => column) : []
  needColumns(columns, raw, place)
  unique(columns, `fields of "${name}"`)
  if (format.kind === 'json') {
    const filled = new Set(columns)
    const empty = raw.find(column => !filled.has(column.name))
    if (empty !== undefined) throw invalid(place, `no field gives the column "${empty.name}"`)
    for (const { column, optional } of format.fields) {
      if (!optional || findColumn(raw, column)?.type.nullable === true) continue
      throw typeError(place, `the field of "${column}" is optional and its column not nullable`)
    }
    return
  }
  needColumns(Object.keys(format.parse), raw, place)
  if (format.kind !== 'log') return
  const names = [...format.pattern.matchAll(/%\{([^}]*)\}/g)].map(([, field = '']) => field)
  needColumns(names, raw, place)
  const missing = raw.find(column => !names.includes(column.name))
  if (missing !== undefined) throw invalid(place, `the pattern has no field "${missing.name}"`)
}

/**
 * The source that `canonicalJson` wrote, values and all.
 *
 * @throws PlatformError `plan.*` where it is none
 */
export function readSource(json: string): SourceSpec {
  let data: unknown
  try {
    data = JSON.parse(json)
  } catch (cause) {
    throw new PlatformError('plan.invalid', 'a recorded source is no JSON', { cause })
  }
  const read = source(data, 'source')
  checkSource(read)
  return read
}

/** @throws PlatformError `plan.*` */
export function checkSource(source: SourceSpec): void {
  const { name, raw, map, at, key, ties } = source
  checkFormat(source)
  const given = [...raw, ...RECORD_COLUMNS]
  const reserved = raw.find(column => column.name.startsWith('_'))
  if (reserved !== undefined) throw invalid(name, `column "${reserved.name}" begins with "_"`)
  if (map.length !== source.schema.length) {
    throw invalid(`${name}.map`, `${map.length} expressions for ${source.schema.length} columns`)
  }
  for (const [index, column] of source.schema.entries()) {
    const place = `${name}.map.${column.name}`
    const mapped = map[index]
    if (mapped === undefined) continue
    checkExpression(mapped, given, place)
    if (!sameType(withNull(mapped.type, false), withNull(column.type, false))) {
      throw typeError(
        place,
        `the expression is ${typeText(mapped.type)}, not ${typeText(column.type)},`,
      )
    }
  }
  const time = findColumn(source.schema, at)
  if (time === undefined) throw unknownColumn(at, source.schema, `${name}.at`)
  if (time.type.kind !== 'timestamp' || time.type.nullable === true) {
    throw typeError(`${name}.at`, `event time "${at}" is ${typeText(time.type)}, not timestamp,`)
  }
  checkKeys(key, source.schema, `${name}.key`)
  checkKeys(ties, source.schema, `${name}.ties`)
}

/** @throws PlatformError `plan.*` */
export function checkTable({
  name,
  schema,
  key,
  orderBy,
  partitionBy,
  approximate,
}: TableSpec): void {
  if (RESERVED_TABLES.has(name)) throw invalid(name, 'this table is the platform’s own')
  const reserved = schema.find(column => column.name.startsWith('_'))
  if (reserved !== undefined) throw invalid(name, `column "${reserved.name}" begins with "_"`)
  checkKeys(key, schema, `${name}.key`)
  checkKeys(orderBy, schema, `${name}.orderBy`)
  needColumns(approximate, schema, `${name}.approximate`)
  for (const column of approximate) {
    if (findColumn(schema, column)?.type.kind === 'float64') continue
    throw typeError(`${name}.approximate`, `"${column}" is no float64`)
  }
  if (partitionBy === null) return
  const column = findColumn(schema, partitionBy.column)
  if (column === undefined) throw unknownColumn(partitionBy.column, schema, `${name}.partitionBy`)
  if (column.type.kind !== 'timestamp' && column.type.kind !== 'date') {
    throw typeError(`${name}.partitionBy`, `"${column.name}" is no timestamp or date`)
  }
}

/**
 * Whether rows of a pipeline fit its table: the table's columns first, in order. Columns behind
 * them are not written; they are there where the event time is no column of the table.
 */
export function checkPipeline({ input, emit }: PipelineSpec, table: TableSpec): void {
  const place = `table "${table.name}" from ${pathOf(input)}`
  for (const [index, { name, type }] of table.schema.entries()) {
    const own = input.schema[index]
    if (own?.name !== name) throw unknownColumn(name, input.schema, place)
    const widened = withNull(own.type, type.nullable === true || own.type.nullable === true)
    if (sameType(widened, type)) continue
    throw typeError(place, `column "${name}" is ${typeText(own.type)}, not ${typeText(type)},`)
  }
  if (table.key.length > 0 || emit === 'settled' || !mayRetract(input)) return
  throw invalid(
    place,
    'rows that may be taken back go into a table without a key',
    "Give the table a key, or emit 'settled'.",
  )
}

/**
 * An application from data: checked, frozen, of known members only. `data` is plain data as
 * `canonicalJson` writes it, or with bigint and bytes as they are; functions are passed through.
 *
 * @throws PlatformError `plan.invalid`, `plan.unknown_column`, `plan.type`, with the place
 */
export function checkApplication(data: unknown): Application {
  const application = shapeApplication(data)
  const { sources, tables, pipelines } = application
  unique(
    sources.map(({ name }) => name),
    'sources',
  )
  unique(
    tables.map(({ name }) => name),
    'tables',
  )
  for (const source of sources) checkSource(source)
  for (const table of tables) checkTable(table)
  const done = new Set<Operator>()
  const fed = new Set<string>()
  for (const pipeline of pipelines) {
    const table = tables.find(({ name }) => name === pipeline.table)
    if (table === undefined)
      throw invalid('application', `no table "${pipeline.table}" is declared`)
    if (fed.has(table.name) && table.key.length > 0) {
      throw invalid(
        'application',
        `two pipelines feed "${table.name}", which has a key`,
        'Unite them with union.',
      )
    }
    fed.add(table.name)
    checkTree(pipeline.input, application, done)
    checkPipeline(pipeline, table)
  }
  const empty = tables.find(({ name }) => !fed.has(name))
  if (empty !== undefined)
    throw invalid('application', `no pipeline feeds the table "${empty.name}"`)
  return application
}
