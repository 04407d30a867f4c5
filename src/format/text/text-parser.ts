/** The contract of a parser of field text. */

import type { BatchColumn } from '#columns'

/**
 * Why a text is no value of its type; '' where it is. `type`: not of its form at all. `range`: a
 * number or time that the type cannot hold. `scale`: more fraction digits than the type has.
 * `enum`: none of the values.
 */
export type TextFault = '' | 'type' | 'range' | 'scale' | 'enum'

/**
 * Writes the value of `bytes[start … end)` to row `row` of `column`; on a fault the row is as it
 * was or undefined. Text columns point at `start`, so `bytes` are those of the batch's arena. That
 * they are valid UTF-8 is the caller's affair (one `isUtf8` a batch). May read 64 bytes beyond `end`.
 */
export type TextParser = (
  bytes: Uint8Array,
  start: number,
  end: number,
  column: BatchColumn,
  row: number,
) => TextFault
