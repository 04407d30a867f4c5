/**
 * One value out of JSON text, as it was written.
 *
 * `JSON.parse` says whether the text is JSON; what follows is then a scan over text known to be
 * valid, which copies nothing and recurses nowhere.
 */

const PLACE = /^(?:0|[1-9][0-9]*)$/

/**
 * The text of the string at `path` (keys and places, outermost first), or the JSON text of another
 * value there; of equal keys the last counts. Null for JSON null, for what is not there, and where
 * `text` is not JSON or the string not well-formed.
 */
export function jsonAt(text: string, path: readonly string[]): string | null {
  if (!isJson(text)) return null
  let at = skipSpace(text, 0)
  for (const step of path) {
    const found = text[at] === '{' ? member(text, at, step) : element(text, at, step)
    if (found === undefined) return null
    at = found
  }
  const value = text.slice(at, valueEnd(text, at))
  if (value === 'null') return null
  if (!value.startsWith('"')) return value
  const inner = stringOf(value)
  return inner.isWellFormed() ? inner : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** Where the value of a key of the object at `from` begins. */
function member(text: string, from: number, key: string): number | undefined {
  let found: number | undefined
  let at = skipSpace(text, from + 1)
  while (text[at] === '"') {
    const keyEnd = stringEnd(text, at)
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1)
    if (stringOf(text.slice(at, keyEnd)) === key) found = value
    at = skipSpace(text, valueEnd(text, value))
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return found
}

/** Where the element at a place of the array at `from` begins. */
function element(text: string, from: number, place: string): number | undefined {
  if (text[from] !== '[' || !PLACE.test(place)) return undefined
  let at = skipSpace(text, from + 1)
  for (let left = Number(place); text[at] !== ']'; left--) {
    if (left === 0) return at
    at = skipSpace(text, valueEnd(text, at))
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return undefined
}

function stringOf(literal: string): string {
  return literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1)
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return at
}

/** Behind the closing quote of the string at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

const SCALAR_END = /[\s,\]}]/g

/** Behind the value at `from`. */
function valueEnd(text: string, from: number): number {
  const first = text[from]
  if (first === '"') return stringEnd(text, from)
  if (first !== '{' && first !== '[') {
    SCALAR_END.lastIndex = from
    return SCALAR_END.exec(text)?.index ?? text.length
  }
  let depth = 0
  for (let at = from; ; at++) {
    const character = text[at]
    if (character === '"') at = stringEnd(text, at) - 1
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      depth--
      if (depth === 0) return at + 1
    }
  }
}
