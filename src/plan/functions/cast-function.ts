/**
 * `cast`: which types become which, and when that can fail.
 *
 * What a type cannot hold is null. Rounding is half to even. From text the canonical text is read
 * and nothing else (type.ts); to text it is written.
 */

import type { Type, TypeKind } from '../type.ts'
import {
  asDecimal,
  BOOL,
  countRefused,
  DATE,
  decimal,
  example,
  FLOAT64,
  type FunctionSpec,
  INT32,
  INT64,
  JSON_TEXT,
  nullable,
  refused,
  STRING,
  sameKind,
  TIMESTAMP,
  typeText,
  UUID,
  withNull,
} from './signature.ts'

/** Whether a cast always has a result, may have none, or is not there. */
type Outcome = 'total' | 'partial' | undefined

const TO_TEXT: ReadonlySet<TypeKind> = new Set([
  'bool',
  'int32',
  'int64',
  'float64',
  'decimal',
  'enum',
  'timestamp',
  'date',
  'uuid',
  'ipv4',
  'json',
])
const FROM_TEXT: ReadonlySet<TypeKind> = new Set([
  'bool',
  'int32',
  'int64',
  'float64',
  'decimal',
  'enum',
  'timestamp',
  'date',
  'uuid',
  'ipv4',
])

/** Casts between kinds that are neither text nor both exact numbers. */
const OTHER: Readonly<Record<string, Outcome>> = {
  'bool int32': 'total',
  'bool int64': 'total',
  'int32 float64': 'total',
  'int64 float64': 'total',
  'decimal float64': 'total',
  'float64 int32': 'partial',
  'float64 int64': 'partial',
  'float64 decimal': 'partial',
  'timestamp date': 'total',
  'date timestamp': 'partial',
  'timestamp int64': 'total',
  'int64 timestamp': 'partial',
  'date int32': 'total',
  'int32 date': 'partial',
  'enum enum': 'partial',
}

function castOutcome(from: Type, to: Type): Outcome {
  if (sameKind(from, to)) return 'total'
  if (to.kind === 'string') return TO_TEXT.has(from.kind) ? 'total' : undefined
  if (from.kind === 'string') return FROM_TEXT.has(to.kind) ? 'partial' : undefined
  const [a, b] = [asDecimal(from), asDecimal(to)]
  if (a === undefined || b === undefined) return OTHER[`${from.kind} ${to.kind}`]
  if (to.kind !== 'decimal')
    return from.kind === 'int32' && to.kind === 'int64' ? 'total' : 'partial'
  const carry = b.scale < a.scale ? 1 : 0
  return a.precision - a.scale + carry <= b.precision - b.scale ? 'total' : 'partial'
}

/** A value of every kind that has text, and the text. */
const TEXTS = [
  [BOOL, true, 'true'],
  [INT32, -7, '-7'],
  [INT64, -9223372036854775808n, '-9223372036854775808'],
  [FLOAT64, 0.1, '0.1'],
  [FLOAT64, 1e21, '1e+21'],
  [FLOAT64, -5e-324, '-5e-324'],
  [decimal(4, 2), '-0.50', '-0.50'],
  [decimal(38, 38), `0.${'0'.repeat(37)}1`, `0.${'0'.repeat(37)}1`],
  [TIMESTAMP, -1, '1969-12-31T23:59:59.999999Z'],
  [DATE, -1, '1969-12-31'],
  [UUID, '0a5bbe90-79be-5ccd-b523-370b4e8c08d5', '0a5bbe90-79be-5ccd-b523-370b4e8c08d5'],
  [{ kind: 'ipv4' }, '192.168.0.255', '192.168.0.255'],
  [{ kind: 'enum', values: ['red', 'green'] }, 'green', 'green'],
] as const satisfies readonly (readonly [Type, unknown, string])[]

