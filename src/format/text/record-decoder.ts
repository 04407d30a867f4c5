/** What a format gives `compileCodec`: records as text in a batch's arena in, raw columns out. */

import type { Batch } from '#columns'
import type { Reject } from '../codec.ts'
import type { RecordSpans } from '../json-decoder.ts'

export interface RecordDecoder {
  /** Records decoded, and of them those that took a slow path, since it was made. */
  readonly stats: { readonly rows: number; readonly fallbackRows: number }
  /**
   * Decodes `spans`, whose text begins at the arena's start and stands side by side, into rows
   * 0 … count of `batch`: fills the columns of `raw`, sets `length`, selects the accepted rows and
   * appends to `rejects` in row order, at most one a row. Rejected rows are null in every column.
   * `headers` are those of the log block. May append to the arena.
   */
  decode(
    batch: Batch,
    spans: RecordSpans,
    rejects: Reject[],
    headers: Readonly<Record<string, string>>,
  ): void
}
