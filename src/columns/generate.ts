/**
 * The generated twin: an expression as source text of one row of a loop.
 *
 * A value becomes an atom that holds its register; a condition becomes text that is truthy where
 * the expression has the wanted answer, so that filters never make the third value. Numeric work is
 * branch-free; what calls a function stands behind the test that needs it. Text of columns stays
 * where it is as long as only bytes are asked for (`generate-text.ts`).
 */

import { invariant } from '#base'
import type { Expression, Schema } from '#plan'
import type { Atom, Emitter } from './emitter.ts'
import { argument, type Call, type Wanted } from './functions/function-entry.ts'
import { entryOf } from './functions/function-table.ts'
import { numeric } from './functions/logic-functions.ts'
import { textCondition, textValue } from './generate-text.ts'
import { literalRegister, totalScalar } from './interpret.ts'
import {
  isNullRegister,
  nullRegister,
  readRegister,
  readWide,
  registerKind,
  uuidText,
} from './register.ts'

export class Generator {
  readonly emitter: Emitter
  readonly #input: Schema
  readonly #keys = new Map<Expression, string>()
  readonly #calls = new Map<Call, unknown>()

  constructor(emitter: Emitter, input: Schema) {
    this.emitter = emitter
    this.#input = input
  }

  /** The place of a column in the input. */
  column(name: string): number {
    const index = this.#input.findIndex(entry => entry.name === name)
    invariant(index >= 0, `the input has the column "${name}"`)
    return index
  }

  /** A field of an input column, hoisted out of the loop: `values`, `offsets`, … */
  field(index: number, field: string): Atom {
    return this.emitter.hoist(`${index}.${field}`, `input.columns[${index}].${field}`)
  }

  /** The bytes of the arena; text that the loop appends may lie in newer ones. */
  bytes(): Atom {
    return this.emitter.hoist('bytes', 'input.arena.bytes')
  }

  arena(): Atom {
    return this.emitter.hoist('arena', 'input.arena', { early: true })
  }

  /** Text that is equal for equal expressions, by which a value is found again. */
  key(expression: Expression): string {
    let key = this.#keys.get(expression)
    if (key === undefined) {
      key = this.#newKey(expression)
      this.#keys.set(expression, key)
    }
    return key
  }

