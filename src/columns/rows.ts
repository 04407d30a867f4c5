/**
 * Rows as objects, into and out of batches: for users' `process` functions, the test kit and the
 * naive model. Dear per row (about a microsecond and more); nothing hot goes through here.
 */

import { decimalFits, formatDecimal, invariant, PlatformError, parseDecimal } from '#base'
import { type Row, type Type, typeText, type Value } from '#plan'
import type { Arena } from './arena.ts'
import type { Batch } from './batch.ts'
import type { BatchColumn } from './column.ts'
import {
  nullRegister,
  type Register,
  readRegister,
  wideRegister,
  writeRegister,
} from './register.ts'

/** Where a row comes from; what is left out is that of a first, settled, appearing row. */
export interface RowIdentity {
  readonly at: number
  readonly weight?: number
  readonly settled?: boolean
  readonly origin?: number
  readonly offset?: number
  readonly index?: number
}

/**
 * Appends a row and selects it; the batch grows as needed. Columns that `row` has not are null.
 *
 * @throws PlatformError `plan.type` where a value does not fit its column, which changes nothing
 */
export function appendRow(batch: Batch, row: Row, identity: RowIdentity): void {
  const registers = batch.schema.map(({ name, type }) => {
    const value = row[name] ?? null
    const register = toRegister(value, type)
    if (register === undefined) throw misfit(name, value, type)
    return register
  })
  const at = batch.length
  batch.grow(at + 1)
  for (let c = 0; c < registers.length; c++) {
    const column = batch.columns[c]
    const type = batch.schema[c]?.type
    invariant(column !== undefined && type !== undefined, 'a batch has the columns of its schema')
    writeRegister(column, type, batch.arena, at, registers[c] ?? null)
  }
  batch.at[at] = identity.at
  batch.weight[at] = identity.weight ?? 1
  batch.settled[at] = identity.settled === false ? 0 : 1
  batch.origin[at] = identity.origin ?? 0
  batch.offset[at] = identity.offset ?? 0
  batch.index[at] = identity.index ?? 0
  batch.selection[batch.selected] = at
  batch.selected++
  batch.length++
}

/** The row at `row` of a batch, columns in schema order. */
export function readRow(batch: Batch, row: number): Row {
  const values: Record<string, Value> = {}
  for (let c = 0; c < batch.schema.length; c++) {
    const entry = batch.schema[c]
    const column = batch.columns[c]
    invariant(column !== undefined && entry !== undefined, 'a batch has the columns of its schema')
    values[entry.name] = readValue(column, entry.type, batch.arena, row)
  }
  return values
}

/** The selected rows of a batch, in order. */
export function readRows(batch: Batch): Row[] {
  return Array.from({ length: batch.selected }, (_, i) => readRow(batch, batch.selection[i] ?? 0))
}

/** The value at `row` of a column that holds values of `type`. */
export function readValue(column: BatchColumn, type: Type, arena: Arena, row: number): Value {
  return fromRegister(readRegister(column, type, arena, row), type)
}

/**
 * Writes a value to `row` of a column, which has room for it.
 *
 * @throws PlatformError `plan.type` where it does not fit; `name` is the column's, for the message
 */
export function writeValue(
  column: BatchColumn,
  type: Type,
  arena: Arena,
  row: number,
  value: Value,
  name: string,
): void {
  const register = toRegister(value, type)
  if (register === undefined) throw misfit(name, value, type)
  writeRegister(column, type, arena, row, register)
}

/** The value of a register: what a user meets. */
export function fromRegister(register: Register, type: Type): Value {
  if (register === null || Number.isNaN(register)) return null
  switch (type.kind) {
    case 'bool':
      return register === 1
    case 'int64':
      return BigInt(register as number | bigint)
    case 'decimal':
      return formatDecimal(BigInt(register as number | bigint), type.scale)
    case 'enum':
      return type.values[register as number] ?? null
    case 'ipv4':
      return ipv4Text(register as number)
    case 'bytes':
      return Uint8Array.from(Buffer.from(register as string, 'latin1'))
    case 'array':
      return (register as readonly Register[]).map(item => fromRegister(item, type.of))
    default:
      return register as number | string
  }
}

