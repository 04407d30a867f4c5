/**
 * The JSON decoder of a format: records that stand in a batch's arena become its rows, decoded and
 * validated in one pass.
 *
 * Each record is first tried with generated decoders, each of which knows one shape (order of keys,
 * white space); what none of them takes goes through the slow path, which alone decides what is
 * rejected and why. Shapes of records that the slow path accepts are learned.
 */

import { isUtf8 } from 'node:buffer'
import type { Batch } from '#columns'
import type { Schema } from '#plan'
import type { Reject } from './codec.ts'
import { fieldTree, type JsonFormat } from './json/fields.ts'
import { ShapeCache } from './json/shape-cache.ts'
import { compileJsonTruth } from './json/truth.ts'

/** Where records stand in an arena: record i is `[starts[i], ends[i])`, ascending. */
export interface RecordSpans {
  readonly starts: Uint32Array | Int32Array
  readonly ends: Uint32Array | Int32Array
  readonly count: number
}

export interface JsonDecoder {
  /**
   * Records decoded, and of them those that took the slow path, since it was made. A rate above
   * 5 % costs: a record of the slow path takes about 10 µs, one of the fast path 0.2.
   */
  readonly stats: { rows: number; fallbackRows: number }
  /**
   * Decodes `spans`, whose text stands in `batch.arena`, into rows 0 … count of `batch`: fills the
   * columns of `raw`, sets `length`, selects the accepted rows and appends to `rejects` in row
   * order. Rejected rows are null in every column. Leaves `at`, `offset` and `index` alone. The
   * batch must have been emptied of rows before. May append to the arena.
   */
  decode(batch: Batch, spans: RecordSpans, rejects: Reject[]): void
}

/** Bytes over 127 are refused by scans where the text is not valid UTF-8. */
const HIGH_REFUSED = -2139062144

/**
 * The decoder of `format` into columns of `raw`; `generated: false` sends every record through the
 * slow path, with the same results.
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
  const shapes = options.generated ? new ShapeCache(root, raw) : undefined
  const stats = { rows: 0, fallbackRows: 0 }

  const slowRow = (batch: Batch, spans: RecordSpans, row: number, rejects: Reject[]): void => {
    stats.fallbackRows++
    const reject = truth.write(batch, row, spans.starts[row] ?? 0, spans.ends[row] ?? 0)
    if (reject !== undefined) {
      rejects.push(reject)
      return
    }
    batch.selection[batch.selected++] = row
    if (truth.tree !== undefined) shapes?.learn(truth.tree, batch.arena.bytes)
  }

  /** Decodes from `first` on what is of a known shape; returns the first row that is not. */
  const fastRows = (batch: Batch, spans: RecordSpans, first: number, refused: number): number => {
    const { starts, ends, count } = spans
    if (shapes === undefined) return first
    // Decoded strings are not longer than their text, so no row can need more than this.
    batch.arena.reserve((ends[count - 1] ?? 0) - (starts[first] ?? 0))
    return shapes.run(batch, starts, ends, first, count, refused)
  }

  return {
    stats,
    decode(batch, spans, rejects) {
      const { starts, ends, count } = spans
      batch.grow(count)
      batch.length = count
      batch.selected = 0
      const text = batch.arena.bytes.subarray(starts[0] ?? 0, ends[count - 1] ?? 0)
      // A record of the fast path begins and ends with a brace, so no character spans two of them.
      const refused = isUtf8(text) ? 0 : HIGH_REFUSED
      for (let row = 0; row < count; row++) {
        const next = fastRows(batch, spans, row, refused)
        for (; row < next; row++) batch.selection[batch.selected++] = row
        if (row < count) slowRow(batch, spans, row, rejects)
      }
      stats.rows += count
    },
  }
}
