/**
 * What one file of a user declares: sources, tables, pipelines, as plain data. The functions of
 * `process` are the only code in it, and stand aside by name.
 */

import type { Expression } from './expression.ts'
import type { Operator } from './operator.ts'
import type { Row, Schema, Value } from './type.ts'

/** How the bytes of a record become `raw` columns. */
export type FormatSpec =
  /** One JSON object a record. `raw` names its fields; a path `a.b` reaches into nested objects. */
  | {
      readonly kind: 'json'
      readonly fields: readonly JsonField[]
      /** Fields that are not declared: skipped (default) or a dead letter. */
      readonly unknown: 'skip' | 'reject'
    }
  | {
      readonly kind: 'csv'
      /** One byte: `,` or tab. */
      readonly delimiter: string
      /** Names from the first line, or the columns of `raw` in order where there is none. */
      readonly header: boolean
      readonly quote: string
      /** What stands for null, besides an empty field that is not quoted. */
      readonly nulls: readonly string[]
      /** Parsing of raw columns that need more than their type, by column. */
      readonly parse: Readonly<Record<string, ParseSpec>>
    }
  /** Text by pattern: `%{name}` fields between literal text, as in `%{ip} - [%{time}] "%{request}"`. */
  | {
      readonly kind: 'log'
      readonly pattern: string
      readonly nulls: readonly string[]
      readonly parse: Readonly<Record<string, ParseSpec>>
    }

/** How text becomes a timestamp or date where ISO 8601 is not it. */
export interface ParseSpec {
  /**
   * `unix_s` (fraction allowed), `unix_ms`, `unix_us`, `unix_ns`, or a pattern of `yyyy MM dd HH mm
   * ss SSSSSS MMM Z` and literal text, as in `yyyy-MM-dd HH:mm:ss 'UTC'`; UTC where it has no zone.
   */
  readonly time: string
}

/** A field of a JSON record, and where it goes. Order is the producer's usual one. */
export interface JsonField {
  /** Key path in the object, outermost first. */
  readonly path: readonly string[]
  /** Column of `raw`. */
  readonly column: string
  /** Whether the key may be absent: null then. A JSON null counts as absent. */
  readonly optional: boolean
  readonly parse?: ParseSpec
  readonly rules?: FieldRules
}

/** What a valid value obeys, beyond its type; the JSON Schema keywords of the same meaning. */
export interface FieldRules {
  readonly lengthMin?: number
  readonly lengthMax?: number
  /** For numbers and decimals, inclusive. */
  readonly min?: number
  readonly max?: number
  /** An ECMAScript pattern without look-around or back-references, at most 200 characters. */
  readonly pattern?: string
}

export interface SourceSpec {
  /** Name of the source and of its topic: `^[a-z][a-z0-9_.-]*$`, at most 128. */
  readonly name: string
  readonly format: FormatSpec
  /** What the format gives. */
  readonly raw: Schema
  /** The row type after `map`. */
  readonly schema: Schema
  /**
   * One expression per column of `schema`, over the columns of `raw` and the record's own `_file`
   * (string), `_line` (int64, 1-based), `_offset` (int64), `_partition` (int32),
   * `_appended` (timestamp). Null in a column that is not nullable is a dead letter `map.<column>`.
   */
  readonly map: readonly Expression[]
  /** Event time: a `timestamp` column of `schema`, not null. */
  readonly at: string
  /** Columns whose values place a record in a partition; none places it by its bytes. */
  readonly key: readonly string[]
  readonly ties: readonly string[]
  readonly disorderUs: number
  readonly latenessUs: number
  /** How far `at` may lie ahead of `appendedAt`; beyond is a dead letter `event.future`. */
  readonly skewMaxUs: number
  /** How far a partition may run ahead of the slowest of the plan; Infinity is null. */
  readonly aheadMaxUs: number | null
  readonly partitions: number
  readonly recordBytesMax: number
  readonly schemaVersion: string
}

export interface TableSpec {
  /** `^[a-z][a-z0-9_]*$`, at most 64. */
  readonly name: string
  readonly schema: Schema
  /**
   * Columns that identify a row. With them the table holds the current row per key (upserts and
   * tombstones); without them it is append-only, and the plan may never take a row back.
   */
  readonly key: readonly string[]
  /** Sorting key of the store, where it is not `key`. */
  readonly orderBy: readonly string[]
  readonly partitionBy: { readonly column: string; readonly unit: 'day' | 'month' } | null
  /** Columns compared to 1e-12 × Σ|x| instead of byte for byte. */
  readonly approximate: readonly string[]
}

/**
 * When a row that may still change is written: on each epoch that changed it, when the watermark
 * passes its end, or once settled. Never what is settled.
 */
export type Emit = 'update' | 'closed' | 'settled'

/** A pipeline: an operator tree that ends in a table. */
export interface PipelineSpec {
  readonly table: string
  readonly emit: Emit
  readonly input: Operator
}

/**
 * The function of a `process` operator: one row in, the key's state changed in place, rows out.
 * No clock, no randomness, no I/O.
 */
export type ProcessFunction = (
  row: Row,
  state: Record<string, Value>,
  emit: (row: Row) => void,
) => void

/** An application as plain data, and the functions of its `process` operators by name. */
export interface Application {
  readonly name: string
  readonly version: string
  readonly sources: readonly SourceSpec[]
  readonly tables: readonly TableSpec[]
  readonly pipelines: readonly PipelineSpec[]
  readonly functions: Readonly<Record<string, ProcessFunction>>
}
