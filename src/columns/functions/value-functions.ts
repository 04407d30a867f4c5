/** Functions of arrays, JSON text and URLs; hashes and deterministic ids. */

import { invariant } from '#base'
import type { Type } from '#plan'
import { isNullRegister, nullRegister, type Register, wideRegister } from '../register.ts'
import { castScalar } from './cast-functions.ts'
import {
  argumentType,
  type Call,
  type FunctionEntry,
  literalText,
  type Scalar,
} from './function-entry.ts'
import { jsonAt } from './json-path.ts'
import { LOGIC_ENTRIES } from './logic-functions.ts'
import { texts } from './text-functions.ts'
import { uuidMinter } from './uuid-v5.ts'

/** A scalar of an array and more; null never is the array. */
const arrays =
  (scalar: (items: readonly Register[], other: Register) => Register): Scalar =>
  (items = null, other = null) =>
    scalar(items as readonly Register[], other)

function elementType(call: Call): Type {
  const type = argumentType(call, 0)
  invariant(type.kind === 'array', 'elements are those of an array')
  return type.of
}

/** Equality of the elements with the second argument. */
function elementEquals(call: Call): Scalar {
  const [, value] = call.args
  invariant(value !== undefined, 'arrayContains has a value')
  const element = { node: 'column', name: '', type: elementType(call) } as const
  return LOGIC_ENTRIES.eq.scalar({ ...call, fn: 'eq', args: [element, value] })
}

/** scheme, authority, path, query, fragment: the expression of RFC 3986, appendix B. */
const URL_TEXT = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s

const URL_GROUPS: Readonly<Record<string, number>> = { scheme: 1, path: 3, query: 4, fragment: 5 }

function urlPart(text: string, part: string): string | null {
  const found = URL_TEXT.exec(text)
  if (found === null) return null
  const group = URL_GROUPS[part]
  if (group !== undefined) return found[group] ?? null
  const authority = found[2]
  if (authority === undefined) return null
  const place = authority.slice(authority.lastIndexOf('@') + 1)
  const colon = place.indexOf(':', place.startsWith('[') ? place.indexOf(']') + 1 : 0)
  if (part === 'host') return colon < 0 ? place : place.slice(0, colon)
  return colon < 0 ? null : place.slice(colon + 1)
}

/**
 * 64-bit FNV-1a of UTF-8 bytes as a signed integer. The prime is 2⁴⁰ + 435, so that a product is a
 * shift and two products of 32-bit halves that doubles hold.
 */
export function fnv1a(bytes: Uint8Array): number | bigint {
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (const byte of bytes) {
    const mixed = (low ^ byte) >>> 0
    const product = mixed * 435
    high = (high * 435 + Math.floor(product / 4294967296) + ((mixed << 8) >>> 0)) % 4294967296
    low = product >>> 0
  }
  return wideRegister((BigInt(high | 0) << 32n) | BigInt(low))
}

/** The canonical text of a value, which `hash` hashes. */
function hashScalar(call: Call): Scalar {
  const text = castScalar(argumentType(call, 0), { kind: 'string' })
  return (value = null) => fnv1a(Buffer.from(text(value) as string))
}

export const VALUE_ENTRIES = {
  arrayLength: { strict: true, scalar: () => arrays(items => items.length) },
  arrayElement: {
    strict: true,
    scalar: call => {
      const none = nullRegister(call.type)
      return arrays((items, place) => items[Number(place) - 1] ?? none)
    },
  },
  arrayContains: {
    strict: true,
    scalar: call => {
      const equals = elementEquals(call)
      return arrays((items, value) =>
        Number(items.some(item => !isNullRegister(item) && equals(item, value) === 1)),
      )
    },
  },
  jsonField: {
    strict: true,
    scalar: call => {
      const path = literalText(call, 1).split('.')
      return texts((text = '') => jsonAt(text, path))
    },
  },
  urlPart: {
    strict: true,
    scalar: call => {
      const part = literalText(call, 1)
      return texts((text = '') => urlPart(text, part))
    },
  },
  hash: { strict: true, scalar: hashScalar },
  uuidv5: {
    strict: true,
    scalar: call => {
      const mint = uuidMinter(literalText(call, 0))
      return texts((_, ...parts) => mint(JSON.stringify(parts)))
    },
  },
} as const satisfies Record<string, FunctionEntry>
