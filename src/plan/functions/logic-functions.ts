/**
 * Functions of conditions: comparison, three-valued logic, tests for null, and choice.
 *
 * Order: numbers by value, text and bytes by UTF-8 bytes, false before true, enums as declared,
 * uuids and addresses by their bytes, times and dates by time.
 */

import type { Type, Value } from '../type.ts'
import {
  anyNullable,
  BOOL,
  comparable,
  countRefused,
  decimal,
  example,
  FLOAT64,
  type FunctionSpec,
  INT32,
  INT64,
  isRefusal,
  kindRefused,
  nullable,
  refused,
  STRING,
  typeText,
  unify,
  withNull,
} from './signature.ts'

const N_BOOL = withNull(BOOL)
const N_INT32 = withNull(INT32)
const N_STRING = withNull(STRING)
const COLOUR: Type = { kind: 'enum', values: ['red', 'green'] }

type Rows = readonly (readonly [args: readonly Value[], result: Value])[]

/** A comparison, with what it says of less, equal and greater. */
function comparison(
  meaning: string,
  less: boolean,
  equal: boolean,
  greater: boolean,
): FunctionSpec {
  const ordered: Rows = [
    [[1, 2], less],
    [[2, 2], equal],
    [[-1, -2], greater],
  ]
  return {
    meaning: `Whether the first ${meaning} the second; null where one of them is.`,
    check: args => {
      const wrong = countRefused(args, 2)
      if (wrong !== undefined) return wrong
      const [a, b] = args
      if (a === undefined || b === undefined || !comparable(a.type, b.type)) {
        return refused(`does not compare ${args.map(arg => typeText(arg.type)).join(' with ')}`)
      }
      return withNull(BOOL, anyNullable(args))
    },
    examples: [
      ...example([INT32, INT32], BOOL, ...ordered),
      ...example([INT32, INT64], BOOL, [[1, 9007199254740993n], less]),
      ...example(
        [INT64, INT64],
        BOOL,
        [[9007199254740992n, 9007199254740993n], less],
        [[9007199254740993n, 9007199254740993n], equal],
        [[-9223372036854775808n, 9223372036854775807n], less],
      ),
      ...example([decimal(5, 1), decimal(5, 3)], BOOL, [['1.5', '1.500'], equal]),
      ...example([decimal(5, 1), INT64], BOOL, [['1.5', 1n], greater]),
      ...example([decimal(38, 0), decimal(38, 38)], BOOL, [
        ['9'.repeat(38), `0.${'9'.repeat(38)}`],
        greater,
      ]),
      ...example([FLOAT64, INT32], BOOL, [[1.5, 2], less]),
      ...example([FLOAT64, FLOAT64], BOOL, [[0.1, 0.1], equal]),
      ...example(
        [STRING, STRING],
        BOOL,
        [['Z', 'a'], less],
        [['a', 'a'], equal],
        [['a', 'a '], less],
        [['', 'a'], less],
        [['😀', '\uff5e'], greater],
        [['z', 'ä'], less],
      ),
      ...example([COLOUR, COLOUR], BOOL, [['red', 'green'], less], [['green', 'green'], equal]),
      ...example([BOOL, BOOL], BOOL, [[false, true], less]),
      ...example(
        [N_INT32, N_INT32],
        N_BOOL,
        [[null, 1], null],
        [[1, null], null],
        [[null, null], null],
        [[1, 1], equal],
      ),
      ...example([N_STRING, STRING], N_BOOL, [[null, ''], null]),
    ],
  }
}

function junction(meaning: string, rows: Rows): FunctionSpec {
  return {
    meaning,
    check: args =>
      countRefused(args, 2, Infinity) ??
      kindRefused(args, ['bool']) ??
      withNull(BOOL, anyNullable(args)),
    examples: example([N_BOOL, N_BOOL], N_BOOL, ...rows),
  }
}

/** The unified type of the arguments at `indexes`, or why there is none. */
function choice(types: readonly Type[]): Type | { reason: string } {
  return unify(types) ?? refused(`has no type for ${types.map(typeText).join(' and ')}`)
}

