import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '#base'
import type { JsonField, Type } from '#plan'

/** A record before it is text: keys, and values as JSON text or as objects. */
export type Members = [key: string, value: string | Members][]

export interface FuzzField {
  readonly path: readonly string[]
  readonly type: Type
  readonly optional?: boolean
  readonly parse?: NonNullable<JsonField['parse']>
  readonly rules?: NonNullable<JsonField['rules']>
  /** A valid value as JSON text. */
  readonly value: (random: Random) => string
}

const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.int(10)).join('')
const hex = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.int(16).toString(16)).join('')
const pick = <T>(random: Random, values: readonly T[]): T => values[random.int(values.length)] as T
const uuid = (random: Random): string =>
  `${hex(random, 8)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 4)}-${hex(random, 12)}`
const whole = (random: Random, most: number): string => String(random.int(10 ** random.int(most)))
const time = (random: Random): string =>
  new Date(
    Date.UTC(1960 + random.int(100), random.int(12), 1 + random.int(28)) + random.int(86_400_000),
  ).toISOString()
const words = [
  '',
  'a',
  'web',
  'Kraków',
  'a"b',
  'tab\there',
  'x'.repeat(12),
  '漢字',
  '😀',
  'é'.repeat(9),
]
const word = (random: Random): string => JSON.stringify(pick(random, words))
const list = (random: Random, value: (random: Random) => string): string =>
  `[${Array.from({ length: random.int(4) }, () => value(random)).join(pick(random, [',', ', ']))}]`

const MANY = Array.from({ length: 40 }, (_, i) => `value-${i}`)

