/**
 * Rows out of the Native blocks that the engine spools, without a store: what a table would hold.
 *
 * Values of a row lie in Native column by column, and in RowBinary one behind the other, in the same
 * bytes; so a row here is its RowBinary bytes, cut out of the block.
 */

import { invariant } from '#base'
import type { TableSpec } from '#plan'
import { type TableLayout, tableLayout } from './table-layout.ts'

/** A row as a unit has it. */
export interface StoredRow {
  /** The declared columns as RowBinary. */
  readonly bytes: Uint8Array
  /** The key columns' bytes as text; empty for tables without a key. */
  readonly key: string
  readonly epoch: number
  readonly deleted: boolean
  readonly settled: boolean
}

/** Fixed widths by ClickHouse type; the others are lengths and bytes. */
const WIDTHS: Readonly<Record<string, number>> = {
  Bool: 1,
  UInt8: 1,
  Enum8: 1,
  Enum16: 2,
  Int32: 4,
  UInt32: 4,
  Date32: 4,
  IPv4: 4,
  Int64: 8,
  UInt64: 8,
  Float64: 8,
  DateTime64: 8,
  UUID: 16,
}

/** Reads one block after the other in `bytes`. */
export function nativeRows(table: TableSpec, bytes: Uint8Array): StoredRow[] {
  const layout = tableLayout(table)
  const reader = new BlockReader(bytes)
  const rows: StoredRow[] = []
  while (reader.at < bytes.length) rows.push(...blockRows(layout, table, reader))
  return rows
}

function blockRows(layout: TableLayout, table: TableSpec, reader: BlockReader): StoredRow[] {
  const columnCount = reader.varint()
  const rowCount = reader.varint()
  const columns = new Map<string, Uint8Array[]>()
  for (let j = 0; j < columnCount; j++) {
    const name = reader.text()
    columns.set(name, reader.column(reader.text(), rowCount))
  }
  const at = (name: string, row: number): Uint8Array => {
    const cell = columns.get(name)?.[row]
    invariant(cell !== undefined, `a block of "${table.name}" has "${name}"`)
    return cell
  }
  return Array.from({ length: rowCount }, (_, row) => ({
    bytes: Buffer.concat(layout.columns.map(({ name }) => at(name, row))),
    key: Buffer.concat(table.key.map(name => at(name, row))).toString('latin1'),
    epoch: Number(Buffer.from(at('_e', row)).readBigUInt64LE()),
    deleted: layout.upsert && at('_deleted', row)[0] === 1,
    settled: !layout.upsert || at('_settled', row)[0] === 1,
  }))
}

class BlockReader {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#bytes[this.at++] ?? 0
      value += (byte & 127) * unit
      if (byte < 128) return value
    }
  }

  text(): string {
    const length = this.varint()
    return Buffer.from(this.#take(length)).toString()
  }

  /** The values of a column, each in RowBinary. */
  column(type: string, count: number): Uint8Array[] {
    const [outer, inner] = split(type)
    if (outer === 'Nullable') {
      const nulls = this.#take(count)
      const values = this.column(inner, count)
      return values.map((value, row) =>
        nulls[row] === 1 ? Uint8Array.of(1) : Buffer.concat([Uint8Array.of(0), value]),
      )
    }
    if (outer === 'Array') return this.#arrays(inner, count)
    if (outer === 'String') return Array.from({ length: count }, () => this.#prefixed())
    const width = outer === 'Decimal' ? decimalWidth(inner) : WIDTHS[outer]
    invariant(width !== undefined, `the type "${type}" is known`)
    return Array.from({ length: count }, () => this.#take(width))
  }

  #arrays(type: string, count: number): Uint8Array[] {
    const ends = Array.from({ length: count }, () =>
      Number(Buffer.from(this.#take(8)).readBigUInt64LE()),
    )
    const items = this.column(type, ends[count - 1] ?? 0)
    return ends.map((end, row) => {
      const begin = row === 0 ? 0 : (ends[row - 1] ?? 0)
      return Buffer.concat([varint(end - begin), ...items.slice(begin, end)])
    })
  }

  #prefixed(): Uint8Array {
    const begin = this.at
    const length = this.varint()
    this.at += length
    return this.#bytes.subarray(begin, this.at)
  }

  #take(length: number): Uint8Array {
    const begin = this.at
    this.at += length
    invariant(this.at <= this.#bytes.length, 'a block ends with its last column')
    return this.#bytes.subarray(begin, this.at)
  }
}

/** `Nullable(Decimal(18, 2))` as its name and what stands in the parentheses. */
function split(type: string): [string, string] {
  const open = type.indexOf('(')
  return open < 0 ? [type, ''] : [type.slice(0, open), type.slice(open + 1, -1)]
}

function decimalWidth(parameters: string): number {
  const precision = Number(parameters.split(',')[0])
  return precision <= 9 ? 4 : precision <= 18 ? 8 : 16
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Uint8Array.of(...bytes, rest)
}
