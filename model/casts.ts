/** Casts of the model: what the wanted type cannot hold is null. */

import { type Cell, decimalText, type Type } from './cells.ts'
import type { Meaning } from './functions.ts'
import { divideHalfEven, finite, inRange, rescale } from './numbers.ts'
import { daysOf, exists, formatted, timeOf } from './times.ts'

const DAY_US = 86_400_000_000
const EXACT = ['int32', 'int64', 'decimal']

/** The canonical text of a cell that is not null. */
export function castToText(cell: Cell, type: Type): string {
  switch (type.kind) {
    case 'decimal':
      return decimalText(cell as bigint, type.scale ?? 0)
    case 'enum':
      return type.values?.[cell as number] ?? ''
    case 'timestamp':
      return formatted(cell as number, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
    case 'date':
      return formatted((cell as number) * DAY_US, 'yyyy-MM-dd')
    case 'ipv4':
      return [24, 16, 8, 0].map(shift => Math.floor((cell as number) / 2 ** shift) % 256).join('.')
    default:
      return String(cell)
  }
}

/** Exact text of a number at a scale, further digits being zeros only; null for other text. */
function unitsOfText(text: string, scale: number): bigint | null {
  const found = /^(-?\d+)(?:\.(\d+))?$/.exec(text)
  if (found === null) return null
  const [, whole = '', fraction = ''] = found
  if (/[1-9]/.test(fraction.slice(scale))) return null
  return BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
}

function fromText(text: string, type: Type): Cell {
  switch (type.kind) {
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : null
    case 'int32':
    case 'int64':
    case 'decimal': {
      if (type.kind !== 'decimal' && !/^-?\d+$/.test(text)) return null
      const units = unitsOfText(text, type.scale ?? 0)
      return units !== null && inRange(units, type) ? units : null
    }
    case 'float64':
      return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? finite(Number(text)) : null
    case 'enum': {
      const index = (type.values ?? []).indexOf(text)
      return index < 0 ? null : index
    }
    case 'timestamp': {
      const found =
        /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(text)
      if (found === null) return null
      const [, yyyy = '', MM = '', dd = '', HH = '', mm = '', ss = '', digits = '', zone = 'Z'] =
        found
      return timeOf({
        yyyy,
        MM,
        dd,
        HH,
        mm,
        ss,
        SSSSSS: digits.slice(0, 6).padEnd(6, '0'),
        Z: zone,
      })
    }
    case 'date': {
      const [, yyyy, MM, dd] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []
      if (yyyy === undefined || yyyy === '0000') return null
      const days = daysOf(Number(yyyy), Number(MM), Number(dd))
      return formatted(days * DAY_US, 'yyyy-MM-dd') === text ? days : null
    }
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : null
    case 'ipv4': {
      const parts = text.split('.')
      const good = parts.length === 4 && parts.every(p => /^(0|[1-9]\d{0,2})$/.test(p) && +p < 256)
      return good ? parts.reduce((sum, p) => sum * 256 + Number(p), 0) : null
    }
  }
  throw new Error(`the model casts no text to "${type.kind}"`)
}

/** The integer nearest to a float's exact value × 10ˢᶜᵃˡᵉ, halves to the even one. */
function unitsOfFloat(value: number, scale: number): bigint {
  let numerator = value
  let denominator = 1n
  while (!Number.isInteger(numerator)) {
    numerator *= 2
    denominator *= 2n
  }
  return divideHalfEven(BigInt(numerator) * 10n ** BigInt(scale), denominator)
}

/** Between kinds that are not text. */
function between(cell: Cell, from: Type, to: Type): Cell {
  if (from.kind === to.kind && from.kind !== 'decimal' && from.kind !== 'enum') return cell
  if (from.kind === 'enum') return fromText(castToText(cell, from), to)
  if (EXACT.includes(to.kind) && from.kind !== 'timestamp' && from.kind !== 'date') {
    const scale = to.scale ?? 0
    const units =
      from.kind === 'float64'
        ? unitsOfFloat(cell as number, scale)
        : rescale(BigInt(cell as bigint | boolean), from.scale ?? 0, scale)
    return inRange(units, to) ? units : null
  }
  if (to.kind === 'float64') return Number(castToText(cell, from))
  if (to.kind === 'date' && from.kind === 'timestamp') return Math.floor(Number(cell) / DAY_US)
  const value = Number(cell) * (from.kind === 'date' && to.kind === 'timestamp' ? DAY_US : 1)
  if (to.kind === 'int64' || to.kind === 'int32') return BigInt(value)
  return exists(value, to.kind) ? value : null
}

export const CASTS: Readonly<Record<string, Meaning>> = {
  cast: ([cell = null], [from], to) => {
    if (cell === null || from === undefined) return null
    if (to.kind === 'string') return castToText(cell, from)
    return from.kind === 'string' ? fromText(cell as string, to) : between(cell, from, to)
  },
}