export const ALL_TYPES: readonly FuzzField[] = [
  {
    path: ['id'],
    type: { kind: 'uuid' },
    value: random => `"${pick(random, [uuid(random), uuid(random).toUpperCase()])}"`,
  },
  { path: ['flag'], type: { kind: 'bool' }, value: random => pick(random, ['true', 'false']) },
  { path: ['small'], type: { kind: 'int32' }, value: random => whole(random, 10) },
  {
    path: ['signed'],
    type: { kind: 'int32' },
    rules: { min: -5, max: 500 },
    value: random => String(random.int(500) - 5),
  },
  {
    path: ['big'],
    type: { kind: 'int64' },
    value: random =>
      pick(random, [whole(random, 16), `1${digits(random, 17)}`, `"${digits(random, 5)}"`]),
  },
  {
    path: ['bounded'],
    type: { kind: 'int64' },
    optional: true,
    rules: { min: 0, max: 9e17 },
    value: random => `7${digits(random, 16)}`,
  },
  {
    path: ['real'],
    type: { kind: 'float64' },
    value: random =>
      pick(random, [String(random.next() * 100), whole(random, 9), '-1.5', '2.5e-3']),
  },
  {
    path: ['near'],
    type: { kind: 'float64' },
    optional: true,
    rules: { min: -1, max: 1.5 },
    value: random => (random.next() * 2 - 1).toFixed(5),
  },
  {
    path: ['money', 'price'],
    type: { kind: 'decimal', precision: 15, scale: 2 },
    rules: { min: 0, max: 1e9 },
    value: random => `${whole(random, 9)}${pick(random, ['', '.5', '.25'])}`,
  },
  {
    path: ['money', 'rate'],
    type: { kind: 'decimal', precision: 18, scale: 8 },
    optional: true,
    value: random =>
      pick(random, [`"0.${digits(random, 8)}"`, `${whole(random, 6)}.${digits(random, 3)}`]),
  },
  {
    path: ['money', 'tax', 'share'],
    type: { kind: 'decimal', precision: 5, scale: 4 },
    optional: true,
    value: random => `0.${digits(random, 4)}`,
  },
  {
    path: ['money', 'wide'],
    type: { kind: 'decimal', precision: 38, scale: 0 },
    optional: true,
    value: random => `9${digits(random, 20 + random.int(10))}`,
  },
  { path: ['name'], type: { kind: 'string' }, value: word },
  {
    path: ['short'],
    type: { kind: 'string' },
    optional: true,
    rules: { lengthMin: 2, lengthMax: 9 },
    value: random => pick(random, ['"ab"', '"éé"', '"abcdefghi"', '"ééééééééé"']),
  },
  {
    path: ['code'],
    type: { kind: 'string' },
    rules: { pattern: '^[A-Z]{2}-[0-9]{3}$' },
    value: random => `"PL-${digits(random, 3)}"`,
  },
  {
    path: ['mail'],
    type: { kind: 'string' },
    optional: true,
    rules: { pattern: '^[^@]+@[^@]+$' },
    value: random => `"a${digits(random, 2)}@é"`,
  },
  {
    path: ['kind'],
    type: { kind: 'enum', values: ['web', 'ios', 'café', 'a"b', ''] },
    value: random => pick(random, ['"web"', '"ios"', '"café"', '"a\\"b"', '""']),
  },
  {
    path: ['many'],
    type: { kind: 'enum', values: MANY },
    optional: true,
    value: random => `"${pick(random, MANY)}"`,
  },
  {
    path: ['at'],
    type: { kind: 'timestamp' },
    value: random =>
      `"${pick(random, [time(random), time(random).replace('Z', '+02:00'), time(random).replace(/\.\d+/, ''), time(random).replace('Z', '456Z')])}"`,
  },
  {
    path: ['seconds'],
    type: { kind: 'timestamp' },
    optional: true,
    parse: { time: 'unix_s' },
    value: random =>
      pick(random, [whole(random, 10), `1700000000.${digits(random, 1 + random.int(8))}`]),
  },
  {
    path: ['millis'],
    type: { kind: 'timestamp' },
    optional: true,
    parse: { time: 'unix_ms' },
    value: random => `1${digits(random, 12)}`,
  },
  {
    path: ['micros'],
    type: { kind: 'timestamp' },
    optional: true,
    parse: { time: 'unix_us' },
    value: random => `"1${digits(random, 15)}"`,
  },
  {
    path: ['nanos'],
    type: { kind: 'timestamp' },
    optional: true,
    parse: { time: 'unix_ns' },
    value: random => `1${digits(random, 18)}`,
  },
  {
    path: ['local'],
    type: { kind: 'timestamp' },
    optional: true,
    parse: { time: 'yyyy/MM/dd HH:mm:ss' },
    value: random =>
      `"20${digits(random, 2)}/0${1 + random.int(9)}/1${digits(random, 1)} 1${digits(random, 1)}:2${digits(random, 1)}:3${digits(random, 1)}"`,
  },
  { path: ['day'], type: { kind: 'date' }, value: random => `"${time(random).slice(0, 10)}"` },
  {
    path: ['address'],
    type: { kind: 'ipv4' },
    optional: true,
    value: random => `"${random.int(256)}.${random.int(256)}.0.${random.int(256)}"`,
  },
  {
    path: ['any'],
    type: { kind: 'json' },
    optional: true,
    value: random =>
      pick(random, ['1', '"x"', '[1, 2, {"a":null}]', '{"a":{"b":[]}, "c" : 1e5}', 'true', '{}']),
  },
  {
    path: ['blob'],
    type: { kind: 'bytes' },
    optional: true,
    rules: { lengthMax: 6 },
    value: random => JSON.stringify(Buffer.from(digits(random, random.int(7))).toString('base64')),
  },
  {
    path: ['numbers'],
    type: { kind: 'array', of: { kind: 'int32', nullable: true } },
    value: random => list(random, each => pick(each, ['null', whole(each, 9)])),
  },
  {
    path: ['names'],
    type: { kind: 'array', of: { kind: 'string' } },
    optional: true,
    rules: { lengthMin: 1, lengthMax: 3 },
    value: random => `[${word(random)}]`,
  },
  {
    path: ['sums'],
    type: { kind: 'array', of: { kind: 'decimal', precision: 20, scale: 2 } },
    optional: true,
    value: random => list(random, each => pick(each, ['1.5', `1${digits(each, 17)}.25`])),
  },
  {
    path: ['ids'],
    type: { kind: 'array', of: { kind: 'uuid' } },
    optional: true,
    value: random => list(random, each => `"${uuid(each)}"`),
  },
  { path: ['required'], type: { kind: 'json' }, value: () => '[1,{"a":"b"}]' },
  { path: ['other'], type: { kind: 'uuid' }, optional: true, value: random => `"${uuid(random)}"` },
  {
    path: ['texts'],
    type: { kind: 'array', of: { kind: 'json', nullable: true } },
    optional: true,
    value: random => list(random, each => pick(each, ['null', '{"a":1}', '"x"'])),
  },
  { path: ['last'], type: { kind: 'int32' }, value: () => '1' },
]

