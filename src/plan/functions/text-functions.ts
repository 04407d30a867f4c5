/**
 * Functions of text: well-formed Unicode, counted in code points, never normalised, no locale.
 */

import type { Type } from '../type.ts'
import {
  type Argument,
  anyNullable,
  BOOL,
  countRefused,
  example,
  type FunctionSpec,
  INT32,
  INT64,
  integer,
  kindRefused,
  refused,
  STRING,
  STRINGS,
  typeText,
  withNull,
} from './signature.ts'

const N_STRING = withNull(STRING)

/** The check of a function of `count` strings. */
function ofStrings(result: Type, min: number, max = min) {
  return (args: readonly Argument[]) =>
    countRefused(args, min, max) ??
    kindRefused(args, ['string']) ??
    withNull(result, anyNullable(args))
}

export const TEXT_FUNCTIONS = {
  concat: {
    meaning: 'The texts one behind the other; null where one is null.',
    check: ofStrings(STRING, 1, Infinity),
    examples: [
      ...example(
        [STRING, STRING],
        STRING,
        [['a', 'b'], 'ab'],
        [['', ''], ''],
        [['ä', '😀'], 'ä😀'],
      ),
      ...example(
        [STRING, N_STRING, STRING],
        N_STRING,
        [['a', null, 'c'], null],
        [['a', 'b', 'c'], 'abc'],
      ),
    ],
  },
  lower: {
    meaning: 'Lower case by the default mapping of Unicode, without a locale (`toLowerCase`).',
    check: ofStrings(STRING, 1),
    examples: [
      ...example([STRING], STRING, [['ÀBC-1'], 'àbc-1'], [['İ'], 'i̇'], [['ΑΣ'], 'ας'], [[''], '']),
      ...example([N_STRING], N_STRING, [[null], null]),
    ],
  },
  upper: {
    meaning: 'Upper case by the default mapping of Unicode, without a locale (`toUpperCase`).',
    check: ofStrings(STRING, 1),
    examples: example([STRING], STRING, [['straße'], 'STRASSE'], [['i'], 'I'], [['ﬁ'], 'FI']),
  },
  trim: {
    meaning: 'The text without ASCII spaces (U+0020) at both ends.',
    check: ofStrings(STRING, 1),
    examples: example(
      [STRING],
      STRING,
      [['  a b '], 'a b'],
      [['\ta '], '\ta'],
      [['   '], ''],
      [['\u00a0a'], '\u00a0a'],
    ),
  },
  length: {
    meaning: 'The number of code points.',
    check: ofStrings(INT32, 1),
    examples: [
      ...example([STRING], INT32, [['abc'], 3], [['😀é'], 2], [['e\u0301'], 2], [[''], 0]),
      ...example([N_STRING], withNull(INT32), [[null], null]),
    ],
  },
  substring: {
    meaning:
      'Code points from a place that counts from 1, to the end or of a length; null where the place is under 1 or the length under 0.',
    check: args => {
      const wrong = countRefused(args, 2, 3) ?? kindRefused(args.slice(0, 1), ['string'])
      if (wrong !== undefined) return wrong
      const other = args.slice(1).find(arg => !integer(arg.type))
      if (other !== undefined) return refused(`takes integers, not ${typeText(other.type)}`)
      const [, start, length] = args
      const total = literalFrom(start, 1) && (length === undefined || literalFrom(length, 0))
      return withNull(STRING, anyNullable(args) || !total)
    },
    examples: [
      ...example(
        [STRING, INT32, INT32],
        N_STRING,
        [['abcdef', 2, 3], 'bcd'],
        [['abc', 0, 2], null],
        [['abc', 2, -1], null],
        [['abc', 4, 1], ''],
        [['abc', 3, 9], 'c'],
        [['abc', 1, 0], ''],
        [['a😀b', 2, 1], '😀'],
      ),
      ...example(
        [STRING, INT64],
        N_STRING,
        [['a😀b', 2n], '😀b'],
        [['abc', 9007199254740993n], ''],
        [['abc', -1n], null],
      ),
    ],
  },
  contains: {
    meaning: 'Whether the second text stands somewhere in the first.',
    check: ofStrings(BOOL, 2),
    examples: [
      ...example(
        [STRING, STRING],
        BOOL,
        [['abc', 'bc'], true],
        [['abc', 'BC'], false],
        [['abc', ''], true],
        [['', 'a'], false],
      ),
      ...example([N_STRING, STRING], withNull(BOOL), [[null, 'a'], null]),
    ],
  },
  startsWith: {
    meaning: 'Whether the first text begins with the second.',
    check: ofStrings(BOOL, 2),
    examples: example(
      [STRING, STRING],
      BOOL,
      [['C536379', 'C'], true],
      [['536365', 'C'], false],
      [['a', ''], true],
      [['a', 'ab'], false],
    ),
  },
  split: {
    meaning: 'The pieces between the separators, a literal that is not empty.',
    literal: index => index === 1,
    check: args => {
      if (args[1]?.literal === '') return refused('takes a separator that is not empty')
      return ofStrings(STRINGS, 2)(args)
    },
    examples: [
      ...example(
        [STRING, STRING],
        STRINGS,
        [
          ['a.b..c', '.'],
          ['a', 'b', '', 'c'],
        ],
        [['', '.'], ['']],
        [
          ['a::b:', '::'],
          ['a', 'b:'],
        ],
        [
          ['::::::', '::'],
          ['', '', '', ''],
        ],
      ),
      ...example([N_STRING, STRING], withNull(STRINGS), [[null, ','], null]),
    ],
  },
} as const satisfies Record<string, FunctionSpec>

/** Whether an argument is a literal of at least `min`. */
function literalFrom(arg: Argument | undefined, min: number): boolean {
  const value = arg?.literal
  return (typeof value === 'number' || typeof value === 'bigint') && value >= min
}
