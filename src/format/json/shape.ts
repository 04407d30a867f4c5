/**
 * The shape of records: the order of their keys and the white space between tokens.
 *
 * A generated decoder knows one shape. The first is the declared order without white space; others
 * are learned from records that took the slow path. A shape says for each object
 *
 *     {␣"key"␣:␣value,␣"key"␣:␣value␣}
 *      open    colon   comma        close
 *
 * with the same white space at each place of one kind. Keys that are not required may be absent, so
 * one shape stands for all records whose keys come in one order; keys that are not declared are in
 * it too, to be skipped.
 */

import type { FieldNode, FieldObject } from './fields.ts'
import type { JsonNode } from './reader.ts'

/** White space at the places of an object, null where it has not been seen. */
export interface Spacing {
  readonly open: string | null
  /** With the colon itself. */
  readonly colon: string | null
  readonly comma: string | null
  readonly close: string | null
}

export interface ShapeMember {
  readonly key: string
  /** The declared field; undefined is skipped. */
  readonly field: FieldNode | undefined
  /** Of a declared object. */
  readonly shape: ObjectShape | undefined
}

export interface ObjectShape {
  readonly spacing: Spacing
  readonly members: readonly ShapeMember[]
}

/** Members of one shape; a record of more is not learned. */
const SHAPE_MEMBERS_MAX = 512
/** Bytes of a key that is learned. */
const KEY_BYTES_MAX = 256

const COMPACT: Spacing = { open: '', colon: ':', comma: '', close: '' }

/** The shape that is expected before any record was seen. */
export function declaredShape(object: FieldObject): ObjectShape {
  const members = [...object.members.values()].map(field => ({
    key: field.key,
    field,
    shape: field.kind === 'object' ? declaredShape(field) : undefined,
  }))
  return { spacing: COMPACT, members }
}

/** The shape of a record that was accepted; undefined where no decoder can be made for it. */
export function observeShape(
  node: JsonNode,
  object: FieldObject,
  bytes: Uint8Array,
): ObjectShape | undefined {
  const text = (start: number, end: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
  const spacing = { open: null, colon: null, comma: null, close: null } as {
    -readonly [place in keyof Spacing]: Spacing[place]
  }
  if (node.members.size > SHAPE_MEMBERS_MAX) return undefined
  const members: ShapeMember[] = []
  let end = node.start + 1
  for (const [key, { keyStart, keyEnd, keyEscaped, node: value }] of node.members) {
    if (keyEscaped || keyEnd - keyStart > KEY_BYTES_MAX) return undefined
    const between = text(end, keyStart)
    const first = members.length === 0
    if (!first && !between.startsWith(',')) return undefined
    if (first) spacing.open = between
    else if (!agrees(spacing, 'comma', between.slice(1))) return undefined
    if (!agrees(spacing, 'colon', text(keyEnd, value.start))) return undefined
    const field = object.members.get(key)
    let shape: ObjectShape | undefined
    if (field?.kind === 'object') {
      shape = value.kind === 'object' ? observeShape(value, field, bytes) : { ...EMPTY_SHAPE }
      if (shape === undefined) return undefined
    }
    members.push({ key, field, shape })
    end = value.end
  }
  if (members.length > 0) spacing.close = text(end, node.end - 1)
  else if (node.end - node.start > 2) return undefined
  return { spacing, members }
}

const EMPTY_SHAPE: ObjectShape = {
  spacing: { open: null, colon: null, comma: null, close: null },
  members: [],
}

function agrees(
  spacing: { -readonly [place in keyof Spacing]: Spacing[place] },
  place: keyof Spacing,
  found: string,
): boolean {
  if (found.length > 64) return false
  spacing[place] ??= found
  return spacing[place] === found
}

/**
 * The shape that stands for the records of both; undefined where their keys come in different
 * orders or their white space differs. New keys of `seen` follow the key they followed there.
 */
export function mergeShapes(known: ObjectShape, seen: ObjectShape): ObjectShape | undefined {
  const spacing = mergeSpacing(known.spacing, seen.spacing)
  if (spacing === undefined) return undefined
  const places = new Map(known.members.map((member, at) => [member.key, at]))
  const members: ShapeMember[] = []
  let next = 0
  for (const member of seen.members) {
    const at = places.get(member.key)
    if (at === undefined) {
      members.push(member)
      continue
    }
    if (at < next) return undefined
    members.push(...known.members.slice(next, at))
    next = at + 1
    const other = known.members[at]?.shape
    if (member.shape === undefined || other === undefined) {
      members.push(member)
      continue
    }
    const shape = mergeShapes(other, member.shape)
    if (shape === undefined) return undefined
    members.push({ ...member, shape })
  }
  members.push(...known.members.slice(next))
  return members.length > SHAPE_MEMBERS_MAX ? undefined : { spacing, members }
}

function mergeSpacing(known: Spacing, seen: Spacing): Spacing | undefined {
  for (const place of ['open', 'colon', 'comma', 'close'] as const) {
    const a = known[place]
    const b = seen[place]
    if (a !== null && b !== null && a !== b) return undefined
  }
  return {
    open: known.open ?? seen.open,
    colon: known.colon ?? seen.colon,
    comma: known.comma ?? seen.comma,
    close: known.close ?? seen.close,
  }
}
