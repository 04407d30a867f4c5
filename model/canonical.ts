/**
 * The canonical hash of a table, written once more from its definition (docs/SEMANTICS.md, V2).
 *
 * Declared columns in order as RowBinary; rows sorted by the bytes of the key columns joined (a
 * null's flag byte is 1, a value's 0, so nulls are last), rows without a key by all their bytes;
 * SHA-256 of all of them joined.
 */

import { createHash } from 'node:crypto'
import type { Cell, Type } from './cells.ts'
import type { ModelColumn } from './records.ts'

/** Integers of `bytes` bytes, little-endian, two's complement. */
function integer(value: bigint, bytes: number): Buffer {
  const out = Buffer.alloc(bytes)
  let rest = BigInt.asUintN(bytes * 8, value)
  for (let j = 0; j < bytes; j++) {
    out[j] = Number(rest & 255n)
    rest >>= 8n
  }
  return out
}

function varint(value: number): Buffer {
  const out: number[] = []
  let rest = value
  while (rest > 127) {
    out.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...out, rest])
}

const prefixed = (bytes: Buffer): Buffer => Buffer.concat([varint(bytes.length), bytes])

/** Bytes of integers by type; a decimal's by its digits. */
function width(type: Type): number {
  if (type.kind === 'decimal') {
    const precision = type.precision ?? 0
    return precision <= 9 ? 4 : precision <= 18 ? 8 : 16
  }
  return (
    { bool: 1, enum: (type.values?.length ?? 0) <= 128 ? 1 : 2, timestamp: 8, int64: 8 }[
      type.kind
    ] ?? 4
  )
}

function encodeValue(cell: Cell, type: Type): Buffer {
  switch (type.kind) {
    case 'string':
    case 'json':
      return prefixed(Buffer.from(cell as string))
    case 'bytes':
      return prefixed(Buffer.from(cell as string, 'latin1'))
    case 'uuid': {
      const hex = (cell as string).replaceAll('-', '')
      return Buffer.concat([
        Buffer.from(hex.slice(0, 16), 'hex').reverse(),
        Buffer.from(hex.slice(16), 'hex').reverse(),
      ])
    }
    case 'float64': {
      const out = Buffer.alloc(8)
      out.writeDoubleLE(cell as number)
      return out
    }
    case 'array': {
      const items = cell as readonly Cell[]
      const of = type.of as Type
      return Buffer.concat([varint(items.length), ...items.map(item => encode(item, of))])
    }
    default:
      return integer(BigInt(cell as bigint | number | boolean), width(type))
  }
}

function encode(cell: Cell, type: Type): Buffer {
  if (type.nullable !== true) return encodeValue(cell, type)
  return cell === null
    ? Buffer.from([1])
    : Buffer.concat([Buffer.from([0]), encodeValue(cell, type)])
}

/** Row count and hash of rows given as cells by column. */
export function canonical(
  schema: readonly ModelColumn[],
  key: readonly string[],
  rows: readonly Readonly<Record<string, Cell>>[],
): { rows: number; sha256: string } {
  const bytesOf = (cells: Readonly<Record<string, Cell>>, names: readonly string[]): Buffer =>
    Buffer.concat(
      names.map(name => {
        const type = schema.find(column => column.name === name)?.type as Type
        return encode(cells[name] ?? null, type)
      }),
    )
  const all = schema.map(({ name }) => name)
  const encoded = rows.map(cells => {
    const bytes = bytesOf(cells, all)
    return { bytes, sort: key.length === 0 ? bytes : bytesOf(cells, key) }
  })
  encoded.sort((a, b) => Buffer.compare(a.sort, b.sort) || Buffer.compare(a.bytes, b.bytes))
  const hash = createHash('sha256')
  for (const { bytes } of encoded) hash.update(bytes)
  return { rows: rows.length, sha256: hash.digest('hex') }
}
