/** Text, arrays, JSON, URLs, hashes and ids of the model. */

import { createHash } from 'node:crypto'
import { castToText } from './casts.ts'
import type { Cell, Type } from './cells.ts'
import type { Meaning } from './functions.ts'
import { LOGIC } from './logic.ts'

/** A function of texts, null where an argument is null. */
const ofTexts =
  (give: (...texts: string[]) => Cell): Meaning =>
  args =>
    args.includes(null) ? null : give(...(args as string[]))

const trimmed = (text: string): string => text.replace(/^ +/, '').replace(/ +$/, '')

/** What stands at `path` of JSON text: its text, and where it begins and ends. */
function jsonAt(text: string, path: readonly string[]): string | null {
  const places: string[] = []
  try {
    let value = JSON.parse(text) as unknown
    for (const step of path) {
      if (typeof value !== 'object' || value === null) return null
      if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(step)) return null
      if (!Object.hasOwn(value, step)) return null
      value = (value as Record<string, unknown>)[step]
      places.push(step)
    }
    if (value === null) return null
    return typeof value === 'string' ? value : written(text, path)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** The JSON text at `path` as it was written; the text is valid and the path leads somewhere. */
function written(text: string, path: readonly string[]): string {
  let at = 0
  const space = (): void => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++
  }
  const value = (): string => {
    space()
    const begin = at
    const open = text[at]
    if (open === '"')
      at += (/^"(?:[^"\\]|\\.)*"/s.exec(text.slice(at)) as RegExpExecArray)[0].length
    else if (open === '{' || open === '[') {
      at++
      for (space(); text[at] !== '}' && text[at] !== ']'; space()) {
        if (/[,:]/.test(text[at] ?? '')) at++
        else value()
      }
      at++
    } else at += (/^[^,\]}\s]+/.exec(text.slice(at)) as RegExpExecArray)[0].length
    return text.slice(begin, at)
  }
  let rest = text
  for (const step of path) {
    text = rest
    at = 0
    space()
    const keyed = text[at++] === '{'
    for (let place = 0; ; place++) {
      space()
      if (/[,}\]]/.test(text[at] ?? '}')) {
        if (text[at] !== ',') break
        at++
      }
      const key = keyed ? (JSON.parse(value()) as string) : String(place)
      space()
      if (keyed) at++
      const found = value()
      // The last of equal keys counts, as in JSON.parse.
      if (key === step) rest = found
    }
  }
  return rest.trim()
}

/** RFC 3986, appendix B, and the authority's parts. */
function urlPart(url: string, part: string): string | null {
  const found = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url)
  const [, scheme, authority, path, query, fragment] = found ?? []
  const place = (authority ?? '').slice((authority ?? '').lastIndexOf('@') + 1)
  const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(place) ?? []
  const parts: Record<string, string | undefined> = { scheme, path, query, fragment }
  if (authority !== undefined) Object.assign(parts, { host, port })
  return parts[part] ?? null
}

function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  }
  return BigInt.asIntN(64, hash)
}

function uuidv5(namespace: string, texts: readonly string[]): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex')
  const digest = createHash('sha1').update(space).update(JSON.stringify(texts)).digest()
  digest[6] = ((digest[6] ?? 0) % 16) + 0x50
  digest[8] = ((digest[8] ?? 0) % 64) + 0x80
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Code points from `start` (1-based), `length` of them or all. */
function substring([text = null, start = null, length = 0n]: readonly Cell[], all: boolean): Cell {
  if (text === null || start === null || length === null) return null
  const [from, count] = [start as bigint, length as bigint]
  if (from < 1n || count < 0n) return null
  const points = [...(text as string)].slice(Number(from) - 1)
  return (all ? points : points.slice(0, Number(count))).join('')
}

export const TEXTS: Readonly<Record<string, Meaning>> = {
  concat: ofTexts((...texts) => texts.join('')),
  lower: ofTexts(text => text.toLowerCase()),
  upper: ofTexts(text => text.toUpperCase()),
  trim: ofTexts(trimmed),
  length: ofTexts(text => BigInt([...text].length)),
  substring: args => substring(args, args.length < 3),
  contains: ofTexts((text, part) => text.includes(part)),
  startsWith: ofTexts((text, part) => text.startsWith(part)),
  split: ofTexts((text, separator) => text.split(separator)),
  arrayLength: ([a = null]) => (a === null ? null : BigInt((a as readonly Cell[]).length)),
  arrayElement: ([a = null, place = null]) =>
    a === null || place === null ? null : ((a as readonly Cell[])[Number(place) - 1] ?? null),
  arrayContains: ([a = null, wanted = null], [array, type]) => {
    if (a === null || wanted === null) return null
    const types = [array?.of, type] as Type[]
    return (a as readonly Cell[]).some(item =>
      LOGIC['eq']?.([item, wanted], types, types[0] as Type),
    )
  },
  jsonField: ofTexts((text, path) => jsonAt(text, path.split('.'))),
  urlPart: ofTexts(urlPart),
  hash: ([a = null], [type]) => (a === null ? null : fnv1a(castToText(a, type as Type))),
  uuidv5: ([namespace, ...texts]) =>
    texts.includes(null) ? null : uuidv5(namespace as string, texts as string[]),
}
