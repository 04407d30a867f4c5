/**
 * Functions of numbers.
 *
 * Integers give int64 and are null beyond it. Decimals are exact: sums have the wider scale and one
 * more digit, products the sum of digits and scales, and what would need over 38 digits is null
 * beyond 38. Quotients of decimals are rounded once, half to even. An integer beside a decimal is
 * one of scale 0. int32 beside float64 is a float64; anything else beside it needs a cast. A float
 * that would be NaN or infinite is null, and −0 is 0.
 */

import type { DecimalType, Type } from '../type.ts'
import {
  type Argument,
  anyNullable,
  asDecimal,
  boundedDecimal,
  countRefused,
  decimal,
  example,
  FLOAT64,
  type FunctionSpec,
  INT32,
  INT64,
  integer,
  isRefusal,
  kindRefused,
  meet,
  nullable,
  refused,
  typeText,
  withNull,
} from './signature.ts'

const N_INT32 = withNull(INT32)
const N_INT64 = withNull(INT64)
const N_FLOAT64 = withNull(FLOAT64)
const INT64_MAX = 9223372036854775807n
const INT64_MIN = -9223372036854775808n
const NINES = '9'.repeat(38)

/** The result type of two numbers, given that of two decimals; `total` is never null of itself. */
function binary(
  args: readonly Argument[],
  decimals: (left: DecimalType, right: DecimalType) => Type | { reason: string },
  total: boolean,
): Type | { reason: string } {
  const wrong = countRefused(args, 2) ?? kindRefused(args, ['int32', 'int64', 'float64', 'decimal'])
  const [a, b] = args
  if (wrong !== undefined) return wrong
  const meeting = a === undefined || b === undefined ? undefined : meet(a.type, b.type)
  const none = anyNullable(args) || !total
  switch (meeting?.kind) {
    case 'integer':
      return withNull(INT64, none || args.some(arg => arg.type.kind === 'int64'))
    case 'float':
      return N_FLOAT64
    case 'decimal': {
      const type = decimals(meeting.left, meeting.right)
      return isRefusal(type) ? type : withNull(type, none || nullable(type))
    }
    default:
      return refused(
        `needs a cast: ${args.map(arg => typeText(arg.type)).join(' and ')} have no common type`,
      )
  }
}

function sumType(left: DecimalType, right: DecimalType): Type {
  const scale = Math.max(left.scale, right.scale)
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale)
  return boundedDecimal(whole + scale + 1, scale)
}

function productType(left: DecimalType, right: DecimalType): Type | { reason: string } {
  const scale = left.scale + right.scale
  if (scale > 38) {
    return refused(`would give ${scale} digits behind the point, of 38; round or cast an argument`)
  }
  return boundedDecimal(left.precision + right.precision, scale)
}

function quotientType(left: DecimalType, right: DecimalType): Type {
  return decimal(38, Math.max(left.scale, right.scale))
}

function restType(left: DecimalType, right: DecimalType): Type {
  const scale = Math.max(left.scale, right.scale)
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale)
  return boundedDecimal(whole + scale, scale)
}

/** Of one number: the type stays, but int32 becomes int64, and int64 may be null. */
function signChange(args: readonly Argument[]): Type | { reason: string } {
  const wrong = countRefused(args, 1) ?? kindRefused(args, ['int32', 'int64', 'float64', 'decimal'])
  const type = args[0]?.type
  if (wrong !== undefined || type === undefined) return wrong ?? refused('takes a number')
  return integer(type)
    ? withNull(INT64, nullable(type) || type.kind === 'int64')
    : withNull(type, nullable(type))
}

/** Of one number, without what stands behind the point; the type says so. */
function toWhole(args: readonly Argument[]): Type | { reason: string } {
  const wrong = countRefused(args, 1) ?? kindRefused(args, ['int32', 'int64', 'float64', 'decimal'])
  const type = args[0]?.type
  if (wrong !== undefined || type === undefined) return wrong ?? refused('takes a number')
  if (type.kind !== 'decimal' || type.scale === 0) return type
  return withNull(decimal(type.precision - type.scale + 1, 0), nullable(type))
}

function roundType(args: readonly Argument[]): Type | { reason: string } {
  const wrong =
    countRefused(args, 2) ?? kindRefused(args.slice(0, 1), ['int32', 'int64', 'float64', 'decimal'])
  const type = args[0]?.type
  const scale = args[1]?.literal
  if (wrong !== undefined || type === undefined) return wrong ?? refused('takes a number')
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale < 0 || scale > 38) {
    return refused('takes a scale from 0 to 38')
  }
  const decimals = type.kind === 'decimal' ? asDecimal(type) : undefined
  if (decimals === undefined || scale >= decimals.scale) return type
  return withNull(decimal(decimals.precision - decimals.scale + scale + 1, scale), nullable(type))
}

