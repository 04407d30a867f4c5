/**
 * Deterministic ids: uuidv5 of RFC 9562, and the names the platform gives it.
 */

import { createHash } from 'node:crypto'

/** The namespace of every id that the platform mints. */
export const PLATFORM_NAMESPACE = '0a5bbe90-79be-5ccd-b523-370b4e8c08d5'

/**
 * The uuid of version 5 of `name` (as UTF-8) in `namespace` (36 characters), lower case. The name of
 * the platform's ids is the canonical JSON text (RFC 8785) of an array of strings, which
 * `JSON.stringify` writes:
 *
 * @example uuidV5(PLATFORM_NAMESPACE, JSON.stringify(['session', 'u1', 'e1']))
 */
export function uuidV5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex', 0, 16)
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return `${groups.join('-')}-${hex.slice(20)}`
}
