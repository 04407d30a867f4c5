/**
 * The strict JSON reader that defines what a valid record is: bytes in, a tree out.
 *
 * RFC 8259 and nothing more: no byte-order mark, no duplicate key, no lone surrogate, no byte that is
 * not UTF-8, at most `JSON_DEPTH_MAX` containers deep. The texts of numbers are kept, so that
 * integers and decimals stay exact; `value` holds the plain value that ajv looks at, with numbers
 * as doubles and objects without a prototype. The stack is an array, so depth cannot overflow it.
 */

import { isUtf8 } from 'node:buffer'
import { JSON_DEPTH_MAX } from '#base'

export type JsonKind = 'null' | 'bool' | 'number' | 'string' | 'array' | 'object'

export interface JsonNode {
  readonly kind: JsonKind
  /** Span of its text in the bytes that were read. */
  readonly start: number
  end: number
  /** The plain value. */
  readonly value: unknown
  /** A number's text as written, a string's decoded value. */
  readonly text: string
  /** Whether a string has escapes, so that its value is not its bytes. */
  readonly escaped: boolean
  /** Of an object, in the order written. */
  readonly members: Map<string, JsonMember>
  /** Of an array. */
  readonly items: JsonNode[]
}

export interface JsonMember {
  /** Span of the key with its quotes. */
  readonly keyStart: number
  readonly keyEnd: number
  readonly keyEscaped: boolean
  readonly node: JsonNode
}

export interface JsonFault {
  readonly reason: 'json.utf8' | 'json.syntax' | 'json.depth' | 'json.duplicate_key'
  readonly path: string
  readonly message: string
}

const NO_MEMBERS: Map<string, JsonMember> = new Map()
const NO_ITEMS: JsonNode[] = []

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d

/** Bytes shown of what is wrong. */
const EXCERPT_BYTES = 40

/** A short, printable piece of `bytes[start … end)`. */
export function excerpt(bytes: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, start + EXCERPT_BYTES)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, stop - start))
    .toString('utf8')
    .replace(/[\p{C}\ufffd]/gu, '?')
  return stop < end ? `${text}…` : text
}

