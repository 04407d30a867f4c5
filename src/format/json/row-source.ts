/**
 * A decoder of one shape, generated: a function that decodes records into rows until one is of
 * another shape.
 *
 * It predicts: each key is compared as 32-bit constants, a key that may be absent is an `if`, and
 * any surprise leaves the block `ok` and ends the run at that record. The place `p` only grows, so
 * one comparison with the record's end makes sure that no value was read beyond it. Behind the
 * text stand zeros, which no comparison and no scan passes.
 */

import { invariant } from '#base'
import type { Batch, BatchColumn } from '#columns'
import { columnKind } from '#columns'
import type { Schema, Type } from '#plan'
import type { TextParser } from '../text-value.ts'
import { type FieldLeaf, type FieldNode, type FieldObject, leavesOf } from './fields.ts'
import {
  appendBase64,
  codePoints,
  decoded,
  decodeString,
  numberEnd,
  plainEnd,
  skipSpace,
  skipValue,
  trimEnd,
} from './scan.ts'
import type { TimeScanner } from './scan-time.ts'
import type { ObjectShape, ShapeMember } from './shape.ts'
import { differs, NULL_WORD, sourceOfScalar } from './value-source.ts'

/**
 * Decodes records `first …` into their rows; returns the first that is not of its shape, or
 * `count`. `highRefused` is 0 where the text is valid UTF-8, else −2139062144: no byte over 127.
 */
export type ShapeRun = (
  batch: Batch,
  starts: Uint32Array | Int32Array,
  ends: Uint32Array | Int32Array,
  first: number,
  count: number,
  highRefused: number,
) => number

/** What generated code refers to, by column of `raw` where it is a list. */
export interface RunTools {
  readonly parsers: readonly (TextParser | undefined)[]
  readonly within: readonly ((column: BatchColumn, row: number) => boolean)[]
  readonly patterns: readonly (RegExp | undefined)[]
  readonly time: TimeScanner
}