/** Text that is none of a type. */
const NO_TEXTS: readonly (readonly [Type, readonly string[]])[] = [
  [BOOL, ['', 'True', '1', ' true']],
  [INT32, ['', '-', '+1', '1.0', '1e3', ' 1', '2147483648', '0x1']],
  [INT64, ['9223372036854775808', '1_000', '1 ']],
  [FLOAT64, ['', '.', '.5', '5.', 'NaN', 'Infinity', '1e400', '+1', '1e', ' 1']],
  [decimal(4, 2), ['', '100.00', '1.234', '.5', '1e1', '+1']],
  [TIMESTAMP, ['', '2024-01-01', '2024-02-30T00:00:00Z', '2300-01-01T00:00:00Z']],
  [DATE, ['', '2024-2-1', '2023-02-29', '2024-01-01T00:00:00']],
  [UUID, ['', '0A5BBE90-79be-5ccd-b523-370b4e8c08d5', '0a5bbe9079be5ccdb523370b4e8c08d5']],
  [{ kind: 'ipv4' }, ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4 ']],
  [{ kind: 'enum', values: ['red', 'green'] }, ['', 'Red', 'blue']],
]

const textExamples = [
  ...TEXTS.flatMap(([type, value, text]) => [
    ...example([type], STRING, [[value], text]),
    ...example([STRING], withNull(type), [[text], value]),
  ]),
  ...NO_TEXTS.flatMap(([type, texts]) =>
    example([STRING], withNull(type), ...texts.map(text => [[text], null] as const)),
  ),
  ...example([JSON_TEXT], STRING, [['{"a": 1}'], '{"a": 1}']),
  ...example([STRING], withNull(INT32), [['-0'], 0], [['007'], 7]),
  ...example(
    [STRING],
    withNull(FLOAT64),
    [['-0'], 0],
    [['1E3'], 1000],
    [['-1.5e-3'], -0.0015],
    [['12'], 12],
  ),
  ...example(
    [STRING],
    withNull(decimal(4, 2)),
    [['7'], '7.00'],
    [['-0'], '0.00'],
    [['1.50000'], '1.50'],
  ),
  ...example(
    [STRING],
    withNull(TIMESTAMP),
    [['2024-01-01 00:00:00'], 1704067200000000],
    [['2024-01-01T01:00:00.5+01:00'], 1704067200500000],
    [['1969-12-31T23:59:59.9999999'], -1],
  ),
]

const numberExamples = [
  ...example([INT32], INT64, [[-1], -1n]),
  ...example([INT64], withNull(INT32), [[2147483647n], 2147483647], [[2147483648n], null]),
  ...example([INT64], FLOAT64, [[9007199254740993n], 9007199254740992], [[-1n], -1]),
  ...example([INT32], FLOAT64, [[7], 7]),
  ...example([INT32], decimal(12, 2), [[-7], '-7.00']),
  ...example([INT32], withNull(decimal(4, 2)), [[99], '99.00'], [[100], null]),
  ...example(
    [decimal(5, 3)],
    withNull(decimal(4, 2)),
    [['0.125'], '0.12'],
    [['0.135'], '0.14'],
    [['99.995'], null],
    [['99.994'], '99.99'],
  ),
  ...example([decimal(4, 2)], decimal(6, 3), [['99.99'], '99.990']),
  ...example([decimal(4, 2)], withNull(INT32), [['2.50'], 2], [['3.50'], 4], [['-2.50'], -2]),
  ...example(
    [decimal(38, 0)],
    withNull(INT64),
    [['9223372036854775807'], 9223372036854775807n],
    [['9223372036854775808'], null],
  ),
  ...example(
    [decimal(20, 2)],
    FLOAT64,
    [['0.10'], 0.1],
    [['90071992547409.94'], 90071992547409.94],
  ),
  ...example(
    [FLOAT64],
    withNull(INT32),
    [[2.5], 2],
    [[3.5], 4],
    [[-0.5], 0],
    [[2147483647.5], null],
  ),
  ...example(
    [FLOAT64],
    withNull(INT64),
    [[2 ** 63], null],
    [[-(2 ** 63)], -9223372036854775808n],
    [[1e15], 1000000000000000n],
  ),
  ...example(
    [FLOAT64],
    withNull(decimal(6, 3)),
    [[0.285], '0.285'],
    [[1.0005], '1.000'],
    [[0.0625], '0.062'],
    [[999.9996], null],
    [[-0.0001], '0.000'],
  ),
  ...example([FLOAT64], withNull(decimal(38, 20)), [[0.1], '0.10000000000000000555']),
  ...example([BOOL], INT32, [[true], 1], [[false], 0]),
  ...example([BOOL], INT64, [[true], 1n]),
]

const timeExamples = [
  ...example([TIMESTAMP], DATE, [[-1], -1], [[0], 0], [[86399999999], 0]),
  ...example([DATE], withNull(TIMESTAMP), [[-1], -86400000000], [[2932896], null]),
  ...example([TIMESTAMP], INT64, [[-1], -1n]),
  ...example([INT64], withNull(TIMESTAMP), [[-1n], -1], [[9007199254740991n], null]),
  ...example([DATE], INT32, [[-1], -1]),
  ...example([INT32], withNull(DATE), [[19782], 19782], [[2932897], null]),
]

export const CAST_FUNCTION = {
  cast: {
    meaning:
      'The value as another type: rounded half to even where digits go, null where the type cannot hold it. Times are µs, dates days, and text the canonical text.',
    check: (args, wanted) => {
      const wrong = countRefused(args, 1)
      const from = args[0]?.type
      if (wrong !== undefined || from === undefined) return wrong ?? refused('takes a value')
      if (wanted === undefined) return refused('needs the type it casts to')
      const outcome = castOutcome(from, wanted)
      if (outcome === undefined)
        return refused(`knows no way from ${typeText(from)} to ${typeText(wanted)}`)
      return withNull(wanted, nullable(from) || outcome === 'partial')
    },
    examples: [
      ...textExamples,
      ...numberExamples,
      ...timeExamples,
      ...example([withNull(INT32)], withNull(INT64), [[null], null]),
      ...example(
        [{ kind: 'enum', values: ['a', 'b'] }],
        withNull({ kind: 'enum', values: ['b', 'c'] }),
        [['a'], null],
        [['b'], 'b'],
      ),
    ],
  },
} as const satisfies Record<string, FunctionSpec>
