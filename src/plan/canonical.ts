/**
 * The canonical form of a plan: JSON with sorted keys, and its hash.
 *
 * As RFC 8785: no spaces, keys by UTF-16 code units, numbers as ECMAScript writes them. An int64 is
 * text of its digits and bytes are hexadecimal text; the type that stands beside every value tells
 * them from strings. Members that are undefined are not there.
 */

import { createHash } from 'node:crypto'
import { invariant } from '#base'
import type { Application } from './application.ts'

/** `value` (plain data, bigint and bytes included) as canonical JSON. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return `"${value}"`
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('hex')}"`
  if (value === null || typeof value !== 'object') return canonicalScalar(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`
}

function canonicalScalar(value: unknown): string {
  invariant(
    value === null ||
      typeof value === 'boolean' ||
      typeof value === 'string' ||
      (typeof value === 'number' && Number.isFinite(value)),
    'canonical JSON is made of plain data',
  )
  return JSON.stringify(value)
}

/**
 * SHA-256, in hexadecimal, of the canonical form of an application without its functions: state and
 * outputs of one hash belong together. The function of a `process` counts by its declared version.
 */
export function planHash(application: Application): string {
  const { functions: _, ...data } = application
  return createHash('sha256').update(canonicalJson(data)).digest('hex')
}