const SCANNERS = {
  appendBase64,
  codePoints,
  decoded,
  decodeString,
  numberEnd,
  plainEnd,
  skipSpace,
  skip: skipValue,
  trimEnd,
  pow: Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`)),
}

/** Makes the run of `shape`; about 2 ms for a shape of 20 fields. */
export function compileShape(
  shape: ObjectShape,
  root: FieldObject,
  raw: Schema,
  tools: RunTools,
): ShapeRun {
  const names = { ...SCANNERS, ...tools }
  const make = new Function(...Object.keys(names), shapeSource(shape, root, raw)) as (
    ...values: unknown[]
  ) => ShapeRun
  return make(...Object.values(names))
}

export function shapeSource(shape: ObjectShape, root: FieldObject, raw: Schema): string {
  const source = new RowSource()
  const body = source.object(shape, 1)
  const seen = new Set(leavesOfShape(shape))
  const absent = leavesOf(root).filter(leaf => !seen.has(leaf))
  const nulls = source.joined(absent.map(nullSource))
  const lists = raw.flatMap(({ type }, column) => (type.kind === 'array' ? [column] : []))
  return `'use strict'
return function run(batch,starts,ends,first,count,hi){
const arena=batch.arena,u8=arena.bytes,dv=arena.view,columns=batch.columns;
${raw.map(({ type }, column) => arraysOf(type, `${column}`, `columns[${column}]`)).join('\n')}
${source.outside}for(let r=first;r<count;r=r+1|0){
let p=starts[r]|0,e=ends[r]|0;
if(u8[p]<33)p=skipSpace(u8,p);
if(u8[e-1]<33)e=trimEnd(u8,p,e);
const used=arena.used;
ok:{
${nulls}${body}if(p!==e)break ok;
${lists.map(id => `k${id}=j${id};t${id}.itemCount=k${id};`).join('')}
continue;}
arena.used=used;
return r;}
return count;}`
}

function leavesOfShape(shape: ObjectShape): FieldLeaf[] {
  return shape.members.flatMap(({ field, shape: inner }) => {
    if (field === undefined) return []
    if (field.kind === 'leaf') return [field]
    return inner === undefined ? [] : leavesOfShape(inner)
  })
}

/** Names for the arrays of a column; lists have those of their items too, and how many there are. */
function arraysOf(type: Type, id: string, column: string): string {
  const of = `const t${id}=${column}`
  switch (columnKind(type)) {
    case 'num':
    case 'wide':
      return `${of},v${id}=t${id}.values;`
    case 'text':
      return `${of},o${id}=t${id}.offsets,l${id}=t${id}.lengths;`
    case 'uuid':
      return `${of},w${id}=t${id}.words,z${id}=t${id}.nulls;`
    case 'list':
      invariant(type.kind === 'array', 'only arrays are lists')
      return `${of},o${id}=t${id}.offsets,l${id}=t${id}.lengths;let k${id}=t${id}.itemCount,j${id}=k${id};
${arraysOf(type.of, `i${id}`, `t${id}.items`)}const m${id}=${capacityOf(type.of, `i${id}`)};`
  }
}

function capacityOf(type: Type, id: string): string {
  const kind = columnKind(type)
  const array = kind === 'text' ? 'l' : kind === 'uuid' ? 'z' : 'v'
  return `${array}${id}.length`
}

/** Makes the row of a leaf's column null. */
function nullSource(leaf: FieldLeaf): string {
  const id = leaf.column
  switch (columnKind(leaf.type)) {
    case 'num':
    case 'wide':
      return `v${id}[r]=NaN;`
    case 'uuid':
      return `z${id}[r]=1;`
    case 'list':
      return `o${id}[r]=0;l${id}[r]=-1;j${id}=k${id};`
    default:
      return `o${id}[r]=0;l${id}[r]=-1;`
  }
}

const nullsOf = (field: FieldNode): string =>
  (field.kind === 'leaf' ? [field] : leavesOf(field)).map(nullSource).join('')

/**
 * Source of one function: V8 does not optimise much longer ones, and then a record takes a hundred
 * times as long (measured with 250 columns). Longer objects are divided into functions of a part.
 */
const FUNCTION_CHARS_MAX = 24_000
const PART_CHARS = 10_000

const encoder = new TextEncoder()
const NULL_TEST = `dv.getInt32(p,true)===${NULL_WORD}`

class RowSource {
  #labels = 0
  /** Functions and variables that stand before the loop. */
  outside = ''

  /** Pieces one after the other; in functions of their own where they are too long for one. */
  joined(pieces: readonly string[]): string {
    const whole = pieces.join('')
    if (whole.length <= FUNCTION_CHARS_MAX) return whole
    let calls = ''
    let part = ''
    const end = (): void => {
      const name = `part${this.#labels++}`
      this.outside += `function ${name}(p,e,r){ok:{${part}return p;}return -1;}\n`
      calls += `p=${name}(p,e,r);if(p<0)break ok;\n`
      part = ''
    }
    for (const piece of pieces) {
      part += piece
      if (part.length > PART_CHARS) end()
    }
    if (part !== '') end()
    return calls
  }

  /** An object that begins at `p`, `depth` deep. */
  object(shape: ObjectShape, depth: number): string {
    const { spacing, members } = shape
    const label = this.#labels++
    const firstRequired = members.findIndex(({ field }) => field?.optional === false)
    const close = `${spacing.close ?? ''}}`
    const head = (separator: string, key: string): Uint8Array =>
      encoder.encode(`${separator}${JSON.stringify(key)}${spacing.colon ?? ':'}`)
    const opened = `{${spacing.open ?? ''}`
    const next = `,${spacing.comma ?? ''}`
    const pieces: string[] = []
    if (firstRequired !== 0) this.outside += `let f${label}=0;\n`
    for (const [at, member] of members.entries()) {
      // Before the first required key it is not known whether any stood before.
      const unsure = at > 0 && (firstRequired < 0 || at <= firstRequired)
      const commaHead = head(next, member.key)
      const openHead = head(opened, member.key)
      const other = unsure
        ? `(f${label}===0?(${differs(openHead)}):(${differs(commaHead)}))`
        : differs(at === 0 ? openHead : commaHead)
      const skip = unsure
        ? `p=p+(f${label}===0?${openHead.length}:${commaHead.length})|0;`
        : `p=p+${(at === 0 ? openHead : commaHead).length}|0;`
      const mark = firstRequired !== 0 && (firstRequired < 0 || at <= firstRequired)
      const enter = skip + (mark ? `f${label}=1;` : '')
      pieces.push(this.#member(member, other, enter, depth))
    }
    const code = `${firstRequired === 0 ? '' : `f${label}=0;`}${this.joined(pieces)}`
    const end = encoder.encode(close)
    const closed = `if(${differs(end)})break ok;p=p+${end.length}|0;\n`
    if (firstRequired >= 0) return code + closed
    return `${code}if(f${label}===0){if(u8[p]!==123||u8[p+1]!==125)break ok;p=p+2|0;}else{${closed}}\n`
  }

  #member(member: ShapeMember, other: string, enter: string, depth: number): string {
    const { field } = member
    if (field === undefined) {
      return `if(!(${other})){${enter}const q=skip(u8,p,${depth},hi);if(q<0)break ok;p=q;}\n`
    }
    const value =
      field.kind === 'leaf' ? this.#leaf(field, depth) : this.#inner(member, field, depth)
    if (!field.optional) return `if(${other})break ok;${enter}\n${value}`
    const nulls = nullsOf(field)
    return `if(${other}){${nulls}}else{${enter}
if(${NULL_TEST}){p=p+4|0;${nulls}}else{${value}}}\n`
  }

  #inner(member: ShapeMember, field: FieldObject, depth: number): string {
    const shape = member.shape
    if (shape === undefined) return 'break ok;'
    const seen = new Set(leavesOfShape(shape))
    const absent = leavesOf(field).filter(leaf => !seen.has(leaf))
    return `{${absent.map(nullSource).join('')}${this.object(shape, depth + 1)}}`
  }

  #leaf(leaf: FieldLeaf, depth: number): string {
    const { type, column } = leaf
    if (type.kind !== 'array') {
      return sourceOfScalar(leaf, type, { id: `${column}`, row: 'r', depth })
    }
    const { lengthMin = 0, lengthMax = Infinity } = leaf.rules
    const item = sourceOfScalar(leaf, type.of, {
      id: `i${column}`,
      row: `j${column}`,
      depth: depth + 1,
    })
    const kept =
      type.of.nullable === true
        ? `if(${NULL_TEST}){p=p+4|0;${itemNull(type.of, column)}}else{${item}}`
        : item
    const wrong = `n<${lengthMin}${lengthMax === Infinity ? '' : `||n>${lengthMax}`}`
    return `{if(u8[p]!==91)break ok;p=p+1|0;j${column}=k${column};if(u8[p]<33)p=skipSpace(u8,p);
if(u8[p]===93)p=p+1|0;else for(;;){if(j${column}>=m${column})break ok;
${kept}j${column}=j${column}+1|0;if(u8[p]<33)p=skipSpace(u8,p);
const c=u8[p];p=p+1|0;if(c===93)break;if(c!==44)break ok;if(u8[p]<33)p=skipSpace(u8,p);}
const n=j${column}-k${column};${lengthMin > 0 || lengthMax !== Infinity ? `if(${wrong})break ok;` : ''}
o${column}[r]=k${column};l${column}[r]=n;}\n`
  }
}

function itemNull(type: Type, column: number): string {
  const at = `i${column}[j${column}]`
  switch (columnKind(type)) {
    case 'text':
      return `o${at}=0;l${at}=-1;`
    case 'uuid':
      return `z${at}=1;`
    default:
      return `v${at}=NaN;`
  }
}
