/**
 * Functions of text over JavaScript strings; those of a column and a literal are also in
 * `generate-text.ts`, over the bytes of the arena.
 */

import { nullRegister } from '../register.ts'
import { argumentType, type FunctionEntry, literalText, type Scalar } from './function-entry.ts'

/** A scalar of strings; null never reaches it. */
export const texts = <R extends number | string | readonly string[] | null>(
  scalar: (...args: readonly string[]) => R,
): Scalar => scalar as unknown as Scalar

const strict = (scalar: Scalar): FunctionEntry => ({ strict: true, scalar: () => scalar })

function trimmed(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && text.charCodeAt(from) === 0x20) from++
  while (to > from && text.charCodeAt(to - 1) === 0x20) to--
  return text.slice(from, to)
}

const highSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** How many code points well-formed text has. */
export function characterCount(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; at++) if (highSurrogate(text.charCodeAt(at))) count--
  return count
}

/** The place in UTF-16 units `count` code points behind `from`, or the end. */
function advanced(text: string, from: number, count: number): number {
  let at = from
  for (let left = count; left > 0 && at < text.length; left--) {
    at += highSurrogate(text.charCodeAt(at)) ? 2 : 1
  }
  return at
}

/** `length` code points from the place `start`, which counts from 1. */
function substring(text: string, start: number, length: number): string | null {
  if (start < 1 || length < 0) return null
  const from = advanced(text, 0, start - 1)
  return text.slice(from, advanced(text, from, length))
}

export const TEXT_ENTRIES = {
  concat: strict(texts((...parts) => parts.join(''))),
  lower: strict(texts((text = '') => text.toLowerCase())),
  upper: strict(texts((text = '') => text.toUpperCase())),
  trim: strict(texts((text = '') => trimmed(text))),
  length: strict(texts((text = '') => characterCount(text))),
  substring: {
    strict: true,
    scalar: call => {
      if (argumentType(call, 0).kind !== 'string') return () => nullRegister(call.type)
      return (text = null, start = 0, length = Number.POSITIVE_INFINITY) =>
        substring(text as string, Number(start), Number(length))
    },
  },
  contains: strict(texts((text = '', part = '') => Number(text.includes(part)))),
  startsWith: strict(texts((text = '', part = '') => Number(text.startsWith(part)))),
  split: {
    strict: true,
    scalar: call => {
      const separator = literalText(call, 1)
      return texts((text = '') => text.split(separator))
    },
  },
} as const satisfies Record<string, FunctionEntry>
