/**
 * Functions of values with an inside: arrays, JSON text and URLs; and of values as a whole: hashes
 * and deterministic ids.
 */

import type { Type } from '../type.ts'
import {
  anyNullable,
  BOOL,
  comparable,
  countRefused,
  elementOf,
  example,
  type FunctionSpec,
  INT32,
  INT64,
  integer,
  JSON_TEXT,
  kindRefused,
  refused,
  STRING,
  STRINGS,
  typeText,
  UUID,
  withNull,
} from './signature.ts'

const N_STRING = withNull(STRING)
const NUMBERS: Type = { kind: 'array', of: { kind: 'int32' } }
const URL_PARTS = ['scheme', 'host', 'port', 'path', 'query', 'fragment']
const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const NAMESPACE = '0a5bbe90-79be-5ccd-b523-370b4e8c08d5'

const ORDER = '{"a":{"b":[1.50,"x\\u00e9"]},"n":null,"t":true,"o":{"k": 1},"a.b":7}'

const ARRAY_FUNCTIONS = {
  arrayLength: {
    meaning: 'The number of elements, nulls included.',
    check: args =>
      countRefused(args, 1) ?? kindRefused(args, ['array']) ?? withNull(INT32, anyNullable(args)),
    examples: [
      ...example([STRINGS], INT32, [[['a', 'b']], 2], [[[]], 0]),
      ...example([withNull(STRINGS)], withNull(INT32), [[null], null]),
    ],
  },
  arrayElement: {
    meaning: 'The element at a place that counts from 1; null where there is none.',
    check: args => {
      const wrong = countRefused(args, 2) ?? kindRefused(args.slice(0, 1), ['array'])
      const [array, place] = args
      const element = array === undefined ? undefined : elementOf(array.type)
      if (wrong !== undefined || element === undefined) return wrong ?? refused('takes an array')
      if (place === undefined || !integer(place.type)) return refused('takes an integer as place')
      return withNull(element)
    },
    examples: [
      ...example(
        [STRINGS, INT32],
        N_STRING,
        [[['a', 'b'], 1], 'a'],
        [[['a', 'b'], 3], null],
        [[['a', 'b'], 0], null],
        [[['a'], -1], null],
      ),
      ...example([NUMBERS, INT64], withNull(INT32), [[[5, 6], 2n], 6]),
      ...example([withNull(STRINGS), INT32], N_STRING, [[null, 1], null]),
    ],
  },
  arrayContains: {
    meaning: 'Whether an element equals the second; elements that are null equal nothing.',
    check: args => {
      const wrong = countRefused(args, 2) ?? kindRefused(args.slice(0, 1), ['array'])
      const [array, value] = args
      const element = array === undefined ? undefined : elementOf(array.type)
      if (wrong !== undefined || element === undefined || value === undefined)
        return wrong ?? refused('takes an array')
      if (!comparable(element, value.type)) {
        return refused(`does not compare ${typeText(element)} with ${typeText(value.type)}`)
      }
      return withNull(BOOL, anyNullable(args))
    },
    examples: [
      ...example(
        [STRINGS, STRING],
        BOOL,
        [[['a', 'b'], 'b'], true],
        [[['a', 'b'], 'B'], false],
        [[[], ''], false],
      ),
      ...example([NUMBERS, INT64], BOOL, [[[1, 2], 2n], true]),
      ...example(
        [{ kind: 'array', of: { kind: 'string', nullable: true } }, STRING],
        BOOL,
        [[[null, 'a'], 'a'], true],
        [[[null], 'a'], false],
      ),
      ...example([STRINGS, N_STRING], withNull(BOOL), [[['a'], null], null]),
    ],
  },
} as const satisfies Record<string, FunctionSpec>

