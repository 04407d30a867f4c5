/**
 * Rules of plain data from outside: what a value must look like, and where it does not.
 *
 * A rule takes an unknown value and the place it stands at, and gives the value as it is used from
 * there on: fresh, frozen, with no members that the rule does not name.
 */

import { PlatformError } from '#base'

export type Rule<T> = (value: unknown, place: string) => T

export function invalid(place: string, message: string, hint?: string): PlatformError {
  return new PlatformError(
    'plan.invalid',
    `${message} at ${place}`,
    hint === undefined ? {} : { hint },
  )
}

/** A value as an error shows it: short, and never its whole content. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (value === null || typeof value !== 'object') {
    const text = typeof value === 'string' ? `"${value}"` : String(value)
    return text.length > 60 ? `${text.slice(0, 60)}…` : text
  }
  return 'an object'
}

function wanted(what: string, value: unknown, place: string): PlatformError {
  return invalid(place, `wanted ${what}, found ${shown(value)}`)
}

export const text: Rule<string> = (value, place) => {
  if (typeof value !== 'string' || !value.isWellFormed()) throw wanted('text', value, place)
  return value
}

export const flag: Rule<boolean> = (value, place) => {
  if (typeof value !== 'boolean') throw wanted('true or false', value, place)
  return value
}

export const finite: Rule<number> = (value, place) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wanted('a number', value, place)
  return value
}

export function integer(min: number, max: number): Rule<number> {
  return (value, place) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw wanted(`an integer from ${min} to ${max}`, value, place)
    }
    return value
  }
}

/** Text that matches a pattern, within a length. */
export function matching(what: string, pattern: RegExp, lengthMax: number): Rule<string> {
  return (value, place) => {
    if (typeof value !== 'string' || value.length > lengthMax || !pattern.test(value)) {
      throw wanted(`${what} (${pattern.source}, at most ${lengthMax} characters)`, value, place)
    }
    return value
  }
}

export function oneOf<T extends string>(...values: readonly T[]): Rule<T> {
  return (value, place) => {
    const found = values.find(entry => entry === value)
    if (found === undefined) throw wanted(`one of ${values.join(', ')}`, value, place)
    return found
  }
}

export function list<T>(rule: Rule<T>, lengthMax: number, lengthMin = 0): Rule<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw wanted('an array', value, place)
    if (value.length > lengthMax || value.length < lengthMin) {
      throw invalid(place, `wanted ${lengthMin} to ${lengthMax} entries, found ${value.length}`)
    }
    return Object.freeze(value.map((entry, index) => rule(entry, `${place}[${index}]`)))
  }
}

export function orNull<T>(rule: Rule<T>): Rule<T | null> {
  return (value, place) => (value === null ? null : rule(value, place))
}

/** A member that may be absent. */
export function optional<T>(rule: Rule<T>): Rule<T | undefined> {
  return (value, place) => (value === undefined ? undefined : rule(value, place))
}

/** A rule that is made when it is first needed, for data that contains its own kind. */
export function later<T>(make: () => Rule<T>): Rule<T> {
  return (value, place) => make()(value, place)
}

type Members = Readonly<Record<string, Rule<unknown>>>
type Shaped<M extends Members> = {
  readonly [K in keyof M as undefined extends ReturnType<M[K]> ? never : K]: ReturnType<M[K]>
} & {
  readonly [K in keyof M as undefined extends ReturnType<M[K]> ? K : never]?: Exclude<
    ReturnType<M[K]>,
    undefined
  >
}

/** The members of an object, none of them a function of its prototype. */
export function membersOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!plain) throw wanted('an object', value, place)
  return Object.fromEntries(Object.entries(value))
}

/** An object of exactly these members; those whose rule takes undefined may be absent. */
export function object<M extends Members>(rules: M): Rule<Shaped<M>> {
  return (value, place) => {
    const members = membersOf(value, place)
    for (const name of Object.keys(members)) {
      if (Object.hasOwn(rules, name) || members[name] === undefined) continue
      throw invalid(place, `no member "${name}" is known`)
    }
    const shaped: Record<string, unknown> = {}
    for (const [name, rule] of Object.entries(rules)) {
      const member = rule(members[name], `${place}.${name}`)
      if (member !== undefined) shaped[name] = member
    }
    return Object.freeze(shaped) as Shaped<M>
  }
}

/** An object by its own names. */
export function record<T>(rule: Rule<T>): Rule<Readonly<Record<string, T>>> {
  return (value, place) => {
    const entries = Object.entries(membersOf(value, place))
    const ruled = entries.map(([name, entry]) => [name, rule(entry, `${place}.${name}`)] as const)
    return Object.freeze(Object.fromEntries(ruled))
  }
}

/** An object whose member `tag` says which of `rules` it obeys. */
export function tagged<M extends Readonly<Record<string, Rule<unknown>>>>(
  tag: string,
  rules: M,
): Rule<ReturnType<M[keyof M]>> {
  return (value, place) => {
    const name = membersOf(value, place)[tag]
    const rule = typeof name === 'string' && Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) {
      throw wanted(`one of ${Object.keys(rules).join(', ')}`, name, `${place}.${tag}`)
    }
    return rule(value, place) as ReturnType<M[keyof M]>
  }
}
