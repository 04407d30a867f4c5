import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JSON_DEPTH_MAX } from '#base'
import { Arena, Batch } from '#columns'
import type { JsonField, Schema, Type } from '#plan'
import type { Reject } from './codec.ts'
import { compileJsonDecoder, type JsonDecoder } from './json-decoder.ts'

interface Made {
  readonly decoder: JsonDecoder
  readonly batch: Batch
}

function make(
  columns: Readonly<
    Record<string, Type & { readonly optional?: boolean } & Omit<Partial<JsonField>, 'path'>>
  >,
  options: { readonly generated?: boolean; readonly unknown?: 'skip' | 'reject' } = {},
): Made {
  const { generated = true, unknown = 'skip' } = options
  const names = Object.keys(columns)
  const raw: Schema = names.map(name => {
    const {
      optional: _optional,
      parse: _parse,
      rules: _rules,
      ...type
    } = columns[name] as Type & Partial<JsonField>
    return { name: name.replaceAll('.', '_'), type: type as Type }
  })
  const fields = names.map((name): JsonField => {
    const { optional = false, parse, rules } = columns[name] as Partial<JsonField>
    return {
      path: name.split('.'),
      column: name.replaceAll('.', '_'),
      optional,
      ...(parse === undefined ? {} : { parse }),
      ...(rules === undefined ? {} : { rules }),
    }
  })
  const decoder = compileJsonDecoder({ kind: 'json', fields, unknown }, raw, { generated })
  return { decoder, batch: new Batch(raw) }
}

function decode({ decoder, batch }: Made, ...texts: (string | Buffer)[]): Reject[] {
  batch.clear()
  const ends = new Uint32Array(texts.length)
  const starts = new Uint32Array(texts.length)
  for (const [i, text] of texts.entries()) {
    starts[i] = batch.arena.append(Buffer.from(text))
    ends[i] = batch.arena.used
  }
  const rejects: Reject[] = []
  decoder.decode(batch, { starts, ends, count: texts.length }, rejects)
  return rejects
}

/** The value of `name` in `row`, as text. */
function value({ batch }: Made, name: string, row = 0): string {
  const column = batch.column(name)
  switch (column.kind) {
    case 'num':
    case 'wide': {
      const held = column.values[row] as number
      const big =
        column.kind === 'wide' && !Number.isFinite(held) ? column.beyond.get(row) : undefined
      return Object.is(held, -0) ? '-0' : String(big ?? held)
    }
    case 'text': {
      const length = column.lengths[row] as number
      return length < 0 ? 'null' : batch.arena.string(column.offsets[row] as number, length)
    }
    case 'uuid':
      return column.nulls[row] === 1
        ? 'null'
        : [...column.words.subarray(row * 4, row * 4 + 4)]
            .map(word => (word >>> 0).toString(16).padStart(8, '0'))
            .join('')
    case 'list':
      return `${column.lengths[row]} items`
  }
}

