import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDecimal, type Random, seededRandom } from '#base'
import { type Expression, FUNCTIONS, type Schema, type Type, type Value } from '#plan'
import { Batch } from '../batch.ts'
import { compileProject } from '../compile.ts'
import { appendRow, readRows } from '../rows.ts'
import { roundFloat } from './number-functions.ts'

const SEED = 31_337

/** A number as a fraction, exactly. */
interface Fraction {
  readonly n: bigint
  readonly d: bigint
}

type Name = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'eq' | 'lt'

const TYPES: readonly Type[] = [
  { kind: 'int32' },
  { kind: 'int64' },
  { kind: 'decimal', precision: 3, scale: 1 },
  { kind: 'decimal', precision: 15, scale: 2 },
  { kind: 'decimal', precision: 15, scale: 0 },
  { kind: 'decimal', precision: 16, scale: 4 },
  { kind: 'decimal', precision: 38, scale: 12 },
]

function maxOf(type: Type): bigint {
  if (type.kind === 'decimal') return 10n ** BigInt(type.precision) - 1n
  return 2n ** (type.kind === 'int32' ? 31n : 63n) - 1n
}

/** Numbers of all sizes, the greatest and those around 2^53 among them. */
function unscaledOf(random: Random, type: Type): bigint {
  const max = maxOf(type)
  const edges = [0n, 1n, max, max - 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 5n, 10n, 25n]
  const some =
    BigInt(Math.floor(random.next() * 2 ** 32)) * BigInt(Math.floor(random.next() * 2 ** 32))
  const value = random.next() < 0.5 ? (edges[random.int(edges.length)] ?? 0n) : some % (max + 1n)
  const fitting = value > max ? max : value
  return random.next() < 0.5 ? -fitting : fitting
}

/** The number of `typeB` that is `a` of `typeA` or next to it, where there is one. */
function near(random: Random, a: bigint, typeA: Type, typeB: Type): bigint {
  const power = 10n ** BigInt(Math.abs(scaleOf(typeB) - scaleOf(typeA)))
  const same = scaleOf(typeB) < scaleOf(typeA) ? a / power : a * power
  const b = same + BigInt(random.int(3) - 1)
  const max = maxOf(typeB)
  return b > max || b < -max ? unscaledOf(random, typeB) : b
}

const scaleOf = (type: Type): number => (type.kind === 'decimal' ? type.scale : 0)

function valueFrom(unscaled: bigint, type: Type): Value {
  if (type.kind === 'int32') return Number(unscaled)
  return type.kind === 'decimal' ? formatDecimal(unscaled, type.scale) : unscaled
}

const fraction = (unscaled: bigint, type: Type): Fraction => ({
  n: unscaled,
  d: 10n ** BigInt(scaleOf(type)),
})

/** The nearest integer, halves to the even one, by the definition. */
function nearest({ n, d }: Fraction): bigint {
  const negative = n < 0n !== d < 0n
  const [a, b] = [n < 0n ? -n : n, d < 0n ? -d : d]
  const floor = a / b
  const rest = 2n * (a - floor * b)
  const up = rest > b || (rest === b && floor % 2n === 1n)
  const size = up ? floor + 1n : floor
  return negative ? -size : size
}

function modelOf(fn: Name, a: Fraction, b: Fraction, type: Type): Value {
  const left = a.n * b.d
  const right = b.n * a.d
  const d = a.d * b.d
  if (fn === 'eq') return left === right
  if (fn === 'lt') return left < right
  if ((fn === 'div' || fn === 'mod') && right === 0n) return null
  const whole = type.kind === 'int64'
  const result: Record<Exclude<Name, 'eq' | 'lt'>, Fraction> = {
    add: { n: left + right, d },
    sub: { n: left - right, d },
    mul: { n: a.n * b.n, d },
    div: whole ? { n: right === 0n ? 0n : left / right, d: 1n } : { n: left, d: right },
    mod: { n: right === 0n ? 0n : left % right, d },
  }
  const { n, d: by } = result[fn]
  const unscaled = nearest({ n: n * 10n ** BigInt(scaleOf(type)), d: by })
  const limit = type.kind === 'decimal' ? 10n ** BigInt(type.precision) : 2n ** 63n
  const fits =
    unscaled < limit && (type.kind === 'decimal' ? unscaled > -limit : unscaled >= -limit)
  return fits ? valueFrom(unscaled, type) : null
}

test('arithmetic and comparison of integers and decimals are those of exact fractions', () => {
  const random = seededRandom(SEED)
  const names: readonly Name[] = ['add', 'sub', 'mul', 'div', 'mod', 'eq', 'lt']
  for (const typeA of TYPES) {
    for (const typeB of TYPES) {
      const schema: Schema = [
        { name: 'a', type: typeA },
        { name: 'b', type: typeB },
      ]
      const args = schema.map(({ name, type }): Expression => ({ node: 'column', name, type }))
      const columns = names.flatMap(fn => {
        const type = FUNCTIONS[fn].check(args, undefined)
        return 'reason' in type ? [] : [{ fn, type: { ...type, nullable: true } as Type }]
      })
      const pairs = Array.from({ length: 60 }, (_, i) => {
        const a = unscaledOf(random, typeA)
        return [a, i % 2 === 0 ? unscaledOf(random, typeB) : near(random, a, typeA, typeB)] as const
      })
      const input = new Batch(schema)
      for (const [a, b] of pairs) {
        appendRow(input, { a: valueFrom(a, typeA), b: valueFrom(b, typeB) }, { at: 0 })
      }
      const output = columns.map(({ fn, type }) => ({ name: fn, type }))
      const expected = pairs.map(([a, b]) =>
        Object.fromEntries(
          columns.map(({ fn, type }) => [
            fn,
            modelOf(fn, fraction(a, typeA), fraction(b, typeB), type),
          ]),
        ),
      )
      for (const generated of [true, false]) {
        const batch = new Batch(output)
        const calls = columns.map(({ fn, type }): Expression => ({ node: 'call', fn, args, type }))
        compileProject(schema, calls, output, { generated })(input, batch)
        assert.deepEqual(readRows(batch), expected, JSON.stringify([typeA, typeB, generated]))
      }
    }
  }
})

test('a float64 is rounded by its exact binary value', () => {
  const random = seededRandom(SEED + 1)
  for (let i = 0; i < 3_000; i++) {
    const digits = random.int(6)
    const size = 10 ** (random.int(14) - 4)
    const value =
      random.next() < 0.3
        ? (random.int(4_000) - 2_000) / 2 ** random.int(8)
        : (random.next() - 0.5) * size
    // A double is an integer over a power of two; 2^80 is enough for the values above.
    const exact = { n: BigInt(value * 2 ** 50 * 2 ** 50), d: 2n ** 100n }
    const unscaled = nearest({ n: exact.n * 10n ** BigInt(digits), d: exact.d })
    assert.equal(
      roundFloat(value, digits),
      Number(formatDecimal(unscaled, digits)) + 0,
      `${value} at ${digits}`,
    )
  }
})
