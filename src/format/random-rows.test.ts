/** Rows of every type, at random from a seed, with the values where encodings change: for tests. */

import type { Random } from '#base'
import type { Row, ScalarType, Schema, Type, Value } from '#plan'

const nullable = <T extends Type>(type: T): T => ({ ...type, nullable: true })
const enumOf = (count: number): ScalarType => ({
  kind: 'enum',
  values: Array.from({ length: count }, (_, i) => (i === 1 ? "it's\\\n" : `v${i}`)),
})
const decimal = (precision: number, scale: number): ScalarType => ({
  kind: 'decimal',
  precision,
  scale,
})

const SCALARS: readonly (readonly [name: string, type: ScalarType])[] = [
  ['bool', { kind: 'bool' }],
  ['int32', { kind: 'int32' }],
  ['int64', { kind: 'int64' }],
  ['float64', { kind: 'float64' }],
  ['decimal9', decimal(9, 2)],
  ['decimal15', decimal(15, 15)],
  ['decimal18', decimal(18, 0)],
  ['decimal38', decimal(38, 10)],
  ['string', { kind: 'string' }],
  ['enum8', enumOf(128)],
  ['enum16', enumOf(129)],
  ['at', { kind: 'timestamp' }],
  ['day', { kind: 'date' }],
  ['uuid', { kind: 'uuid' }],
  ['ipv4', { kind: 'ipv4' }],
  ['json', { kind: 'json' }],
  ['bytes', { kind: 'bytes' }],
]

/** Every type: as it is, nullable, in an array, and nullable in an array. */
export const EVERY_TYPE: Schema = SCALARS.flatMap(([name, type]) => [
  { name, type },
  { name: `${name}_null`, type: nullable(type) },
  { name: `${name}_list`, type: { kind: 'array', of: type } },
  { name: `${name}_null_list`, type: { kind: 'array', of: nullable(type) } },
])

export function randomRow(schema: Schema, random: Random): Row {
  return Object.fromEntries(schema.map(({ name, type }) => [name, randomValue(type, random)]))
}

function randomValue(type: Type, random: Random): Value {
  if (type.nullable === true && random.int(3) === 0) return null
  if (type.kind === 'array') {
    return Array.from({ length: random.int(4) }, () => randomValue(type.of, random))
  }
  return randomScalar(type, random)
}

function randomScalar(type: ScalarType, random: Random): Value {
  switch (type.kind) {
    case 'bool':
      return random.int(2) === 1
    case 'int32':
      return pick(random, [0, -1, 2 ** 31 - 1, -(2 ** 31), random.int(1000)])
    case 'int64':
      return pick(
        random,
        INTEGERS.filter(value => BigInt.asIntN(64, value) === value),
      )
    case 'float64':
      return pick(random, [0, 1.5, -1e300, 5e-324, Number.MAX_VALUE, random.next()])
    case 'decimal':
      return decimalText(type.precision, type.scale, random)
    case 'enum':
      return pick(random, [...type.values, type.values[1] ?? '', type.values.at(-1) ?? ''])
    case 'timestamp':
      return pick(
        random,
        [0, -1, 4294967295, -4294967297, 1_700_000_000_123_456, -2_000_000_000_000_000],
      )
    case 'date':
      return pick(random, [0, -1, 19_000, -25_000, 100_000])
    case 'uuid':
      return uuid(random)
    case 'ipv4':
      return [0, 0, 0, 0].map(() => random.int(256)).join('.')
    case 'bytes':
      return Uint8Array.from({ length: pick(random, LENGTHS) }, () => random.int(256))
    default:
      return pick(random, ['ä€😀\0', 'x'].concat(LENGTHS.map(length => 'y'.repeat(length))))
  }
}

const LENGTHS = [0, 1, 63, 64, 127, 128, 300, 16_384]

const INTEGERS = [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n) - 1n].concat(
  [53n, 63n, 64n, 96n].flatMap(bits => [
    2n ** bits - 1n,
    -(2n ** bits),
    1n - 2n ** bits,
    2n ** bits,
  ]),
)

function decimalText(precision: number, scale: number, random: Random): string {
  const limit = 10n ** BigInt(precision)
  const fitting = [...INTEGERS, limit - 1n, 1n - limit].filter(n => n < limit && n > -limit)
  const unscaled = pick(random, fitting)
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const sign = unscaled < 0n ? '-' : ''
  if (scale === 0) return sign + digits
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(16).toString(16)).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.int(from.length)] as T
}