/** Type, options; values that are accepted and what they give; values that are not and why. */
const CASES: readonly (readonly [
  name: string,
  type: Type & Partial<Pick<JsonField, 'optional' | 'parse' | 'rules'>>,
  accepted: Readonly<Record<string, string>>,
  refused: Readonly<Record<string, string>>,
])[] = [
  [
    'bool',
    { kind: 'bool' },
    { true: '1', false: '0' },
    { 1: 'json.type', '"true"': 'json.type', null: 'json.missing' },
  ],
  [
    'int32',
    { kind: 'int32' },
    {
      0: '0',
      '-0': '0',
      7: '7',
      '-2147483648': '-2147483648',
      2147483647: '2147483647',
      '1.0': '1',
      '1e3': '1000',
    },
    { 2147483648: 'json.rule', '-2147483649': 'json.rule', 1.5: 'json.type', '"1"': 'json.type' },
  ],
  [
    'int64',
    { kind: 'int64' },
    {
      '9007199254740993': '9007199254740993',
      '9223372036854775807': '9223372036854775807',
      '-9223372036854775808': '-9223372036854775808',
      '"9007199254740993"': '9007199254740993',
      '"12"': '12',
    },
    {
      '9223372036854775808': 'json.rule',
      '"x"': 'json.type',
      '""': 'json.type',
      '1.5': 'json.type',
      '[1]': 'json.type',
    },
  ],
  [
    'float64',
    { kind: 'float64', rules: { min: -2, max: 1e300 } },
    {
      '-0.0': '0',
      0.1: '0.1',
      '0.30000000000000004': '0.30000000000000004',
      '1e-400': '0',
      '-2': '-2',
      '123456789.125': '123456789.125',
    },
    { '1e400': 'json.rule', '1e301': 'json.rule', '-2.0001': 'json.rule', '"1"': 'json.type' },
  ],
  [
    'decimal(9, 2) from 0.125 to 5000.005',
    { kind: 'decimal', precision: 9, scale: 2, rules: { min: 0.125, max: 5000.005 } },
    {
      12.3: '1230',
      '12.30': '1230',
      '12.300': '1230',
      '"12.30"': '1230',
      '1e2': '10000',
      '123e-2': '123',
      0.13: '13',
      '5000': '500000',
    },
    {
      0.12: 'json.rule',
      '5000.01': 'json.rule',
      12.345: 'json.rule',
      '99999999': 'json.rule',
      '"a"': 'json.type',
      '"1,5"': 'json.type',
    },
  ],
  [
    'decimal(3, 2)',
    { kind: 'decimal', precision: 3, scale: 2 },
    { 9.99: '999', '-9.99': '-999', '-0.00': '0' },
    { 10: 'json.rule', '-10.00': 'json.rule', 9.999: 'json.rule' },
  ],
  [
    'decimal(38, 4)',
    { kind: 'decimal', precision: 38, scale: 4 },
    {
      '1.5': '15000',
      '9007199254740992.0001': '90071992547409920001',
      '9999999999999999999999999999999999.9999': '9'.repeat(38),
    },
    { '10000000000000000000000000000000000': 'json.rule', '0.00001': 'json.rule' },
  ],
  [
    'string of 2 to 3 characters',
    { kind: 'string', rules: { lengthMin: 2, lengthMax: 3 } },
    {
      '"ab"': 'ab',
      '"éé"': 'éé',
      '"漢字é"': '漢字é',
      '"\\u0061\\n"': 'a\n',
      '"😀😀😀"': '😀😀😀',
      '"\\ud83d\\ude00!"': '😀!',
    },
    {
      '"a"': 'json.rule',
      '"é"': 'json.rule',
      '"abcd"': 'json.rule',
      '"😀"': 'json.rule',
      '"\\ud83d a"': 'json.utf8',
      12: 'json.type',
    },
  ],
  [
    'string by pattern',
    { kind: 'string', rules: { pattern: '^[A-Z]{2}$' } },
    { '"PL"': 'PL', '"\\u0050L"': 'PL' },
    { '"pl"': 'json.rule', '"PLN"': 'json.rule', '"P"': 'json.rule', '"P["': 'json.rule' },
  ],
  [
    'string by any pattern',
    { kind: 'string', rules: { pattern: '^(a|é)+b?$' } },
    { '"aéb"': 'aéb' },
    { '"aéc"': 'json.rule' },
  ],
  [
    'enum',
    { kind: 'enum', values: ['a', 'é"', 'ab'] },
    { '"a"': '0', '"é\\""': '1', '"ab"': '2' },
    { '"b"': 'json.rule', '"abc"': 'json.rule', 1: 'json.type' },
  ],
  [
    'timestamp',
    { kind: 'timestamp' },
    {
      '"1970-01-01T00:00:00.001Z"': '1000',
      '"1969-12-31T23:59:59.999999Z"': '-1',
      '"1970-01-01T01:00:00+01:00"': '0',
      '"1970-01-01T00:00:01Z"': '1000000',
      '"1970-01-01T00:00:00.000001000Z"': '1',
    },
    {
      '"1970-01-01T00:00:00.0000001Z"': 'json.rule',
      '"1970-01-01T00:00:00"': 'json.rule',
      '"1970-01-01"': 'json.rule',
      '"2026-02-29T00:00:00.000Z"': 'json.rule',
      '"2026-02-28T24:00:00.000Z"': 'json.rule',
      '"1699-12-31T23:59:59.999Z"': 'json.rule',
      0: 'json.type',
    },
  ],
  [
    'timestamp by unix_ms',
    { kind: 'timestamp', parse: { time: 'unix_ms' } },
    { 1700000000123: '1700000000123000', '"5"': '5000', '-1': '-1000' },
    { '"x"': 'json.type', '99999999999999': 'json.rule', true: 'json.type' },
  ],
  [
    'timestamp by pattern',
    { kind: 'timestamp', parse: { time: 'yyyy-MM-dd HH:mm:ss' } },
    { '"1970-01-02 00:00:01"': '86401000000' },
    { '"1970-01-02T00:00:01"': 'json.type' },
  ],
  [
    'date',
    { kind: 'date' },
    { '"1970-01-02"': '1', '"0001-01-01"': '-719162' },
    { '"1970-02-30"': 'json.rule', '"0000-01-01"': 'json.type' },
  ],
  [
    'uuid',
    { kind: 'uuid' },
    { '"F1768256-a947-4633-A4DF-ee47ddd5803f"': 'f1768256a9474633a4dfee47ddd5803f' },
    { '"urn:uuid:f1768256-a947-4633-a4df-ee47ddd5803f"': 'json.type', '"f1768256"': 'json.rule' },
  ],
  [
    'ipv4',
    { kind: 'ipv4' },
    { '"1.2.3.4"': '16909060', '"255.255.255.255"': '4294967295' },
    { '"1.2.3"': 'json.rule', '"01.2.3.4"': 'json.rule' },
  ],
  [
    'json',
    { kind: 'json' },
    { '{"a": [1.50, "\\u0041"]}': '{"a": [1.50, "\\u0041"]}', '"x"': '"x"', '-1e5': '-1e5' },
    { null: 'json.missing', '{"a":1,"a":1}': 'json.duplicate_key', '[1,]': 'json.syntax' },
  ],
  [
    'bytes',
    { kind: 'bytes', rules: { lengthMax: 3 } },
    { '"YWJj"': 'abc', '""': '' },
    { '"YWJjZA=="': 'json.rule', '"YW"': 'json.type', '"YR=="': 'json.type' },
  ],
]

