/** A source out of the JSON that a log keeps of it (`canonicalJson`), values and all. */

import type { SourceSpec } from './application.ts'
import { checkSource } from './check/application.ts'
import type { Type, Value } from './type.ts'

/** JSON has no 64-bit integers and no bytes: both are text there, and the type beside them tells. */
function valueOf(json: unknown, type: Type): Value {
  if (type.kind === 'int64' && typeof json === 'string') return BigInt(json)
  if (type.kind === 'bytes' && typeof json === 'string') {
    return new Uint8Array(Buffer.from(json, 'hex'))
  }
  if (type.kind === 'array' && Array.isArray(json)) return json.map(item => valueOf(item, type.of))
  return json as Value
}

/**
 * The source that `canonicalJson` wrote.
 *
 * @throws PlatformError `plan.*` where it is none
 */
export function readSource(text: string): SourceSpec {
  const source = JSON.parse(text, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null) return member
    const { node, value, type } = member as { node?: unknown; value?: unknown; type?: Type }
    return node === 'literal' && type !== undefined
      ? { ...member, value: valueOf(value, type) }
      : member
  }) as SourceSpec
  checkSource(source)
  return source
}
