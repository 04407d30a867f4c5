/**
 * The slow path: one record read, validated and written to its row, a step at a time. It defines
 * what is accepted and which values that gives; the generated decoder may only be faster.
 *
 * The text of a number or string is parsed where it stands in the arena, by the parsers that read
 * the fields of CSV too; a string with escapes is first decoded behind the text.
 */

import type { Arena, Batch, BatchColumn, ListColumn } from '#columns'
import { columnCapacity, growColumn } from '#columns'
import type { ScalarType } from '#plan'
import type { Reject } from '../codec.ts'
import { compileTextParser, type TextFault, writeNull } from '../text-value.ts'
import type { FieldLeaf, FieldObject } from './fields.ts'
import { below, excerpt, type JsonNode, JsonReader } from './reader.ts'
import { compileSchemaCheck, type SchemaFault } from './schema.ts'

/** What is wrong with a value: how it goes on after the value, and under which reason. */
interface ValueFault {
  readonly reason: 'json.type' | 'json.rule'
  readonly says: string
}

/** Writes the value of `node`, which is not null, to `row` of `column`. */
type ValueWriter = (
  node: JsonNode,
  arena: Arena,
  column: BatchColumn,
  row: number,
) => ValueFault | undefined

interface Writer {
  readonly leaf: FieldLeaf
  readonly path: readonly string[]
  readonly write: ValueWriter
}

/** One record to one row. */
export interface JsonTruth {
  /** The tree of the last record that was written. */
  readonly tree: JsonNode | undefined
  /**
   * Writes the record `arena[start … end)` of `batch` to `row`; a reject leaves the row null. May
   * append to the arena.
   */
  write(batch: Batch, row: number, start: number, end: number): Reject | undefined
}

export function compileJsonTruth(root: FieldObject, unknown: 'skip' | 'reject'): JsonTruth {
  const reader = new JsonReader()
  const check = compileSchemaCheck(root, unknown)
  const writers = writersOf(root, [])
  let tree: JsonNode | undefined

  const writeAll = (batch: Batch, row: number, record: JsonNode): Reject | undefined => {
    for (const { leaf, path, write } of writers) {
      const column = batch.columns[leaf.column] as BatchColumn
      const node = nodeAt(record, path)
      if (node === undefined || node.kind === 'null') {
        // A json column takes any value, so ajv lets a null pass where one is required.
        if (!leaf.optional) return rejectOf(batch, row, missing(leaf.path), undefined)
        writeNull(column, row)
        continue
      }
      const fault = write(node, batch.arena, column, row)
      if (fault !== undefined) return rejectOf(batch, row, { ...fault, path: leaf.path }, node)
    }
  }

  const attempt = (batch: Batch, row: number, start: number, end: number): Reject | undefined => {
    tree = reader.read(batch.arena.buffer, start, end)
    if (tree === undefined) return { row, ...reader.fault }
    if (tree.kind !== 'object') {
      const fault = { reason: 'json.not_object', path: '', says: 'is not an object' } as const
      return rejectOf(batch, row, fault, tree)
    }
    const fault = check(tree.value)
    if (fault === undefined) return writeAll(batch, row, tree)
    return rejectOf(batch, row, fault, nodeAt(tree, fault.keys))
  }

  return {
    get tree() {
      return tree
    },
    write(batch, row, start, end) {
      const reject = attempt(batch, row, start, end)
      if (reject !== undefined) {
        tree = undefined
        for (const column of batch.columns) writeNull(column, row)
      }
      return reject
    },
  }
}

function writersOf(object: FieldObject, path: readonly string[]): Writer[] {
  return [...object.members.values()].flatMap(member => {
    const at = [...path, member.key]
    return member.kind === 'object'
      ? writersOf(member, at)
      : [{ leaf: member, path: at, write: valueWriter(member) }]
  })
}

/** What lies at `path`, in arrays by index. */
function nodeAt(record: JsonNode, path: readonly string[]): JsonNode | undefined {
  let node: JsonNode | undefined = record
  for (const key of path) {
    node = node?.kind === 'array' ? node.items[Number(key)] : node?.members.get(key)?.node
  }
  return node
}

const missing = (path: string) => ({ reason: 'json.missing', path, says: '' }) as const

function rejectOf(
  batch: Batch,
  row: number,
  fault: Pick<SchemaFault, 'path' | 'says'> & { readonly reason: string },
  node: JsonNode | undefined,
): Reject {
  const { reason, path, says } = fault
  if (reason === 'json.missing') {
    return { row, reason, path, message: `the field "${path}" is missing` }
  }
  const value = node === undefined ? 'it' : excerpt(batch.arena.bytes, node.start, node.end)
  return { row, reason, path, message: `${value} ${says}` }
}

const TYPE_FAULT: ValueFault = { reason: 'json.type', says: 'cannot be read as its type' }
const WHOLE_FAULT: ValueFault = { reason: 'json.type', says: 'is not a whole number' }
const RANGE_FAULT: ValueFault = { reason: 'json.rule', says: 'is out of range' }
const SCALE_FAULT: ValueFault = {
  reason: 'json.rule',
  says: 'has too many digits behind the point',
}
const ENUM_FAULT: ValueFault = { reason: 'json.rule', says: 'is none of the values' }
const FINE_FAULT: ValueFault = { reason: 'json.rule', says: 'is finer than a microsecond' }
const BASE64_FAULT: ValueFault = { reason: 'json.type', says: 'is not base64' }
const NULL_FAULT: ValueFault = { reason: 'json.type', says: 'may not be null' }
const LENGTH_FAULT: ValueFault = { reason: 'json.rule', says: 'is too short or too long' }