/** The same test of the generated decoder and of the slow path alone. */
function testBoth(title: string, check: (generated: boolean) => void): void {
  test(`generated: ${title}`, () => check(true))
  test(`plain: ${title}`, () => check(false))
}

for (const [name, type, accepted, refused] of CASES) {
  testBoth(`${name}: values are exact or refused with a reason`, generated => {
    const made = make({ x: type }, { generated })
    for (const [text, wanted] of Object.entries(accepted)) {
      assert.deepEqual(decode(made, `{"x":${text}}`), [], text)
      assert.equal(value(made, 'x'), wanted, text)
      assert.equal(made.batch.selected, 1)
    }
    for (const [text, reason] of Object.entries(refused)) {
      const [reject] = decode(made, `{"x":${text}}`)
      assert.equal(reject?.reason, reason, text)
      assert.equal(made.batch.selected, 0)
    }
  })
}

testBoth('a reject says where and shows a short piece of the value', generated => {
  const made = make(
    { 'a.b': { kind: 'int32' }, tags: { kind: 'array', of: { kind: 'int32' } } },
    { generated },
  )
  const rejects = decode(
    made,
    `{"a":{"b":"${'x'.repeat(500)}"},"tags":[]}`,
    '{"a":{"b":1},"tags":[1,2,null]}',
    '{"a":{"b":1},"tags":[1,2.5]}',
    '{"a":{},"tags":[]}',
    '{"a":1,"tags":[]}',
    '[]',
  )
  assert.deepEqual(
    rejects.map(({ row, reason, path }) => [row, reason, path]),
    [
      [0, 'json.type', 'a.b'],
      [1, 'json.type', 'tags[2]'],
      [2, 'json.type', 'tags'],
      [3, 'json.missing', 'a.b'],
      [4, 'json.type', 'a'],
      [5, 'json.not_object', ''],
    ],
  )
  for (const { message } of rejects) assert.ok(message.length < 120, message)
  assert.match(rejects[0]?.message ?? '', /^"xxx.*… is not of type number$/)
})

testBoth('an integer that no double holds leaves nothing behind', generated => {
  const made = make(
    { n: { kind: 'array', of: { kind: 'int64' } }, m: { kind: 'int32' } },
    { generated },
  )
  const column = made.batch.column('n')
  assert.ok(column.kind === 'list' && column.items.kind === 'wide')
  const big = '9223372036854775807'
  decode(made, `{"n":[${big}],"m":1}`)
  assert.equal(column.items.beyond.get(0), BigInt(big))
  decode(made, '{"n":[1],"m":1}')
  assert.equal(column.items.beyond.size, 0)
  // The first record is refused behind or within its list; the second takes the place of its items.
  for (const refused of [`{"n":[${big},${big}],"m":"x"}`, `{"n":[${big},${big},1.5],"m":1}`]) {
    assert.equal(decode(made, refused, '{"n":[1,2e0],"m":1}').length, 1)
    assert.equal(column.items.beyond.size, 0)
  }
})

testBoth('an item of json may be null only where its type says so', generated => {
  const of = { kind: 'json' } as const
  const made = make({ x: { kind: 'array', of } }, { generated })
  assert.equal(decode(made, '{"x":[1,null]}')[0]?.reason, 'json.type')
  const nullable = make({ x: { kind: 'array', of: { ...of, nullable: true } } }, { generated })
  assert.deepEqual(decode(nullable, '{"x":[1,null]}'), [])
})

testBoth('an undeclared field is skipped or a reject, as the format says', generated => {
  const record = '{"a":1,"b":{"c":[1,{"d":"\\u0041"}]}}'
  assert.deepEqual(decode(make({ a: { kind: 'int32' } }, { generated }), record), [])
  const [reject] = decode(make({ a: { kind: 'int32' } }, { generated, unknown: 'reject' }), record)
  assert.deepEqual([reject?.reason, reject?.path], ['json.unknown_field', 'b'])
})

testBoth('an optional field is null where it is absent, null, or its object is', generated => {
  const made = make(
    {
      'a.b': { kind: 'int32', optional: true, nullable: true },
      'a.c': { kind: 'uuid', optional: true, nullable: true },
      d: { kind: 'string', optional: true, nullable: true },
    },
    { generated },
  )
  const full = '{"a":{"b":1,"c":"f1768256-a947-4633-a4df-ee47ddd5803f"},"d":"x"}'
  decode(made, full, full, full, full, full)
  const absent = [
    '{}',
    '{"a":null}',
    '{"a":{}}',
    '{"a":{"b":null,"c":null},"d":null}',
    '{"d":null}',
  ]
  assert.deepEqual(decode(made, ...absent), [])
  for (const row of absent.keys()) {
    const values = ['a_b', 'a_c', 'd'].map(name => value(made, name, row))
    assert.deepEqual(values, ['NaN', 'null', 'null'], absent[row])
  }
})

testBoth('a rejected row is null in every column', generated => {
  const made = make({ a: { kind: 'string' }, n: { kind: 'int64' } }, { generated })
  const rejects = decode(made, '{"a":"x","n":9223372036854775807}', '{"a":"y","n":"z"}')
  assert.deepEqual(
    rejects.map(({ row }) => row),
    [1],
  )
  assert.deepEqual([...made.batch.selection.subarray(0, made.batch.selected)], [0])
  assert.deepEqual([value(made, 'a', 1), value(made, 'n', 1)], ['null', 'NaN'])
})

testBoth('nesting is counted from the record, in fields that are skipped too', generated => {
  const made = make({ a: { kind: 'int32' }, b: { kind: 'json', optional: true } }, { generated })
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  for (const key of ['b', 'c']) {
    const deep = (depth: number): string => `{"a":1,"${key}":${nested(depth)}}`
    for (let i = 0; i < 40; i++) assert.deepEqual(decode(made, deep(JSON_DEPTH_MAX - 1)), [])
    assert.equal(decode(made, deep(JSON_DEPTH_MAX))[0]?.reason, 'json.depth')
  }
})

testBoth('a batch of nothing but escaped text fits, whatever room the arena had', generated => {
  const made = make({ a: { kind: 'string' }, b: { kind: 'bytes' } }, { generated })
  const texts = Array.from(
    { length: 1000 },
    (_, i) => `{"a":"\\n${'x'.repeat(120)}${i}","b":"${'AAAA'.repeat(30)}"}`,
  )
  // Exactly the room that the records take.
  made.batch.arena = new Arena(texts.join('').length)
  assert.deepEqual(decode(made, ...texts), [])
  for (const row of [0, 500, 999]) assert.equal(value(made, 'a', row), `\n${'x'.repeat(120)}${row}`)
})

testBoth('a character that two records share does not make either valid', generated => {
  const made = make({ a: { kind: 'string' } }, { generated })
  const rejects = decode(
    made,
    Buffer.from([...Buffer.from('{"a":"x'), 0xc3]),
    Buffer.from([0xa9, ...Buffer.from('"}')]),
  )
  assert.deepEqual(
    rejects.map(({ reason }) => reason),
    ['json.utf8', 'json.utf8'],
  )
})

testBoth('bytes that are not UTF-8 refuse their record and no other', generated => {
  const made = make({ a: { kind: 'string' } }, { generated })
  const bad = Buffer.from('{"a":"?","k":{"?":1}}')
  for (let i = 0; i < 40; i++) decode(made, bad)
  for (const at of [6, 15]) {
    const broken = Buffer.from(bad)
    broken[at] = 0xff
    const rejects = decode(made, '{"a":"é"}', broken, '{"a":"ok","k":{"é":1}}')
    assert.deepEqual(
      rejects.map(({ row, reason }) => [row, reason]),
      [[1, 'json.utf8']],
    )
  }
})