export const SOME_OPTIONAL: readonly FuzzField[] = [
  { path: ['a'], type: { kind: 'string' }, optional: true, value: word },
  { path: ['b', 'c'], type: { kind: 'int64' }, optional: true, value: random => whole(random, 12) },
  { path: ['b', 'd'], type: { kind: 'bool' }, optional: true, value: () => 'true' },
  {
    path: ['e'],
    type: { kind: 'decimal', precision: 9, scale: 3 },
    optional: true,
    value: random => whole(random, 6),
  },
  { path: ['f', 'g', 'h'], type: { kind: 'string' }, optional: true, value: word },
]

/** Values as JSON text that lie on or just beyond a border of something. */
export const NASTY_VALUES = `
0 -0 -0.0 1 -1 -6 500 501 1.0 1.50 1.500 0.001 1e2 1E+2 1e-2 10e-1 00 01 -01 .5 5. 1.e1 1e 1e+ + - 0x10 NaN
2147483647 2147483648 -2147483648 -2147483649 999999999 9999999999 9007199254740991 9007199254740992 9007199254740993
-9007199254740993 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 900000000000000001
123456789012345 1234567890123456 99999999999999999999999999999999999999 100000000000000000000000000000000000000
1000000000 1000000000.00 1000000000.01 9999999999999.99 10000000000000 99999999.99999999 1.123456789 0.9999 9.9999 10 1.5000001
1e400 -1e400 1e-400 1e999999999999 123456789012345678e-3 0.1 0.30000000000000004 1.7976931348623157e308 5e-324 4.35 8.41
null true false "" "null" "1" "-1" "1.0" "1e2" " 1" "01" "+1" "12.30" "a" "ab" "abcdefghij" [] {} [null] [1,2,3,4] [1,] [,1] [1 2]
[2147483648] ["a","b","c","d"] ["a"] [[]] [{}] {"a":1} {"a":1,"a":2} {"a":1,"a":1} {"a":{"b":1,"b":2}} {"":1} {"a":} {a:1} nul tru
"2026-02-29T00:00:00.000Z" "2024-02-29T23:59:59.999Z" "2026-03-01T23:59:60.000Z" "2016-12-31T23:59:60Z" "2026-03-01T24:00:00.000Z"
"2026-03-01T12:00:00Z" "2026-03-01T12:00:00.1Z" "2026-03-01T12:00:00.123456Z" "2026-03-01T12:00:00.1234567Z" "2026-03-01T12:00:00.1234560Z"
"2026-03-01T12:00:00.123456000Z" "2026-03-01T12:00:00.1234560000Z" "2026-03-01T12:00:00.000+02:00" "2026-03-01T12:00:00-0130" "2026-03-01T12:00:00+02"
"2026-03-01T12:00:00+24:00" "2026-03-01T12:00:00.000+18:00" "2026-03-01T12:00:00.000-18:01" "2026-03-01T12:00:00.000+17:60" "2026-03-01t12:00:00z" "2026-03-01_12:00:00Z" "2026-03-01" "2026-13-01T00:00:00Z" "2026-00-10" "2026-02-30" "2026-3-01"
"1969-12-31T23:59:59.999Z" "1700-01-01T00:00:00.000Z" "1699-12-31T23:59:59.999Z" "1700-01-01T00:00:00.000+01:00" "2249-12-31T23:59:59.999Z" "2250-01-01T00:00:00.000Z"
"0000-01-01" "0001-01-01" "9999-12-31" "1600-02-29" "1900-02-29" "2026-03-01T12:00:00.Z" "2026-03-01T12:60:00.000Z" "2026-03-01T2x:00:00.000Z"
1700000000 1700000000.123456789 8835955199.999999 8835955200 1700000000123 1700000000123456 1700000000123456789 "1700000000" 17e8 -1.5 -1 -999
"2026/03/01 12:00:00" "2026/02/30 12:00:00" "255.255.255.255" "256.0.0.1" "01.2.3.4" "1.2.3" "1.2.3.4.5" "0.0.0.0"
"F1768256-A947-4633-A4DF-EE47DDD5803F" "f1768256-a947-4633-a4df-ee47ddd5803f" "urn:uuid:f1768256-a947-4633-a4df-ee47ddd5803f"
"f1768256-a947-4633-a4df-ee47ddd5803g" "f1768256_a947-4633-a4df-ee47ddd5803f" "f1768256a947-4633-a4df-ee47ddd5803f-" "f17682560a947-4633-a4df-ee47ddd5803"
"PL-123" "pl-123" "PL-12" "PL-1234" "PL-12x" "a@b" "@b" "web" "WEB" "fax" "value-7" "value-70" "caf\\u00e9" "w\\u0065b" "AA==" "AB==" "AAA=" "AAAA" "A" "A===" "AA=" "AAAAAAAAA" "AA==AA==" "!AAA"
"\\u0041" "\\ud83d\\ude00" "\\ud83d" "\\ude00" "\\ud83d\\u0041" "\\u00e9\\u6f22" "\\x" "\\u12" "\\u12g4" "\\/\\b\\f\\n\\r\\t\\\\" "\\u0000" "\u007f" "é" "漢" "😀" "é́"
`
  .trim()
  .split(/\s+/)
  .concat(
    '"a\u0001b"',
    '"tab\there"',
    '"a long one\n"',
    '[1 2]',
    '[ 1 , 2 ]',
    '"12g',
    '"12}',
    '"a',
    '"\\"',
    '[1',
    '{"a":1',
    '[1,2]]',
    'null ',
    'nullx',
  )