function textFault(fault: TextFault, type: ScalarType): ValueFault | undefined {
  switch (fault) {
    case '':
      return undefined
    case 'type':
      return TYPE_FAULT
    case 'range':
      return RANGE_FAULT
    case 'scale':
      return type.kind === 'decimal' ? SCALE_FAULT : WHOLE_FAULT
    case 'enum':
      return ENUM_FAULT
  }
}

function valueWriter(leaf: FieldLeaf): ValueWriter {
  const { type } = leaf
  if (type.kind === 'array') return listWriter(type.of, scalarWriter(leaf, type.of))
  const write = scalarWriter(leaf, type)
  if (leaf.rules.min === undefined && leaf.rules.max === undefined) return write
  return (node, arena, column, row) =>
    write(node, arena, column, row) ?? (withinRules(leaf, column, row) ? undefined : RANGE_FAULT)
}

/** Whether a number that was written obeys the rules of its field. */
export function withinRules(leaf: FieldLeaf, column: BatchColumn, row: number): boolean {
  if (column.kind !== 'num' && column.kind !== 'wide') return true
  const value = column.values[row] as number
  if (leaf.type.kind === 'float64') {
    const { min = -Infinity, max = Infinity } = leaf.rules
    return value >= min && value <= max
  }
  const exact = Number.isFinite(value)
    ? BigInt(value)
    : column.kind === 'wide'
      ? (column.beyond.get(row) ?? 0n)
      : 0n
  return (leaf.min === null || exact >= leaf.min) && (leaf.max === null || exact <= leaf.max)
}

function scalarWriter(leaf: FieldLeaf, type: ScalarType): ValueWriter {
  switch (type.kind) {
    case 'bool':
      return (node, _arena, column, row) => {
        if (column.kind !== 'num') return TYPE_FAULT
        column.values[row] = node.value === true ? 1 : 0
        return undefined
      }
    case 'json':
      return (node, _arena, column, row) =>
        writeSpan(column, row, node.start, node.end - node.start)
    case 'bytes':
      return (node, arena, column, row) => writeBase64(leaf, node, arena, column, row)
    case 'string':
      return (node, arena, column, row) => {
        const start = spanStart(node, arena)
        return writeSpan(column, row, start, spanEnd(node, arena) - start)
      }
    default:
      return textWriter(leaf, type)
  }
}

/** Values that are parsed from the text of a number or string. */
function textWriter(leaf: FieldLeaf, type: ScalarType): ValueWriter {
  const parse = compileTextParser(type, leaf.parse)
  const fine = type.kind === 'timestamp' && leaf.parse === undefined
  return (node, arena, column, row) => {
    if (fine && /\.[0-9]{6}[0-9]*[1-9]/.test(node.text)) return FINE_FAULT
    const start = spanStart(node, arena)
    const end = spanEnd(node, arena)
    if (column.kind === 'wide' && column.beyond.size > 0) column.beyond.delete(row)
    return textFault(parse(arena.bytes, start, end, column, row), type)
  }
}

function writeSpan(column: BatchColumn, row: number, start: number, length: number): undefined {
  if (column.kind !== 'text') return
  column.offsets[row] = start
  column.lengths[row] = length
}

/** Where the text of a number or string begins; decodes one with escapes behind the text. */
function spanStart(node: JsonNode, arena: Arena): number {
  if (node.kind !== 'string') return node.start
  return node.escaped ? arena.appendString(node.text) : node.start + 1
}

/** Where it ends, right after `spanStart`. */
function spanEnd(node: JsonNode, arena: Arena): number {
  if (node.kind !== 'string') return node.end
  return node.escaped ? arena.used : node.end - 1
}

function writeBase64(
  leaf: FieldLeaf,
  node: JsonNode,
  arena: Arena,
  column: BatchColumn,
  row: number,
): ValueFault | undefined {
  const bytes = Buffer.from(node.text, 'base64')
  if (bytes.toString('base64') !== node.text) return BASE64_FAULT
  if (leaf.type.kind === 'bytes') {
    const { lengthMin = 0, lengthMax = Infinity } = leaf.rules
    if (bytes.length < lengthMin || bytes.length > lengthMax) return LENGTH_FAULT
  }
  return writeSpan(column, row, arena.append(bytes), bytes.length)
}

function listWriter(of: ScalarType, write: ValueWriter): ValueWriter {
  return (node, arena, column, row) => {
    if (column.kind !== 'list') return TYPE_FAULT
    const first = column.itemCount
    const { items } = column
    const needed = first + node.items.length
    if (needed > columnCapacity(items)) growColumn(items, needed * 2)
    for (let i = 0; i < node.items.length; i++) {
      const item = node.items[i] as JsonNode
      if (item.kind === 'null' && of.nullable === true) {
        writeNull(items, first + i)
        continue
      }
      const fault = item.kind === 'null' ? NULL_FAULT : write(item, arena, items, first + i)
      if (fault === undefined) continue
      const value = excerpt(arena.bytes, item.start, item.end)
      return { reason: fault.reason, says: `has at ${below('', i)} ${value}, which ${fault.says}` }
    }
    writeList(column, row, first, node.items.length)
    return undefined
  }
}

function writeList(column: ListColumn, row: number, first: number, count: number): void {
  column.offsets[row] = first
  column.lengths[row] = count
  column.itemCount = first + count
}