/** The register of a value, or undefined where it is none of `type`. */
export function toRegister(value: Value, type: Type): Register | undefined {
  if (value === null) return type.nullable === true ? nullRegister(type) : undefined
  switch (typeof value) {
    case 'boolean':
      return type.kind === 'bool' ? Number(value) : undefined
    case 'number':
      return numberRegister(value, type)
    case 'bigint':
      return type.kind === 'int64' && BigInt.asIntN(64, value) === value
        ? wideRegister(value)
        : undefined
    case 'string':
      return textRegister(value, type)
    default:
      if (value instanceof Uint8Array) {
        return type.kind === 'bytes' ? Buffer.from(value).toString('latin1') : undefined
      }
      return type.kind === 'array' ? arrayRegister(value, type) : undefined
  }
}

function numberRegister(value: number, type: Type): Register | undefined {
  switch (type.kind) {
    case 'int32':
    case 'date':
      return (value | 0) === value ? value + 0 : undefined
    case 'timestamp':
      return Number.isSafeInteger(value) ? value + 0 : undefined
    case 'float64':
      return Number.isFinite(value) ? value + 0 : undefined
    default:
      return undefined
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const isUuid = (text: string): boolean => UUID.test(text)

function textRegister(value: string, type: Type): Register | undefined {
  switch (type.kind) {
    case 'string':
    case 'json':
      return value.isWellFormed() ? value : undefined
    case 'decimal': {
      const unscaled = parseDecimal(value, type.scale)
      if (unscaled === undefined || !decimalFits(unscaled, type.precision)) return undefined
      return wideRegister(unscaled)
    }
    case 'enum': {
      const index = type.values.indexOf(value)
      return index < 0 ? undefined : index
    }
    case 'uuid':
      return UUID.test(value) ? value : undefined
    case 'ipv4':
      return parseIpv4(value)
    default:
      return undefined
  }
}

function arrayRegister(
  value: readonly Value[],
  type: Extract<Type, { kind: 'array' }>,
): Register | undefined {
  const items: Register[] = []
  for (const item of value) {
    const register = toRegister(item, type.of)
    if (register === undefined) return undefined
    items.push(register)
  }
  return items
}

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`)

/** A dotted quad without leading zeros as unsigned 32 bits. */
export function parseIpv4(text: string): number | undefined {
  const match = IPV4.exec(text)
  if (match === null) return undefined
  return match.slice(1).reduce((bits, octet) => bits * 256 + Number(octet), 0)
}

export function ipv4Text(bits: number): string {
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`
}

/** Characters of a value that a message shows. */
const SHOWN_CHARACTERS_MAX = 80

function shown(value: Value): string {
  if (value === null || typeof value !== 'object') {
    return `${typeof value === 'bigint' ? `${value}n` : value}`.slice(0, SHOWN_CHARACTERS_MAX)
  }
  return value instanceof Uint8Array ? `${value.length} bytes` : `${value.length} elements`
}

const HINTS: Partial<Record<Type['kind'], string>> = {
  int32: 'An int32 is an integer number of 32 bits.',
  int64: 'An int64 is a bigint of 64 bits, as in 12n.',
  float64: 'A float64 is a finite number.',
  decimal: 'A decimal is text of no more digits than its type has, as in "12.30".',
  timestamp: 'A timestamp is an integer number of microseconds since 1970 UTC.',
  date: 'A date is an integer number of days since 1970.',
  uuid: 'A uuid is its 36 lower-case characters.',
  ipv4: 'An ipv4 is a dotted quad.',
  string: 'A string has no unpaired surrogates.',
}

function misfit(name: string, value: Value, type: Type): PlatformError {
  const hint =
    value === null
      ? `Give "${name}" a value, or declare it nullable.`
      : type.kind === 'enum'
        ? `Its values are ${type.values.slice(0, 20).join(', ')}.`
        : (HINTS[type.kind] ?? `Give it a value of type ${typeText(type)}.`)
  const kind = value === null ? 'null' : `${typeof value} "${shown(value)}"`
  return new PlatformError(
    'plan.type',
    `column "${name}" of type ${typeText(type)} cannot hold ${kind}`,
    { hint },
  )
}