const SHARDS = [
  ...'"\\{}[],:0-.eE19 \n\t\u0000\u0001éZ'.split(''),
  'null',
  'true',
  '\\u0041',
  '\\n',
  '""',
  '00',
  '.5',
  '1e2',
  '1.0',
  '漢',
  '😀',
  '"last":2,',
  '"id":1,',
  '"__proto__":1,',
  '"__proto__":{"small":1},',
  '"constructor":null,',
  '+01:00',
  '[[[[',
]

const BAD_UTF8 = [
  [0xff],
  [0xc3],
  [0xc3, 0x28],
  [0xed, 0xa0, 0x80],
  [0xf0, 0x9f, 0x98],
  [0x80],
  [0xc0, 0xaf],
  [0xf5, 0x80, 0x80, 0x80],
]

interface Producer {
  readonly order: readonly FuzzField[]
  readonly spacing: 'compact' | 'python' | 'pretty' | 'tabbed'
  /** Keys that are not declared, before which field they stand. */
  readonly extra: ReadonlyMap<number, readonly [string, string]>
  /** Chance that an optional field is there. */
  readonly presence: number
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  const left = [...values]
  return values.map(() => left.splice(random.int(left.length), 1)[0] as T)
}

export function producer(
  random: Random,
  fields: readonly FuzzField[],
  declared: boolean,
): Producer {
  const extra = new Map<number, readonly [string, string]>()
  const names = ['extra', 'déjà', 'x y', 'zz', 'constructor', 'toString']
  for (const name of declared ? [] : names.slice(0, random.int(4))) {
    const value = pick(random, ['1', '"s"', '{"k":[1,{"m":2}]}', 'null', '[]', '"a\\nb"', '-1.5e3'])
    extra.set(random.int(fields.length), [name, value])
  }
  return {
    order: declared || random.int(3) === 0 ? fields : shuffled(random, fields),
    spacing: declared ? 'compact' : pick(random, ['compact', 'python', 'pretty', 'tabbed']),
    extra,
    presence: pick(random, [0, 0.5, 0.9, 1]),
  }
}

export function valid(random: Random, { order, extra, presence }: Producer): Members {
  const record: Members = []
  for (const [at, field] of order.entries()) {
    const added = extra.get(at)
    if (added !== undefined && random.int(5) > 0) record.push([added[0], added[1]])
    if (field.optional === true && random.next() >= presence) continue
    let object = record
    for (const key of field.path.slice(0, -1)) {
      const inner = object.find(member => member[0] === key)?.[1]
      if (typeof inner === 'object') object = inner
      else {
        const made: Members = []
        object.push([key, made])
        object = made
      }
    }
    const nothing = field.optional === true && random.int(12) === 0
    object.push([field.path.at(-1) ?? '', nothing ? 'null' : field.value(random)])
  }
  return record
}

