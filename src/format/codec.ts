/**
 * What a compiled source gives the engine and the feeds: records of a log block in, a batch out.
 * (Contract; the implementation is `compileCodec`.)
 */

import type { Batch } from '#columns'
import type { Schema } from '#plan'
import type { LogBlock } from '#ports'

/** A record that cannot be used. Data, not an exception. */
export interface Reject {
  /** Row of the batch, which is the record's place in the decoded range. */
  readonly row: number
  /** `json.syntax`, `csv.columns`, `map.<column>`, `event.future` …: the list is in docs/errors.md. */
  readonly reason: string
  /** Field, column or place within the record; empty where it is the whole. */
  readonly path: string
  readonly message: string
}

export interface Codec {
  readonly schema: Schema
  /** Rejects of the last `decode`, by row. */
  readonly rejects: readonly Reject[]
  /** Records decoded, and of them those that took the slow path, since it was made. */
  readonly stats: { readonly rows: number; readonly fallbackRows: number }
  /**
   * Decodes records `from … to` of `block` into `batch`, which it clears first: one row a record,
   * row r being record `from + r`; the accepted ones are selected. Fills the columns, `at`,
   * `offset` and `index` (0), and leaves `origin` to the caller.
   */
  decode(block: LogBlock, from: number, to: number, batch: Batch): void
}