export const LOGIC_FUNCTIONS = {
  eq: comparison('equals', false, true, false),
  ne: comparison('is not equal to', true, false, true),
  lt: comparison('is less than', true, false, false),
  le: comparison('is at most', true, true, false),
  gt: comparison('is greater than', false, false, true),
  ge: comparison('is at least', false, true, true),
  and: junction('False where one argument is false, else null where one is null, else true.', [
    [[true, true], true],
    [[true, false], false],
    [[false, null], false],
    [[null, false], false],
    [[true, null], null],
    [[null, true], null],
    [[null, null], null],
  ]),
  or: junction('True where one argument is true, else null where one is null, else false.', [
    [[false, false], false],
    [[true, false], true],
    [[true, null], true],
    [[null, true], true],
    [[false, null], null],
    [[null, false], null],
    [[null, null], null],
  ]),
  not: {
    meaning: 'The other truth value; null for null.',
    check: args =>
      countRefused(args, 1) ?? kindRefused(args, ['bool']) ?? withNull(BOOL, anyNullable(args)),
    examples: example([N_BOOL], N_BOOL, [[true], false], [[false], true], [[null], null]),
  },
  isNull: {
    meaning: 'Whether the argument is null; never null.',
    check: args => countRefused(args, 1) ?? BOOL,
    examples: [
      ...example([N_INT32], BOOL, [[null], true], [[0], false]),
      ...example([N_STRING], BOOL, [[null], true], [[''], false]),
      ...example([INT32], BOOL, [[1], false]),
    ],
  },
  isNotNull: {
    meaning: 'Whether the argument is not null; never null.',
    check: args => countRefused(args, 1) ?? BOOL,
    examples: example([N_STRING], BOOL, [[null], false], [[''], true]),
  },
  coalesce: {
    meaning: 'The first argument that is not null, else null.',
    check: args => {
      const wrong = countRefused(args, 2, Infinity)
      if (wrong !== undefined) return wrong
      const type = choice(args.map(arg => withNull(arg.type, false)))
      if (isRefusal(type)) return type
      return withNull(type, nullable(type) || args.every(arg => nullable(arg.type)))
    },
    examples: [
      ...example([N_INT32, INT32], INT32, [[null, 7], 7], [[1, 7], 1]),
      ...example([N_INT32, N_INT32], N_INT32, [[null, null], null]),
      ...example(
        [N_STRING, N_STRING, STRING],
        STRING,
        [[null, null, 'x'], 'x'],
        [[null, '', 'x'], ''],
      ),
      ...example([withNull(decimal(5, 1)), INT32], decimal(11, 1), [[null, 7], '7.0']),
    ],
  },
  if: {
    meaning: 'The second argument where the first is true, else (false or null) the third.',
    check: args => {
      const wrong = countRefused(args, 3) ?? kindRefused(args.slice(0, 1), ['bool'])
      return wrong ?? choice(args.slice(1).map(arg => arg.type))
    },
    examples: [
      ...example(
        [N_BOOL, INT32, INT32],
        INT32,
        [[true, 1, 2], 1],
        [[false, 1, 2], 2],
        [[null, 1, 2], 2],
      ),
      ...example([BOOL, N_STRING, STRING], N_STRING, [[true, null, 'x'], null]),
      ...example([BOOL, INT32, decimal(4, 2)], decimal(12, 2), [[true, 1, '2.50'], '1.00']),
      ...example([BOOL, INT32, INT64], INT64, [[true, 1, 2n], 1n]),
    ],
  },
  case: {
    meaning:
      'Of condition, value, condition, value, …, otherwise: the value of the first condition that is true, else the last argument.',
    check: args => {
      if (args.length < 3 || args.length % 2 === 0) {
        return refused('takes pairs of condition and value, then a value for otherwise')
      }
      const conditions = args.filter((_, index) => index % 2 === 0 && index < args.length - 1)
      const values = args.filter((_, index) => index % 2 === 1 || index === args.length - 1)
      return kindRefused(conditions, ['bool']) ?? choice(values.map(arg => arg.type))
    },
    examples: [
      ...example(
        [N_BOOL, STRING, N_BOOL, STRING, STRING],
        STRING,
        [[true, 'a', true, 'b', 'c'], 'a'],
        [[null, 'a', true, 'b', 'c'], 'b'],
        [[false, 'a', null, 'b', 'c'], 'c'],
      ),
      ...example([BOOL, INT32, N_INT32], N_INT32, [[false, 1, null], null], [[true, 1, null], 1]),
    ],
  },
  in: {
    meaning: 'Whether the first argument equals one of the literals behind it; null for null.',
    literal: index => index > 0,
    check: args => {
      const wrong = countRefused(args, 2, Infinity)
      if (wrong !== undefined) return wrong
      const [first, ...rest] = args
      for (const { type, literal } of rest) {
        if (literal === null) return refused('takes no null among its literals')
        if (first === undefined || !comparable(first.type, type)) {
          return refused(`does not compare ${first && typeText(first.type)} with ${typeText(type)}`)
        }
      }
      return withNull(BOOL, anyNullable(args))
    },
    examples: [
      ...example(
        [N_INT32, INT32, INT32],
        N_BOOL,
        [[1, 1, 2], true],
        [[3, 1, 2], false],
        [[null, 1, 2], null],
      ),
      ...example([STRING, STRING], BOOL, [['a', 'A'], false], [['a', 'a'], true]),
      ...example([COLOUR, COLOUR], BOOL, [['red', 'green'], false], [['green', 'green'], true]),
      ...example(
        [decimal(5, 2), INT32, INT32],
        BOOL,
        [['2.00', 1, 2], true],
        [['2.50', 1, 2], false],
      ),
    ],
  },
} as const satisfies Record<string, FunctionSpec>