/** The path of a member or an item below `path`. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

interface Open {
  readonly node: JsonNode
  /** Where the key of the member that is being read stands. */
  key: string
  keyStart: number
  keyEnd: number
  keyEscaped: boolean
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Reads one record after another; holds nothing of a record but its fault. */
export class JsonReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #end = 0
  #open: Open[] = []
  /** Why the last `read` gave nothing. */
  fault: JsonFault = { reason: 'json.syntax', path: '', message: '' }

  /** The tree of the record `buffer[start … end)`, or undefined and `fault`. */
  read(buffer: Buffer, start: number, end: number): JsonNode | undefined {
    this.#buffer = buffer
    this.#bytes = buffer
    this.#at = start
    this.#end = end
    this.#open = []
    if (!isUtf8(buffer.subarray(start, end))) {
      return this.#refuse('json.utf8', 'the record is not valid UTF-8')
    }
    const root = this.#document()
    if (root === undefined) return undefined
    this.#space()
    return this.#at === end ? root : this.#unexpected('after the value')
  }

  #refuse(reason: JsonFault['reason'], message: string): undefined {
    let path = ''
    for (const { node, key } of this.#open) {
      path = below(path, node.kind === 'array' ? node.items.length : key)
    }
    this.fault = { reason, path: path.length > 200 ? `${path.slice(0, 200)}…` : path, message }
  }

  #unexpected(where: string): undefined {
    if (this.#at >= this.#end) {
      return this.#refuse('json.syntax', `the record ends ${where}`)
    }
    const found = excerpt(this.#bytes, this.#at, Math.min(this.#end, this.#at + 12))
    return this.#refuse('json.syntax', `unexpected "${found}" ${where}`)
  }

  #space(): void {
    const bytes = this.#bytes
    let at = this.#at
    for (; at < this.#end; at++) {
      const byte = bytes[at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    }
    this.#at = at
  }

  #peek(): number {
    this.#space()
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? -1) : -1
  }

  /** One value, with all that it holds. */
  #document(): JsonNode | undefined {
    for (;;) {
      let done = this.#value()
      if (done === undefined) return undefined
      // A container that was just opened and is not empty has its first value to come.
      if (done === 'opened') continue
      for (;;) {
        const open = this.#open.at(-1)
        if (open === undefined) return done
        const next = this.#close(open, done)
        if (next === undefined) return undefined
        if (next === 'next') break
        done = next
      }
    }
  }

  /** Puts `node` into `open`: the container where it ends here, 'next' where a value follows. */
  #close(open: Open, node: JsonNode): JsonNode | 'next' | undefined {
    const container = open.node
    const object = container.kind === 'object'
    if (object) {
      const { keyStart, keyEnd, keyEscaped } = open
      container.members.set(open.key, { keyStart, keyEnd, keyEscaped, node })
      const plain = container.value as Record<string, unknown>
      plain[open.key] = node.value
    } else {
      container.items.push(node)
      const plain = container.value as unknown[]
      plain.push(node.value)
    }
    const byte = this.#peek()
    if (byte === COMMA) {
      this.#at++
      if (!object) return 'next'
      return this.#key(open) ? 'next' : undefined
    }
    if (byte !== (object ? BRACE_CLOSE : BRACKET_CLOSE)) {
      return this.#unexpected(object ? 'after a member' : 'after an item')
    }
    return this.#closed(container)
  }

  #closed(container: JsonNode): JsonNode {
    this.#at++
    container.end = this.#at
    this.#open.pop()
    return container
  }

  /** The next key and its colon, into `open`. */
  #key(open: Open): boolean {
    if (this.#peek() !== QUOTE) {
      this.#unexpected('where a key is due')
      return false
    }
    open.keyStart = this.#at
    const key = this.#string()
    if (key === undefined) return false
    open.key = key.text
    open.keyEnd = this.#at
    open.keyEscaped = key.escaped
    if (open.node.members.has(key.text)) {
      const message = `the key ${excerpt(this.#bytes, open.keyStart, open.keyEnd)} stands twice`
      this.#refuse('json.duplicate_key', message)
      return false
    }
    if (this.#peek() !== COLON) {
      this.#unexpected('where a colon is due')
      return false
    }
    this.#at++
    return true
  }

  #value(): JsonNode | 'opened' | undefined {
    const byte = this.#peek()
    switch (byte) {
      case BRACE_OPEN:
      case BRACKET_OPEN:
        return this.#container(byte === BRACE_OPEN)
      case QUOTE:
        return this.#string()
      case 0x74:
        return this.#word('true', 'bool', true)
      case 0x66:
        return this.#word('false', 'bool', false)
      case 0x6e:
        return this.#word('null', 'null', null)
      default:
        return this.#number()
    }
  }

  #container(object: boolean): JsonNode | 'opened' | undefined {
    if (this.#open.length >= JSON_DEPTH_MAX) {
      return this.#refuse('json.depth', `more than ${JSON_DEPTH_MAX} levels deep`)
    }
    const node: JsonNode = {
      kind: object ? 'object' : 'array',
      start: this.#at,
      end: this.#at,
      value: object ? Object.create(null) : [],
      text: '',
      escaped: false,
      members: object ? new Map() : NO_MEMBERS,
      items: object ? NO_ITEMS : [],
    }
    const open: Open = { node, key: '', keyStart: 0, keyEnd: 0, keyEscaped: false }
    this.#open.push(open)
    this.#at++
    if (this.#peek() === (object ? BRACE_CLOSE : BRACKET_CLOSE)) return this.#closed(node)
    if (object && !this.#key(open)) return undefined
    return 'opened'
  }

  #leaf(kind: JsonKind, start: number, value: unknown, text = '', escaped = false): JsonNode {
    const end = this.#at
    return { kind, start, end, value, text, escaped, members: NO_MEMBERS, items: NO_ITEMS }
  }

  #word(word: string, kind: JsonKind, value: unknown): JsonNode | undefined {
    const start = this.#at
    if (this.#buffer.toString('latin1', start, Math.min(this.#end, start + word.length)) !== word) {
      return this.#unexpected('where a value is due')
    }
    this.#at = start + word.length
    return this.#leaf(kind, start, value)
  }

  #digits(): boolean {
    const start = this.#at
    while (this.#at < this.#end && ((this.#bytes[this.#at] ?? 0) - 0x30) >>> 0 <= 9) this.#at++
    return this.#at > start
  }

  #is(...bytes: number[]): boolean {
    return this.#at < this.#end && bytes.includes(this.#bytes[this.#at] ?? -1)
  }

  #number(): JsonNode | undefined {
    const start = this.#at
    if (this.#is(0x2d)) this.#at++
    if (this.#is(0x30)) this.#at++
    else if (!this.#digits()) return this.#unexpected('where a value is due')
    if (this.#is(0x2e)) {
      this.#at++
      if (!this.#digits()) return this.#unexpected('where a fraction digit is due')
    }
    if (this.#is(0x65, 0x45)) {
      this.#at++
      if (this.#is(0x2b, 0x2d)) this.#at++
      if (!this.#digits()) return this.#unexpected('where an exponent digit is due')
    }
    const text = this.#buffer.toString('latin1', start, this.#at)
    return this.#leaf('number', start, Number(text), text)
  }

  #string(): JsonNode | undefined {
    const start = this.#at
    const bytes = this.#bytes
    let text = ''
    let escaped = false
    let from = start + 1
    this.#at = from
    for (;;) {
      const byte = this.#at < this.#end ? (bytes[this.#at] ?? 0) : -1
      if (byte === QUOTE) break
      if (byte < 0x20) return this.#unexpected('within a string')
      if (byte !== BACKSLASH) {
        this.#at++
        continue
      }
      escaped = true
      text += this.#buffer.toString('utf8', from, this.#at)
      const value = this.#escape()
      if (value === undefined) return this.#unexpected('within a string')
      text += value
      from = this.#at
    }
    text += this.#buffer.toString('utf8', from, this.#at)
    this.#at++
    if (escaped && !text.isWellFormed()) {
      return this.#refuse('json.utf8', 'an escape is a lone surrogate')
    }
    return this.#leaf('string', start, text, text, escaped)
  }

  /** The UTF-16 unit of the escape at the backslash; moves behind it. */
  #escape(): string | undefined {
    if (this.#at + 2 > this.#end) return undefined
    const letter = String.fromCharCode(this.#bytes[this.#at + 1] ?? 0)
    if (letter !== 'u') {
      const value = ESCAPES[letter]
      if (value !== undefined) this.#at += 2
      return value
    }
    const hex = this.#buffer.toString('latin1', this.#at + 2, Math.min(this.#end, this.#at + 6))
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) return undefined
    this.#at += 6
    return String.fromCharCode(Number.parseInt(hex, 16))
  }
}
