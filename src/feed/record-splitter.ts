/**
 * Text into records, in bounded memory: lines, or CSV records, whose quoted fields may hold line
 * ends.
 *
 * Text is collected in one window, in which line ends are found with `indexOf`; each record is then
 * copied once, to the stage that the caller drains. A record that outgrows `RECORD_BYTES_MAX` is
 * hashed as it goes by, and only its first part is kept. A quote opens a field at its start only,
 * exactly as the CSV reader has it, so that a stray quote inside a field cannot swallow lines; an
 * opening quote that is never closed makes the rest of the file one bad record, as RFC 4180 has it.
 */

import { createHash, type Hash } from 'node:crypto'
import { BATCH_ROWS_MAX, OVERSIZE_KEPT_BYTES, RECORD_BYTES_MAX } from '#base'
import type { LargeSummary, RecordStage } from './record-stage.ts'

const LF = 10
const CR = 13
const WINDOW_BYTES = 2 * 1024 * 1024
const NO_BYTE = -1

/** Where in a CSV record the scan stands. */
const FIELD_START = 0
const PLAIN = 1
const QUOTED = 2
const BEHIND_QUOTE = 3

export interface SplitRules {
  /** Of CSV, whose quoted fields may hold line ends; undefined where a line is a record. */
  readonly csv?: { readonly quote: string; readonly delimiter: string } | undefined
}

export class RecordSplitter {
  /** Empty lines passed over. */
  blankLines = 0
  /** Records that begin at or before this line are passed over. */
  skipThroughLine = 0
  private readonly quote: number
  private readonly delimiter: number
  private window = Buffer.allocUnsafe(WINDOW_BYTES)
  /** `window[at … end)` is the text not yet taken; the record at `at` was scanned up to `scanned`. */
  private at = 0
  private end = 0
  private scanned = 0
  private text = this.window.subarray(0, 0)
  private place = FIELD_START
  /** Line of the text at `at`, and line ends within the record found so far. */
  private line = 1
  private lineEnds = 0
  /** Next quote at or behind `at`: where known. */
  private nextQuote = -1
  private begun = false
  private ended = false
  private large: LargeRecord | undefined

  constructor(rules: SplitRules) {
    const { csv } = rules
    const quoted = csv !== undefined && csv.quote !== ''
    this.quote = quoted ? csv.quote.charCodeAt(0) : NO_BYTE
    this.delimiter = quoted ? csv.delimiter.charCodeAt(0) : NO_BYTE
  }

  /** Adds text; `chunk` may be reused afterwards. Call `take` until it gives false before. */
  push(chunk: Uint8Array): void {
    const rest = this.end - this.at
    if (this.end + chunk.length > this.window.length) {
      const needed = rest + chunk.length
      const target =
        needed > this.window.length ? Buffer.allocUnsafe(Math.max(needed, rest * 2)) : this.window
      this.window.copy(target, 0, this.at, this.end)
      this.window = target
      this.scanned -= this.at
      this.at = 0
      this.end = rest
    }
    this.window.set(chunk, this.end)
    this.end += chunk.length
    this.text = this.window.subarray(0, this.end)
    this.nextQuote = -1
    if (!this.begun && this.end >= 3) this.begin()
  }

  /** Says that no text follows: the rest is the last record. */
  finish(): void {
    this.ended = true
    if (!this.begun) this.begin()
  }

  /** Passes a byte-order mark. */
  private begin(): void {
    this.begun = true
    const { text } = this
    if (text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf) {
      this.at = 3
      this.scanned = 3
    }
  }

  /** Moves records to `stage`; true where it must be drained, false where more text is needed. */
  take(stage: RecordStage, recordsMax: number = BATCH_ROWS_MAX): boolean {
    while (this.begun) {
      if (stage.count >= recordsMax || stage.full || stage.large !== undefined) return true
      const stop = this.quote === NO_BYTE ? this.lineEnd() : this.csvEnd()
      if (stop < 0) {
        this.watchSize()
        return this.ended ? this.takeLast(stage) : false
      }
      this.takeRecord(stage, stop)
      this.at = stop + 1
      this.scanned = this.at
      this.line += this.lineEnds + 1
      this.lineEnds = 0
      this.place = FIELD_START
    }
    return false
  }