  #newKey(expression: Expression): string {
    switch (expression.node) {
      case 'column':
        return `c${this.column(expression.name)}`
      case 'literal': {
        const register = literalRegister(expression)
        const kind = registerKind(expression.type)
        return `l${kind}${typeof register}${JSON.stringify(register, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))}`
      }
      case 'call': {
        const args = expression.args.map(arg => this.key(arg)).join()
        return `${expression.fn}(${args})${JSON.stringify(expression.type)}`
      }
    }
  }

  /** The register of an expression. */
  value(expression: Expression): Atom {
    if (expression.node === 'literal') return this.#literal(expression)
    const key = this.key(expression)
    const known = this.emitter.known(key)
    if (known !== undefined) return known
    if (expression.node === 'column') return this.emitter.compute(key, () => this.#load(expression))
    const atom = this.#callValue(expression)
    this.emitter.remember(key, atom)
    return atom
  }

  #literal(expression: Extract<Expression, { node: 'literal' }>): Atom {
    const register = literalRegister(expression)
    if (typeof register === 'number') return this.emitter.number(register)
    return register === null ? 'null' : this.emitter.constant(register)
  }

  /** Text that reads a column. */
  #load(expression: Extract<Expression, { node: 'column' }>): string {
    const index = this.column(expression.name)
    const { emitter } = this
    switch (registerKind(expression.type)) {
      case 'num':
        return `${this.field(index, 'values')}[row]`
      case 'wide': {
        const value = emitter.fresh()
        emitter.line(`const ${value} = ${this.field(index, 'values')}[row]`)
        const column = emitter.hoist(`${index}`, `input.columns[${index}]`)
        const beyond = `${emitter.constant(readWide)}(${column}, row)`
        return `(${value} === Infinity || ${value} === -Infinity) ? ${beyond} : ${value}`
      }
      case 'uuid': {
        const text = emitter.call(uuidText, [this.field(index, 'words'), 'row'])
        return `${this.field(index, 'nulls')}[row] === 1 ? null : ${text}`
      }
      default: {
        const column = emitter.hoist(`${index}`, `input.columns[${index}]`)
        const type = emitter.constant(expression.type)
        return emitter.call(readRegister, [column, type, this.arena(), 'row'])
      }
    }
  }

  #callValue(call: Call): Atom {
    switch (call.fn) {
      case 'if':
      case 'case':
        return this.#choice(call)
      case 'coalesce':
        return this.#coalesce(call)
      case 'and':
      case 'or':
        return this.#junctionValue(call, call.fn === 'and' ? 0 : 1)
      default:
        return this.#plainValue(call)
    }
  }

  #plainValue(call: Call): Atom {
    const { emitter } = this
    const entry = entryOf(call.fn)
    const byBytes = textValue(this, call)
    if (byBytes !== undefined) return this.#named(byBytes)
    const test = this.#test(call, 1)
    if (test !== undefined) {
      const none = entry.strict ? ` : ${this.#test(call, 0)} ? 0 : NaN` : ' : 0'
      return this.#named(`${test} ? 1${none}`)
    }
    const args = call.args.map(arg => this.value(arg))
    const numbers = numeric(call.type) && call.args.every(arg => numeric(arg.type))
    const source = numbers
      ? entry.source?.(call, args, emitter, () => emitter.constant(this.#scalar(call)))
      : undefined
    return this.#named(source ?? this.#scalarCall(call, args))
  }

  #named(code: string): Atom {
    if (/^[tk]\d+$/.test(code)) return code
    const name = this.emitter.fresh()
    this.emitter.line(`const ${name} = ${code}`)
    return name
  }

  /** The scalar of a call that takes nulls; one for each call. */
  #scalar(call: Call): unknown {
    let scalar = this.#calls.get(call)
    if (scalar === undefined) {
      scalar = totalScalar(call)
      this.#calls.set(call, scalar)
    }
    return scalar
  }

  /** A call of the scalar, behind tests for null where they are few. */
  #scalarCall(call: Call, args: readonly Atom[]): string {
    const entry = entryOf(call.fn)
    const nulls = entry.strict
      ? call.args.flatMap((arg, index) => this.#nullTest(arg, args[index] ?? ''))
      : []
    const code = this.emitter.call(entry.strict ? entry.scalar(call) : this.#scalar(call), args)
    if (nulls.length === 0) return code
    const none = isNullRegister(nullRegister(call.type)) && numeric(call.type) ? 'NaN' : 'null'
    return `${nulls.join(' || ')} ? ${none} : ${code}`
  }

  #nullTest(arg: Expression, atom: Atom): string[] {
    if (arg.node === 'literal') return isNullRegister(literalRegister(arg)) ? ['true'] : []
    return [numeric(arg.type) ? `${atom} !== ${atom}` : `${atom} === null`]
  }

  /** Text that is truthy where the expression is true (`wanted` 1) or false (0), never for null. */
  condition(expression: Expression, wanted: Wanted): string {
    if (expression.node === 'literal') return String(literalRegister(expression) === wanted)
    if (expression.node === 'call') {
      switch (expression.fn) {
        case 'not':
          return this.condition(argument(expression, 0), wanted === 1 ? 0 : 1)
        case 'and':
          return this.#junction(expression, wanted, wanted === 1 ? '&' : '|')
        case 'or':
          return this.#junction(expression, wanted, wanted === 1 ? '|' : '&')
        default: {
          const test = this.#test(expression, wanted)
          if (test !== undefined) return test
        }
      }
    }
    return `(${this.value(expression)} === ${wanted})`
  }

  /** The test of a function that has one in source. */
  #test(call: Call, wanted: Wanted): string | undefined {
    const byBytes = textCondition(this, call, wanted)
    if (byBytes !== undefined) return byBytes
    const { condition } = entryOf(call.fn)
    if (condition === undefined) return undefined
    const names = call.args.map(() => '')
    if (condition(call, names, wanted) === undefined) return undefined
    const args = call.args.map(arg => this.value(arg))
    return condition(call, args, wanted)
  }

  /** Tests joined without a branch, unless those behind the first call functions. */
  #junction(call: Call, wanted: Wanted, operator: '&' | '|'): string {
    const { emitter } = this
    let joined = ''
    for (const arg of call.args) {
      if (joined === '') {
        joined = this.condition(arg, wanted)
        continue
      }
      const { lines, result } = emitter.blockIfCostly(() => this.condition(arg, wanted))
      if (lines === undefined) joined = `${joined} ${operator} ${result}`
      else {
        const name = emitter.fresh()
        emitter.line(`let ${name} = (${joined}) ? 1 : 0`)
        const undecided = operator === '&' ? name : `!${name}`
        emitter.line(`if (${undecided}) { ${lines.join('; ')}; ${name} = (${result}) ? 1 : 0 }`)
        joined = name
      }
    }
    return `(${joined})`
  }

  /** The register of `and` (`decisive` 0) and `or` (1): left to right until one decides. */
  #junctionValue(call: Call, decisive: Wanted): Atom {
    const { emitter } = this
    const result = emitter.fresh()
    const [first, ...rest] = call.args
    invariant(first !== undefined, 'a junction has arguments')
    emitter.line(`let ${result} = ${this.value(first)}`)
    for (const arg of rest) {
      const { lines, result: value } = emitter.blockIfCostly(() => this.value(arg))
      const other = 1 - decisive
      const next = `${value} === ${decisive} ? ${decisive} : ${value} === ${other} ? ${result} : NaN`
      if (lines === undefined) {
        emitter.line(`${result} = ${result} === ${decisive} ? ${decisive} : ${next}`)
      } else {
        emitter.line(`if (${result} !== ${decisive}) { ${lines.join('; ')}; ${result} = ${next} }`)
      }
    }
    return result
  }

  /** `if` and `case`: conditions in turn, and only the values that are needed. */
  #choice(call: Call): Atom {
    const result = this.emitter.fresh()
    this.emitter.line(`let ${result}`)
    this.branches(call, arg => `${result} = ${this.value(arg)}`)
    return result
  }

  /** Statements in which `assign` stands for the branch that is chosen. */
  branches(call: Call, assign: (arg: Expression) => string, at = 0): void {
    const { emitter } = this
    if (at >= call.args.length - 1) {
      emitter.line(assign(argument(call, call.args.length - 1)))
      return
    }
    const test = this.condition(argument(call, at), 1)
    const chosen = emitter.block(() => emitter.line(assign(argument(call, at + 1))))
    const others = emitter.block(() => this.branches(call, assign, at + 2))
    emitter.line(`if (${test}) { ${chosen.lines.join('; ')} } else { ${others.lines.join('; ')} }`)
  }

  #coalesce(call: Call): Atom {
    const { emitter } = this
    const result = emitter.fresh()
    const [first, ...rest] = call.args
    invariant(first !== undefined, 'coalesce has arguments')
    emitter.line(`let ${result} = ${this.value(first)}`)
    const missing = numeric(call.type) ? `${result} !== ${result}` : `${result} === null`
    for (const arg of rest) {
      const { lines, result: value } = emitter.block(() => this.value(arg))
      emitter.line(`if (${missing}) { ${[...lines, `${result} = ${value}`].join('; ')} }`)
    }
    return result
  }
}