export const VALUE_FUNCTIONS = {
  ...ARRAY_FUNCTIONS,
  jsonField: {
    meaning:
      'What stands at a path of keys and places (from 0) joined by dots: the text of a string, else the JSON text as it was written; null for JSON null, what is not there, and text that is not JSON.',
    literal: index => index === 1,
    check: args => {
      if (args[1]?.literal === '') return refused('takes a path that is not empty')
      return (
        countRefused(args, 2) ??
        kindRefused(args.slice(0, 1), ['json', 'string']) ??
        kindRefused(args.slice(1), ['string']) ??
        N_STRING
      )
    },
    examples: [
      ...example(
        [JSON_TEXT, STRING],
        N_STRING,
        [[ORDER, 'a.b.0'], '1.50'],
        [[ORDER, 'a.b.1'], 'xé'],
        [[ORDER, 'a.b'], '[1.50,"x\\u00e9"]'],
        [[ORDER, 'a.b.2'], null],
        [[ORDER, 'a.b.x'], null],
        [[ORDER, 'a.b.-1'], null],
        [[ORDER, 'n'], null],
        [[ORDER, 'n.x'], null],
        [[ORDER, 't'], 'true'],
        [[ORDER, 'o'], '{"k": 1}'],
        [[ORDER, 'missing'], null],
        [['[10,20]', '1'], '20'],
        [['"text"', 'a'], null],
        [[' { "a" : "" } ', 'a'], ''],
      ),
      ...example(
        [STRING, STRING],
        N_STRING,
        [['{"a":1', 'a'], null],
        [['', 'a'], null],
        [['{"a":9007199254740993}', 'a'], '9007199254740993'],
        [['{"a":1}x', 'a'], null],
        [['{"a":1,"a":2}', 'a'], '2'],
        [['{"é\\n":"\\ud83d\\ude00"}', 'é\n'], '😀'],
      ),
      ...example([withNull(JSON_TEXT), STRING], N_STRING, [[null, 'a'], null]),
    ],
  },
  urlPart: {
    meaning:
      'Part of a URL as it was written (RFC 3986, appendix B): scheme, host, port, path, query or fragment; null where it has none. A path is never null.',
    literal: index => index === 1,
    check: args => {
      const part = args[1]?.literal
      if (typeof part !== 'string' || !URL_PARTS.includes(part))
        return refused(`takes one of ${URL_PARTS.join(', ')}`)
      return countRefused(args, 2) ?? kindRefused(args, ['string']) ?? N_STRING
    },
    examples: [
      ...example(
        [STRING, STRING],
        N_STRING,
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'scheme'], 'https'],
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'host'], 'Shop.example'],
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'port'], '8080'],
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'path'], '/a/b'],
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'query'], 'x=1&y'],
        [['https://u:p@Shop.example:8080/a/b?x=1&y#top', 'fragment'], 'top'],
        [['http://example.com', 'path'], ''],
        [['http://example.com', 'port'], null],
        [['http://example.com', 'query'], null],
        [['http://example.com?', 'query'], ''],
        [['http://[::1]:80/', 'host'], '[::1]'],
        [['http://[::1]:80/', 'port'], '80'],
        [['http://example.com:/', 'port'], ''],
        [['/checkout?step=2', 'host'], null],
        [['/checkout?step=2', 'path'], '/checkout'],
        [['/checkout?step=2', 'scheme'], null],
        [['', 'path'], ''],
      ),
      ...example([N_STRING, STRING], N_STRING, [[null, 'host'], null]),
    ],
  },
  hash: {
    meaning: '64-bit FNV-1a of the UTF-8 bytes of the canonical text, as a signed integer.',
    check: args => {
      const wrong = countRefused(args, 1)
      const type = args[0]?.type
      if (wrong !== undefined || type === undefined) return wrong ?? refused('takes a value')
      if (type.kind === 'bytes' || type.kind === 'array')
        return refused(`takes no ${typeText(type)}`)
      return withNull(INT64, anyNullable(args))
    },
    examples: [
      ...example(
        [STRING],
        INT64,
        [[''], -3750763034362895579n],
        [['a'], -5808556873153909620n],
        [['foobar'], -8821353812377114648n],
        [['é'], 775207407765167617n],
      ),
      ...example([INT32], INT64, [[7], -5808611848735320170n]),
      ...example([N_STRING], withNull(INT64), [[null], null]),
    ],
  },
  uuidv5: {
    meaning:
      'The uuid of version 5 in a namespace (a literal) of the canonical JSON text of the array of the texts behind it; null where one is null.',
    literal: index => index === 0,
    check: args => {
      const wrong = countRefused(args, 2, Infinity) ?? kindRefused(args.slice(1), ['string'])
      const space = args[0]
      if (wrong !== undefined || space === undefined) return wrong ?? refused('takes a namespace')
      if (
        space.type.kind !== 'uuid' ||
        typeof space.literal !== 'string' ||
        !UUID_TEXT.test(space.literal)
      ) {
        return refused('takes a uuid as namespace')
      }
      return withNull(UUID, anyNullable(args))
    },
    examples: [
      ...example([UUID, STRING, STRING, STRING, STRING], UUID, [
        [NAMESPACE, 'nse_cm_bhavcopy', 'INE002A01018:EQ:NSE', '2026-01-05', '0'],
        '935056c3-6f76-540d-8b58-7dc1271f7a18',
      ]),
      ...example(
        [UUID, STRING, N_STRING, STRING],
        withNull(UUID),
        [
          [
            NAMESPACE,
            'session',
            '7f0c1d52-6c2f-4d0e-9a44-2f1b8d9e0a11',
            '3b241101-e2bb-4255-8caf-4136c566a962',
          ],
          '68730d0b-dc57-5029-9ef1-da7fa0bcb0fb',
        ],
        [[NAMESPACE, 'session', null, 'x'], null],
      ),
      ...example([UUID, STRING], UUID, [
        [NAMESPACE, 'a"\\\n\u2028é😀'],
        '3f4ceb41-a3b3-5214-bedc-62824e0b7ff4',
      ]),
    ],
  },
} as const satisfies Record<string, FunctionSpec>