  private lineEnd(): number {
    const stop = this.text.indexOf(LF, this.scanned)
    if (stop < 0) this.scanned = this.end
    return stop
  }

  /** Where the CSV record at `at` ends; a record without quotes is a line. */
  private csvEnd(): number {
    if (this.scanned === this.at) {
      if (this.nextQuote < this.at) {
        const next = this.text.indexOf(this.quote, this.at)
        this.nextQuote = next < 0 ? this.end : next
      }
      const stop = this.text.indexOf(LF, this.at)
      if (stop >= 0 && this.nextQuote > stop) return stop
      this.scanned = this.nextQuote
      const first = this.scanned === this.at || this.text[this.scanned - 1] === this.delimiter
      this.place = first ? FIELD_START : PLAIN
    }
    return this.scanCsv()
  }

  /** Walks the record from where the last walk stopped; where it ends, −1 where it does not yet. */
  private scanCsv(): number {
    const { text, quote, delimiter, end } = this
    let { place, lineEnds, scanned: at } = this
    let byte = 0
    while (at < end) {
      if (place === QUOTED) {
        for (; at < end; at++) {
          byte = text[at] as number
          if (byte === quote) break
          if (byte === LF) lineEnds++
        }
        if (at === end) break
        place = BEHIND_QUOTE
        at++
        continue
      }
      byte = text[at] as number
      if (place === PLAIN)
        while (byte !== LF && byte !== delimiter && ++at < end) byte = text[at] as number
      if (at === end || byte === LF) break
      place = byte === delimiter ? FIELD_START : byte === quote ? QUOTED : PLAIN
      at++
    }
    this.place = place
    this.lineEnds = lineEnds
    this.scanned = at
    return at < end ? at : -1
  }

  private takeRecord(stage: RecordStage, stop: number): void {
    const last = stop > this.at && this.window[stop - 1] === CR ? stop - 1 : stop
    const { large } = this
    if (large === undefined && last - this.at <= RECORD_BYTES_MAX) {
      if (last === this.at) this.blankLines++
      else if (this.line > this.skipThroughLine) stage.add(this.window, this.at, last, this.line)
      return
    }
    const record = large ?? new LargeRecord()
    record.update(this.window.subarray(this.at, stop))
    this.large = undefined
    if (this.line > this.skipThroughLine) stage.large = record.finish(this.line)
  }

  /** Hashes and lets go of the text of a record that is too large to be kept. */
  private watchSize(): void {
    if (this.large === undefined && this.end - this.at <= RECORD_BYTES_MAX) return
    this.large ??= new LargeRecord()
    this.large.update(this.window.subarray(this.at, this.end))
    this.at = this.end
    this.scanned = this.end
  }

  private takeLast(stage: RecordStage): boolean {
    const none = this.at === this.end && this.large === undefined
    if (!none) this.takeRecord(stage, this.end)
    this.at = this.end
    this.scanned = this.end
    this.line += 1
    return !none || stage.count > 0
  }
}

/** A record over the limit: its first part, its length and its hash, without its line end. */
class LargeRecord {
  private readonly hash: Hash = createHash('sha256')
  private readonly kept: Buffer = Buffer.alloc(OVERSIZE_KEPT_BYTES)
  private bytes = 0
  /** Whether a CR was held back that may belong to the line end. */
  private held = false

  update(part: Uint8Array): void {
    if (part.length === 0) return
    if (this.held) this.add(Buffer.of(CR))
    this.held = part.at(-1) === CR
    this.add(this.held ? part.subarray(0, -1) : part)
  }

  private add(part: Uint8Array): void {
    if (this.bytes < this.kept.length) {
      this.kept.set(part.subarray(0, this.kept.length - this.bytes), this.bytes)
    }
    this.hash.update(part)
    this.bytes += part.length
  }

  finish(line: number): LargeSummary {
    return { line, kept: this.kept, bytes: this.bytes, sha256: this.hash.digest('hex') }
  }
}
