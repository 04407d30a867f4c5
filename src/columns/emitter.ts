/**
 * Source text in the making: statements of one loop over the rows of a batch, the constants they
 * refer to, and what has been computed already.
 *
 * Only names made here, numbers and fixed templates enter the text; whatever comes from a user is
 * a constant `k0, k1, …` handed to the function. Statements are in single-assignment form, so a
 * value is named by an atom (a local name or a number) and computed once in its block.
 */

import { invariant } from '#base'

/** A local name or a number, cheap to repeat. */
export type Atom = string

/** What a block of statements gave. */
interface Block<T> {
  readonly lines: readonly string[]
  readonly result: T
}

export class Emitter {
  readonly #constants: unknown[] = []
  readonly #names = new Map<unknown, string>()
  /** Statements before the loop; `early` ones may append to the arena, before it is looked at. */
  readonly #early: string[] = []
  readonly #header: string[] = []
  readonly #hoisted = new Map<string, Atom>()
  #lines: string[] = []
  /** What the open blocks have computed, outermost first. */
  #scopes: Map<string, Atom>[] = [new Map()]
  #calls = 0
  #last = 0

  /** The name of a constant. */
  constant(value: unknown): Atom {
    let name = this.#names.get(value)
    if (name === undefined) {
      name = `k${this.#constants.length}`
      this.#constants.push(value)
      this.#names.set(value, name)
    }
    return name
  }

  /** A finite number in the text, anything else as a constant. */
  number(value: number): Atom {
    if (Number.isNaN(value)) return 'NaN'
    if (!Number.isFinite(value) || Object.is(value, -0)) return this.constant(value)
    return value < 0 ? `(${value})` : String(value)
  }

  fresh(): Atom {
    return `t${this.#last++}`
  }

  /** A value that is the same for all rows of a batch. */
  hoist(key: string, code: string, options: { early?: boolean } = {}): Atom {
    let name = this.#hoisted.get(key)
    if (name === undefined) {
      name = this.fresh()
      this.#hoisted.set(key, name)
      const lines = options.early === true ? this.#early : this.#header
      lines.push(`const ${name} = ${code}`)
    }
    return name
  }

  line(code: string): void {
    this.#lines.push(code)
  }

  /** Names the value of `code`, once a block. */
  compute(key: string, code: () => string): Atom {
    for (const scope of this.#scopes) {
      const known = scope.get(key)
      if (known !== undefined) return known
    }
    const text = code()
    const name = this.fresh()
    this.line(`const ${name} = ${text}`)
    this.remember(key, name)
    return name
  }

  known(key: string): Atom | undefined {
    for (const scope of this.#scopes) {
      const name = scope.get(key)
      if (name !== undefined) return name
    }
    return undefined
  }

  remember(key: string, name: Atom): void {
    this.#scopes.at(-1)?.set(key, name)
  }

  /** The text of a call of a constant function, which makes the block worth skipping. */
  call(target: unknown, args: readonly Atom[]): string {
    this.#calls++
    return `${this.constant(target)}(${args.join(', ')})`
  }

  /** Statements that run only where the caller puts them. */
  block<T>(write: () => T): Block<T> {
    const outer = this.#lines
    this.#lines = []
    this.#scopes.push(new Map())
    const result = write()
    const lines = this.#lines
    this.#lines = outer
    this.#scopes.pop()
    return { lines, result }
  }

  /**
   * Statements that are cheap stay where they are, and nothing branches: `lines` is undefined.
   * Those that call functions are left to the caller to put behind a test.
   */
  blockIfCostly<T>(write: () => T): { lines: readonly string[] | undefined; result: T } {
    const outer = this.#lines
    const before = this.#calls
    const scope = new Map<string, Atom>()
    this.#lines = []
    this.#scopes.push(scope)
    const result = write()
    const lines = this.#lines
    this.#lines = outer
    this.#scopes.pop()
    if (this.#calls !== before) return { lines, result }
    this.#lines.push(...lines)
    for (const [key, name] of scope) this.remember(key, name)
    return { lines: undefined, result }
  }

  /** The function of `parameters` whose loop is opened by `open` and closed by `close`. */
  build<T>(parameters: string, open: readonly string[], close: readonly string[]): T {
    const names = this.#constants.map((_, index) => `k${index}`)
    const text = [
      '"use strict"',
      `return function (${parameters}) {`,
      ...this.#early,
      ...this.#header,
      ...open,
      ...this.#lines,
      ...close,
      '}',
    ].join('\n')
    invariant(this.#scopes.length === 1, 'every block is closed')
    return new Function(...names, text)(...this.#constants) as T
  }
}
