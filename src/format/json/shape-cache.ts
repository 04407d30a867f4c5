/**
 * The shapes that are known, each with its generated decoder, and how others are learned.
 *
 * A record that the slow path accepted is observed. Where its shape fits one that is known they are
 * merged (a new key of the producer); else it is a new one, in place of the least used where all
 * places are taken. A shape is compiled only when enough records asked for it, and the more often
 * there was compiling the more records it takes, so that no input can make it compile all the time.
 */

import type { Batch, BatchColumn } from '#columns'
import type { Schema } from '#plan'
import { compileTextParser } from '../text-value.ts'
import { type FieldObject, leavesOf } from './fields.ts'
import type { JsonNode } from './reader.ts'
import { compileShape, type RunTools, type ShapeRun } from './row-source.ts'
import { TimeScanner } from './scan-time.ts'
import { declaredShape, mergeShapes, type ObjectShape, observeShape } from './shape.ts'
import { withinRules } from './truth.ts'

/** Shapes that are known at once. */
export const SHAPES_MAX = 8
/** Records of a shape that the slow path takes before it is compiled for the first time. */
const LEARN_AFTER = 16
/** Use that a shape can save up against being replaced. */
const USE_MAX = 64

interface Known {
  shape: ObjectShape
  run: ShapeRun | undefined
  /** Records of this shape that took the slow path since it was last compiled. */
  waiting: number
  use: number
}

export class ShapeCache {
  readonly #root: FieldObject
  readonly #raw: Schema
  readonly #tools: RunTools
  readonly #known: Known[] = []
  /** Those of `#known` that have a decoder. */
  #ready: Known[] = []
  #current = 0
  #compiled = 0

  constructor(root: FieldObject, raw: Schema) {
    this.#root = root
    this.#raw = raw
    this.#tools = toolsOf(root, raw)
    const shape = declaredShape(root)
    const declared = { shape, run: undefined, waiting: 0, use: USE_MAX }
    this.#known.push(declared)
    this.#compile(declared)
  }

  /** Decodes from `first` on what is of a known shape; returns the first row that is not. */
  run(
    batch: Batch,
    starts: Uint32Array | Int32Array,
    ends: Uint32Array | Int32Array,
    first: number,
    count: number,
    highRefused: number,
  ): number {
    const ready = this.#ready
    let row = first
    let at = this.#current
    for (let failed = 0; failed < ready.length && row < count; failed++) {
      const known = ready[at] as Known
      const run = known.run as ShapeRun
      const next = run(batch, starts, ends, row, count, highRefused)
      if (next > row) {
        row = next
        failed = 0
        known.use = USE_MAX
        this.#current = at
      }
      at = at + 1 < ready.length ? at + 1 : 0
    }
    return row
  }

  /** Observes a record that the slow path accepted. */
  learn(tree: JsonNode, bytes: Uint8Array): void {
    const seen = observeShape(tree, this.#root, bytes)
    if (seen === undefined) return
    for (const known of this.#known) {
      const shape = mergeShapes(known.shape, seen)
      if (shape === undefined) continue
      known.shape = shape
      known.waiting++
      if (known.waiting >= LEARN_AFTER + this.#compiled * this.#compiled) this.#compile(known)
      return
    }
    this.#add(seen)
  }

  #add(shape: ObjectShape): void {
    if (this.#known.length >= SHAPES_MAX) {
      const least = this.#known.reduce((a, b) => (b.use < a.use ? b : a))
      if (--least.use > 0) return
      this.#known.splice(this.#known.indexOf(least), 1)
    }
    this.#known.push({ shape, run: undefined, waiting: 1, use: 1 })
    this.#settle()
  }

  #compile(known: Known): void {
    known.run = compileShape(known.shape, this.#root, this.#raw, this.#tools)
    known.waiting = 0
    this.#compiled++
    this.#settle()
  }

  #settle(): void {
    this.#ready = this.#known.filter(known => known.run !== undefined)
    this.#current = 0
  }
}

function toolsOf(root: FieldObject, raw: Schema): RunTools {
  const parsers: RunTools['parsers'][number][] = raw.map(() => undefined)
  const patterns: RunTools['patterns'][number][] = raw.map(() => undefined)
  const within = raw.map(
    () =>
      (_column: BatchColumn, _row: number): boolean =>
        true,
  )
  for (const leaf of leavesOf(root)) {
    const of = leaf.type.kind === 'array' ? leaf.type.of : leaf.type
    parsers[leaf.column] = compileTextParser(of, leaf.parse)
    within[leaf.column] = (column, row) => withinRules(leaf, column, row)
    if (leaf.rules.pattern !== undefined) {
      patterns[leaf.column] = new RegExp(leaf.rules.pattern, 'u')
    }
  }
  return { parsers, patterns, within, time: new TimeScanner() }
}
