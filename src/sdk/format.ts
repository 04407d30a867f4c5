/** How the records of a source look: JSON lines, separated values, log lines by a pattern. */

import { PlatformError } from '#base'
import type { FormatSpec, JsonField, ParseSpec, Schema } from '#plan'
import type { Columns, Declared, DeclaredColumns, Flat, Tag, TagsOf } from './column-type.ts'
import type { Mapped, Named, NamedTags, Refs, Typed } from './expression.ts'

/** What every record has besides its fields. */
export interface RecordColumns {
  /** Base name of the file; null where the record came otherwise. */
  readonly _file: Tag<'string', true, never>
  /** Line in the decompressed text, from 1. */
  readonly _line: Tag<'int64', true, never>
  readonly _offset: Tag<'int64', false, never>
  readonly _partition: Tag<'int32', false, never>
  /** When the log took the record: knowledge time. */
  readonly _appended: Tag<'timestamp', false, never>
}

/** Deterministic ids of a source's records: uuidv5 of an array that begins with its name. */
export interface RecordIds {
  /** Of the source, the file's base name and the line: every line of a file has its own. */
  fromLine(): Mapped<Tag<'uuid', false, never>>
  /** Of the source and a natural key: records of one key have one id. */
  fromKey(...parts: readonly [Typed, ...Typed[]]): Mapped<Tag<'uuid', false, never>>
}

/** The columns of a row, from those of a record. */
export type Mapping = (record: Refs<Columns & RecordColumns>, id: RecordIds) => Named

/** What records look like, and the columns of the rows they become. */
export interface Format<C extends Columns = Columns> {
  readonly spec: FormatSpec
  /** Columns as they are read. */
  readonly raw: Schema
  /** How they become columns of rows; undefined where they are the same. */
  readonly mapping: Mapping | undefined
  /** Never there; carries the tags. */
  readonly columns?: C
}

/** A format as it is read. */
export interface RawFormat<R extends Columns> extends Format<R> {
  /**
   * The same records as rows of other columns. A record that gives null where `orReject` says so
   * is a dead letter.
   *
   * @example csv({ columns }).map((r, id) => ({ id: id.fromLine(), total: r.price.mul(r.count), at: r.at }))
   */
  map<M extends Named>(
    columns: (record: Refs<R & RecordColumns>, id: RecordIds) => M,
  ): Format<Flat<NamedTags<M>>>
}

function format<R extends Columns>(spec: FormatSpec, columns: DeclaredColumns): RawFormat<R> {
  const raw = schemaOf(columns)
  const given = Object.freeze(spec)
  return Object.freeze({
    spec: given,
    raw,
    mapping: undefined,
    map: (mapping: unknown) => Object.freeze({ spec: given, raw, mapping: mapping as Mapping }),
  })
}

export interface SeparatedOptions<D extends DeclaredColumns> {
  /** By name where there is a header, in order where there is none. */
  readonly columns: D
  /** Whether the first line of a file names its columns (default true). */
  readonly header?: boolean
  readonly quote?: string
  /** What stands for null, besides an empty field that is not quoted. */
  readonly nulls?: readonly string[]
}

/** Declared columns as a schema, in the order they are written. */
export function schemaOf(columns: DeclaredColumns): Schema {
  return Object.freeze(
    Object.entries(columns).map(([name, { type }]) => Object.freeze({ name, type })),
  )
}

function parseOf(columns: DeclaredColumns): Readonly<Record<string, ParseSpec>> {
  const entries = Object.entries(columns).flatMap(([name, { parse }]) =>
    parse === undefined ? [] : [[name, parse] as const],
  )
  return Object.freeze(Object.fromEntries(entries))
}

/** Rules and paths belong to JSON; elsewhere they would be ignored, and are refused. */
function plain(columns: DeclaredColumns, format: string): void {
  for (const [name, { rules, path }] of Object.entries(columns)) {
    if (path === undefined && Object.keys(rules ?? {}).length === 0) continue
    throw new PlatformError('plan.unsupported', `${format} column "${name}" has rules or a path`, {
      hint: 'Only fields of JSON have them; filter the rows instead.',
    })
  }
}

function separated<D extends DeclaredColumns>(
  delimiter: string,
  { columns, header = true, quote = '"', nulls = [] }: SeparatedOptions<D>,
): RawFormat<TagsOf<D>> {
  plain(columns, 'csv')
  const parse = parseOf(columns)
  return format({ kind: 'csv', delimiter, header, quote, nulls, parse }, columns)
}

/** Comma-separated values, quoted as RFC 4180 says. */
export function csv<D extends DeclaredColumns>(options: SeparatedOptions<D>): RawFormat<TagsOf<D>> {
  return separated(',', options)
}

/** Tab-separated values. */
export function tsv<D extends DeclaredColumns>(options: SeparatedOptions<D>): RawFormat<TagsOf<D>> {
  return separated('\t', options)
}

function jsonField([column, { type, parse, rules, path }]: [string, Declared]): JsonField {
  return Object.freeze({
    path: path ?? [column],
    column,
    optional: type.nullable === true,
    ...(parse && { parse }),
    ...(rules && Object.keys(rules).length > 0 && { rules }),
  })
}

export interface JsonLinesOptions<D extends DeclaredColumns> {
  /** Fields by the column they become; `t.int64().from('user.id')` reaches into objects. */
  readonly columns: D
  /** What becomes of records with other fields: the fields are skipped (default), or all of it. */
  readonly unknown?: 'skip' | 'reject'
}

/** One JSON object a line. A field whose column is nullable may be absent. */
export function jsonLines<D extends DeclaredColumns>({
  columns,
  unknown = 'skip',
}: JsonLinesOptions<D>): RawFormat<TagsOf<D>> {
  const fields = Object.freeze(Object.entries(columns).map(jsonField))
  return format({ kind: 'json', fields, unknown }, columns)
}

/**
 * Lines of text by a pattern of literal text and `%{column}` fields.
 *
 * @example logLines('%{ip} - - [%{time}] "%{request}" %{status}', { ip: t.ipv4(), … })
 */
export function logLines<D extends DeclaredColumns>(
  pattern: string,
  columns: D,
  { nulls = ['-'] }: { readonly nulls?: readonly string[] } = {},
): RawFormat<TagsOf<D>> {
  plain(columns, 'log')
  return format({ kind: 'log', pattern, nulls, parse: parseOf(columns) }, columns)
}
