/**
 * Which statements `console` may send: decided on what the engine reads, not on what was typed.
 *
 * The engine prints the statement as it parsed it (`formatQuerySingleLine`), which undoes quoting,
 * escapes, comments and case. That text is cut into words here. It must be one statement that
 * reads, and it must not name a function that no grant covers: `file` reads any file the sandbox
 * allows. A function is also named without being called (`arrayMap(file, …)`, `APPLY file`), so a
 * bare name is refused wherever it stands; a column of that name is written `t.file`.
 */

/** Why a statement is refused: the engine's own number for it, and a sentence. */
export interface Refusal {
  readonly code: number
  readonly name: string
  readonly message: string
}

/** Statements that read. What follows `EXPLAIN` is bounded by the grants. */
const READING = new Set(['SELECT', 'WITH', 'EXPLAIN', 'SHOW', 'DESCRIBE', 'DESC', 'EXISTS', '('])

const ACCESS_DENIED = { code: 497, name: 'ACCESS_DENIED' }
const CANNOT_OPEN_FILE = { code: 76, name: 'CANNOT_OPEN_FILE' }

/** What the engine answers to statements that are refused here before it sees them. */
const REFUSED_KINDS: readonly {
  readonly pattern: RegExp
  readonly refusal: Omit<Refusal, 'message'>
}[] = [
  { pattern: /^SET ROLE\b/, refusal: { code: 511, name: 'UNKNOWN_ROLE' } },
  { pattern: /^SET\b/, refusal: { code: 164, name: 'READONLY' } },
  { pattern: /^EXECUTE AS\b/, refusal: { code: 344, name: 'SUPPORT_IS_DISABLED' } },
]

/** Before a table function, whose use a grant covers, and which the engine answers with 497. */
const TABLE_PLACES = new Set(['FROM', 'JOIN', 'TABLE', 'FUNCTION', 'IN', 'ANY', 'ASOF'])

/** `ai` functions send data to a service. */
const AI_FUNCTION = /^(?:ai|AI)[A-Z]\w*$/
const NAMED = new Set(['catboostevaluate', 'showcertificate'])

interface Word {
  readonly text: string
  /** A name, quoted or not, whose text is without quotes; or anything else. */
  readonly kind: 'name' | 'string' | 'sign'
  readonly quoted: boolean
}

/**
 * Whether `console` may run a statement; `canonical` is it as the engine prints it, `params` are the
 * values of its parameters. Undefined when it may.
 */
export function refuseStatement(
  canonical: string,
  params: readonly string[] = [],
): Refusal | undefined {
  for (const { pattern, refusal } of REFUSED_KINDS) {
    if (pattern.test(canonical)) {
      return { ...refusal, message: 'Only statements that read are allowed without credentials' }
    }
  }
  const words = cutWords(canonical)
  if (words === undefined) {
    return { ...ACCESS_DENIED, message: 'The statement cannot be read' }
  }
  const first = words[0]?.text ?? ''
  if (words[0]?.quoted === true || !READING.has(first)) {
    const message = `Not enough privileges: ${first} needs credentials`
    return { ...ACCESS_DENIED, message }
  }
  return refuseClauses(words) ?? refuseNames(words) ?? refuseParams(words, params)
}

/** A parameter of type `Identifier` becomes a name after the statement was printed. */
function refuseParams(words: readonly Word[], params: readonly string[]): Refusal | undefined {
  const named = words.some(
    (word, index) => word.text === 'Identifier' && words[index - 1]?.text === ':',
  )
  if (!named) return undefined
  const bad = params.find(value => value.includes('\\') || refusedName(value))
  if (bad === undefined) return undefined
  return { ...ACCESS_DENIED, message: 'The value of a parameter is not allowed as a name' }
}

function refuseClauses(words: readonly Word[]): Refusal | undefined {
  for (let index = 0; index < words.length; index++) {
    const pair = `${plain(words[index])} ${plain(words[index + 1])}`
    if (pair === 'INTO OUTFILE') {
      const message = 'INTO OUTFILE is not allowed'
      return { code: 358, name: 'INTO_OUTFILE_NOT_ALLOWED', message }
    }
    if (pair === 'FROM INFILE' || pair === 'PARALLEL WITH') {
      return { ...ACCESS_DENIED, message: `${pair} is not allowed` }
    }
  }
  return undefined
}

/** A keyword as printed; empty for names in quotes, strings and signs. */
function plain(word: Word | undefined): string {
  return word?.kind === 'name' && !word.quoted ? word.text : ''
}

function refuseNames(words: readonly Word[]): Refusal | undefined {
  // Printing a tree of names runs none of them.
  if (plain(words[0]) === 'EXPLAIN' && plain(words[1]) === 'AST') return undefined
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as Word
    if (word.kind !== 'name' || !refusedName(word.text)) continue
    const before = words[index - 1]
    const called = words[index + 1]?.text === '('
    if (before?.text === '.' && !called) continue
    const inTable = called && TABLE_PLACES.has(plain(before))
    const refusal = word.text === 'file' && !inTable ? CANNOT_OPEN_FILE : ACCESS_DENIED
    const message = `The name ${word.text} is not allowed; write a column of that name with its table: t.${word.text}`
    return { ...refusal, message }
  }
  return undefined
}

/** `file` is known to the engine in lower case only; the others are refused in any. */
function refusedName(name: string): boolean {
  return name === 'file' || AI_FUNCTION.test(name) || NAMED.has(name.toLowerCase())
}

/** Words of the engine's own print, which has no comments; undefined where a quote does not end. */
export function cutWords(text: string): readonly Word[] | undefined {
  const words: Word[] = []
  const name = /[\p{L}_$][\p{L}\p{N}_$]*/uy
  let at = 0
  while (at < text.length) {
    const character = text[at] as string
    if (/\s/.test(character)) {
      at++
    } else if (character === "'" || character === '`' || character === '"') {
      const end = quoteEnd(text, at)
      if (end === undefined) return undefined
      const inner = letters(text.slice(at + 1, end))
      const kind = character === "'" ? 'string' : 'name'
      words.push({ text: inner, kind, quoted: true })
      at = end + 1
    } else {
      name.lastIndex = at
      const found = name.exec(text)?.[0]
      words.push({ text: found ?? character, kind: found ? 'name' : 'sign', quoted: false })
      at += (found ?? character).length
    }
  }
  return words
}

function quoteEnd(text: string, start: number): number | undefined {
  const quote = text[start]
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at
      at++
    }
  }
  return undefined
}

/** Enough of the engine's escapes to compare names: those that stand for letters of ours. */
function letters(text: string): string {
  return text
    .replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replace(/\\(.)/g, '$1')
}