export const NUMBER_FUNCTIONS = {
  add: {
    meaning: 'The sum.',
    check: args => binary(args, sumType, true),
    examples: [
      ...example([INT32, INT32], INT64, [[2147483647, 2147483647], 4294967294n], [[-1, 1], 0n]),
      ...example(
        [INT64, INT64],
        N_INT64,
        [[INT64_MAX, 1n], null],
        [[INT64_MAX, 0n], INT64_MAX],
        [[INT64_MIN, -1n], null],
        [[INT64_MIN, INT64_MAX], -1n],
        [[9007199254740991n, 2n], 9007199254740993n],
      ),
      ...example([decimal(4, 2), decimal(5, 1)], decimal(7, 2), [['99.99', '9999.9'], '10099.89']),
      ...example([decimal(4, 2), INT32], decimal(13, 2), [['-0.50', 1], '0.50']),
      ...example(
        [decimal(38, 0), decimal(38, 0)],
        withNull(decimal(38, 0)),
        [[NINES, '1'], null],
        [[NINES, '-1'], `${'9'.repeat(37)}8`],
      ),
      ...example([decimal(15, 2), decimal(15, 2)], decimal(16, 2), [
        ['9999999999999.99', '9999999999999.99'],
        '19999999999999.98',
      ]),
      ...example(
        [FLOAT64, FLOAT64],
        N_FLOAT64,
        [[0.1, 0.2], 0.30000000000000004],
        [[1.7976931348623157e308, 1.7976931348623157e308], null],
      ),
      ...example([FLOAT64, INT32], N_FLOAT64, [[0.5, 1], 1.5]),
      ...example([N_INT32, INT32], N_INT64, [[null, 1], null], [[1, 1], 2n]),
    ],
  },
  sub: {
    meaning: 'The first less the second.',
    check: args => binary(args, sumType, true),
    examples: [
      ...example([INT32, INT32], INT64, [[-2147483648, 2147483647], -4294967295n]),
      ...example(
        [INT64, INT64],
        N_INT64,
        [[INT64_MIN, 1n], null],
        [[0n, INT64_MIN], null],
        [[-1n, INT64_MIN], INT64_MAX],
      ),
      ...example([decimal(4, 2), decimal(4, 3)], decimal(6, 3), [['1.00', '1.005'], '-0.005']),
      ...example([FLOAT64, FLOAT64], N_FLOAT64, [[0.5, 0.5], 0], [[-0.5, -0.5], 0]),
    ],
  },
  mul: {
    meaning: 'The product.',
    check: args => binary(args, productType, true),
    examples: [
      ...example(
        [INT32, INT32],
        INT64,
        [[-2147483648, -2147483648], 4611686018427387904n],
        [[0, -1], 0n],
      ),
      ...example(
        [INT64, INT64],
        N_INT64,
        [[3037000500n, 3037000500n], null],
        [[3037000499n, 3037000499n], 9223372030926249001n],
        [[INT64_MIN, -1n], null],
      ),
      ...example(
        [INT32, decimal(12, 3)],
        decimal(22, 3),
        [[-3, '2.550'], '-7.650'],
        [[0, '-2.550'], '0.000'],
      ),
      ...example([decimal(15, 2), decimal(15, 4)], decimal(30, 6), [
        ['9999999999999.99', '99999999999.9999'],
        '999999999999998000000000.000001',
      ]),
      ...example(
        [decimal(38, 0), decimal(1, 0)],
        withNull(decimal(38, 0)),
        [[NINES, '2'], null],
        [[NINES, '1'], NINES],
      ),
      ...example(
        [FLOAT64, FLOAT64],
        N_FLOAT64,
        [[0.1, 3], 0.30000000000000004],
        [[-1, 0], 0],
        [[1e308, 10], null],
      ),
    ],
  },
  div: {
    meaning:
      'The first divided by the second; null for a divisor of 0. Integers are truncated towards zero, decimals rounded half to even at the wider scale.',
    check: args => binary(args, quotientType, false),
    examples: [
      ...example(
        [INT32, INT32],
        N_INT64,
        [[7, 2], 3n],
        [[-7, 2], -3n],
        [[7, -2], -3n],
        [[1, 0], null],
        [[0, 5], 0n],
        [[0, -5], 0n],
      ),
      ...example(
        [INT64, INT64],
        N_INT64,
        [[INT64_MIN, -1n], null],
        [[INT64_MAX, 2n], 4611686018427387903n],
        [[0n, 0n], null],
      ),
      ...example(
        [decimal(5, 2), decimal(5, 2)],
        withNull(decimal(38, 2)),
        [['1.00', '3.00'], '0.33'],
        [['-2.00', '3.00'], '-0.67'],
        [['0.05', '2.00'], '0.02'],
        [['0.15', '2.00'], '0.08'],
        [['-0.05', '2.00'], '-0.02'],
        [['1.00', '0.00'], null],
      ),
      ...example(
        [decimal(5, 2), INT32],
        withNull(decimal(38, 2)),
        [['1.25', 10], '0.12'],
        [['1.35', 10], '0.14'],
      ),
      ...example([INT64, decimal(5, 3)], withNull(decimal(38, 3)), [[1n, '0.003'], '333.333']),
      ...example(
        [decimal(38, 0), decimal(38, 38)],
        withNull(decimal(38, 38)),
        [['1', `0.${'0'.repeat(37)}1`], null],
        [['0', `0.${'0'.repeat(37)}1`], `0.${'0'.repeat(38)}`],
      ),
      ...example(
        [FLOAT64, FLOAT64],
        N_FLOAT64,
        [[1, 4], 0.25],
        [[1, 0], null],
        [[0, 0], null],
        [[0, -4], 0],
      ),
      ...example([N_INT32, INT32], N_INT64, [[null, 0], null]),
    ],
  },
  mod: {
    meaning:
      'What division towards zero leaves, with the sign of the first; null for a divisor of 0.',
    check: args => binary(args, restType, false),
    examples: [
      ...example(
        [INT32, INT32],
        N_INT64,
        [[7, 3], 1n],
        [[-7, 3], -1n],
        [[7, -3], 1n],
        [[-6, 3], 0n],
        [[1, 0], null],
      ),
      ...example([INT64, INT64], N_INT64, [[INT64_MIN, -1n], 0n], [[INT64_MAX, 10n], 7n]),
      ...example(
        [decimal(4, 1), INT32],
        withNull(decimal(11, 1)),
        [['7.5', 2], '1.5'],
        [['-7.5', 2], '-1.5'],
      ),
      ...example(
        [decimal(3, 1), decimal(3, 2)],
        withNull(decimal(4, 2)),
        [['1.0', '0.30'], '0.10'],
        [['1.0', '0.00'], null],
      ),
      ...example(
        [FLOAT64, FLOAT64],
        N_FLOAT64,
        [[5.5, 2], 1.5],
        [[-5.5, 2], -1.5],
        [[-4, 2], 0],
        [[1, 0], null],
      ),
    ],
  },
  neg: {
    meaning: 'The number with the other sign.',
    check: signChange,
    examples: [
      ...example([INT32], INT64, [[-2147483648], 2147483648n], [[0], 0n]),
      ...example([INT64], N_INT64, [[INT64_MIN], null], [[INT64_MAX], -INT64_MAX]),
      ...example([decimal(3, 2)], decimal(3, 2), [['1.50'], '-1.50'], [['0.00'], '0.00']),
      ...example([FLOAT64], FLOAT64, [[1.5], -1.5], [[0], 0]),
    ],
  },
  abs: {
    meaning: 'The number without its sign.',
    check: signChange,
    examples: [
      ...example([INT32], INT64, [[-2147483648], 2147483648n], [[5], 5n]),
      ...example([INT64], N_INT64, [[INT64_MIN], null], [[-5n], 5n]),
      ...example(
        [withNull(decimal(3, 2))],
        withNull(decimal(3, 2)),
        [['-1.50'], '1.50'],
        [[null], null],
      ),
      ...example([FLOAT64], FLOAT64, [[-1.5], 1.5], [[0], 0]),
    ],
  },
  round: {
    meaning:
      'The number rounded half to even at a scale; digits are never added. Of a float64 the exact value is rounded, and the nearest float64 given.',
    literal: index => index === 1,
    check: roundType,
    examples: [
      ...example(
        [decimal(5, 3), INT32],
        decimal(5, 2),
        [['0.125', 2], '0.12'],
        [['0.135', 2], '0.14'],
        [['-0.125', 2], '-0.12'],
        [['99.999', 2], '100.00'],
      ),
      ...example(
        [decimal(5, 3), INT32],
        decimal(3, 0),
        [['2.500', 0], '2'],
        [['3.500', 0], '4'],
        [['-0.500', 0], '0'],
      ),
      ...example([decimal(5, 3), INT32], decimal(5, 3), [['1.234', 5], '1.234']),
      ...example(
        [FLOAT64, INT32],
        FLOAT64,
        [[2.5, 0], 2],
        [[3.5, 0], 4],
        [[1.005, 2], 1],
        [[0.125, 2], 0.12],
        [[-0.4, 0], 0],
        [[1e300, 2], 1e300],
        [[0.1, 20], 0.1],
      ),
      ...example([INT32, INT32], INT32, [[15, 0], 15]),
      ...example([N_INT64, INT32], N_INT64, [[null, 0], null]),
    ],
  },
  floor: {
    meaning: 'The greatest whole number that is not greater.',
    check: toWhole,
    examples: [
      ...example(
        [decimal(3, 1)],
        decimal(3, 0),
        [['-0.5'], '-1'],
        [['-99.9'], '-100'],
        [['1.9'], '1'],
        [['2.0'], '2'],
      ),
      ...example([FLOAT64], FLOAT64, [[-0.5], -1], [[1.5], 1]),
      ...example([INT64], INT64, [[INT64_MIN], INT64_MIN]),
    ],
  },
  ceil: {
    meaning: 'The least whole number that is not less.',
    check: toWhole,
    examples: [
      ...example(
        [decimal(3, 1)],
        decimal(3, 0),
        [['-0.5'], '0'],
        [['99.9'], '100'],
        [['2.0'], '2'],
      ),
      ...example([FLOAT64], FLOAT64, [[-0.5], 0], [[1.5], 2]),
      ...example([N_INT32], N_INT32, [[null], null], [[7], 7]),
    ],
  },
} as const satisfies Record<string, FunctionSpec>