export function render(members: Members, spacing: Producer['spacing'], depth = 1): string {
  const line = spacing === 'pretty' ? `\n${'  '.repeat(depth)}` : spacing === 'tabbed' ? '\t' : ''
  const end = spacing === 'pretty' ? `\n${'  '.repeat(depth - 1)}` : ''
  const colon = spacing === 'compact' ? ':' : spacing === 'tabbed' ? ' : ' : ': '
  const comma = spacing === 'python' ? ', ' : ','
  if (members.length === 0) return '{}'
  const texts = members.map(([key, value]) => {
    const text = typeof value === 'string' ? value : render(value, spacing, depth + 1)
    return `${line}${JSON.stringify(key)}${colon}${text}`
  })
  return `{${texts.join(comma)}${end}}`
}

/** Changes the value of one member, at any depth. */
function mutateValue(random: Random, members: Members): void {
  const member = pick(random, members)
  if (member === undefined) return
  const value = member[1]
  if (typeof value !== 'string' && random.int(6) > 0) {
    mutateValue(random, value)
    return
  }
  const text = typeof value === 'string' ? value : '{}'
  const inner = text.startsWith('"') ? text.slice(1, -1) : text
  const at = random.int(inner.length + 1)
  const other = pick(random, [...'0123456789abcdefABCDEF-:.TZ é/+'])
  const cut = random.int(2)
  const edited = inner.slice(0, at) + (random.int(4) > 0 ? other : '') + inner.slice(at + cut)
  member[1] =
    random.int(2) === 0 ? pick(random, NASTY_VALUES) : text.startsWith('"') ? `"${edited}"` : edited
}

/** Moves, doubles, removes and adds members. */
function mutateKeys(random: Random, members: Members): Members {
  const at = random.int(members.length + 1)
  const member = members[at]
  switch (random.int(6)) {
    case 0:
      return shuffled(random, members)
    case 1:
      return member === undefined ? members : [...members, member]
    case 2:
      return members.filter(each => each !== member)
    case 3:
      return members.toSpliced(at, 0, [`extra${random.int(5)}`, pick(random, NASTY_VALUES)])
    case 4:
      return members.toSpliced(at, 0, ['__proto__', '{"small":1}'])
    default:
      return member === undefined || typeof member[1] === 'string'
        ? members
        : members.toSpliced(at, 1, [member[0], mutateKeys(random, member[1])])
  }
}

function mutateBytes(random: Random, bytes: Buffer): Buffer<ArrayBufferLike> {
  const at = random.int(bytes.length)
  const replaced = (by: Uint8Array, removed: number): Buffer =>
    Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + removed)])
  switch (random.int(6)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      flipped[at] = random.int(256)
      return flipped
    }
    case 1:
      return replaced(new Uint8Array(0), 1 + random.int(6))
    case 2:
      return replaced(Buffer.from(pick(random, SHARDS)), random.int(3))
    case 3:
      return replaced(Uint8Array.from(pick(random, BAD_UTF8)), random.int(2))
    case 4:
      return bytes.subarray(0, at)
    default:
      return Buffer.concat([
        bytes,
        Buffer.from(pick(random, [' ', '\r', '\n', '}', ' {}', '\u0000', ' '.repeat(9)])),
      ])
  }
}

export type Mode = 'values' | 'anything'

export function record(random: Random, producers: readonly Producer[], mode: Mode): Buffer {
  const from = pick(random, producers)
  let members = valid(random, from)
  const times = random.int(3)
  if (mode === 'values') {
    for (let i = 0; i < times; i++) mutateValue(random, members)
    return Buffer.from(render(members, from.spacing))
  }
  if (random.int(3) === 0) mutateValue(random, members)
  if (random.int(3) === 0) members = mutateKeys(random, members)
  const spacing = random.int(8) === 0 ? 'pretty' : from.spacing
  let bytes: Buffer = Buffer.from(render(members, spacing))
  for (let i = 0; i < times && bytes.length > 0; i++) bytes = mutateBytes(random, bytes)
  return bytes
}

test('mutated records of equal seeds are equal', () => {
  const some = (): string[] => {
    const random = seededRandom(3)
    const producers = [producer(random, ALL_TYPES, false), producer(random, SOME_OPTIONAL, true)]
    return Array.from({ length: 50 }, () =>
      record(random, producers, 'anything').toString('latin1'),
    )
  }
  assert.deepEqual(some(), some())
  assert.ok(new Set(some()).size > 40)
})
