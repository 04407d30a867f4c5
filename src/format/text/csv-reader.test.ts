import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Batch, readRows } from '#columns'
import type { Row, Schema } from '#plan'
import type { Reject } from '../codec.ts'
import { csvHeader, matchHeader } from './csv-header.ts'
import { type CsvFormat, compileCsv, readHeaderNames } from './csv-reader.ts'

const COMMA: CsvFormat = {
  kind: 'csv',
  delimiter: ',',
  header: false,
  quote: '"',
  nulls: [],
  parse: {},
}

interface Decoded {
  readonly rows: readonly Row[]
  /** `row reason path`. */
  readonly rejects: readonly string[]
}

function decode(
  format: CsvFormat,
  raw: Schema,
  records: readonly (string | Uint8Array)[],
  headers: Readonly<Record<string, string>> = {},
): Decoded {
  const decoder = compileCsv(format, raw)
  const batch = new Batch(raw, 2)
  const starts: number[] = []
  const ends: number[] = []
  for (const record of records) {
    starts.push(batch.arena.used)
    batch.arena.append(typeof record === 'string' ? Buffer.from(record) : record)
    ends.push(batch.arena.used)
  }
  const spans = {
    starts: Uint32Array.from(starts),
    ends: Uint32Array.from(ends),
    count: records.length,
  }
  const rejects: Reject[] = []
  decoder.decode(batch, spans, rejects, headers)
  const said = rejects.map(({ row, reason, path }) => `${row} ${reason} ${path}`.trim())
  return { rows: readRows(batch), rejects: said }
}

const TEXTS: Schema = [
  { name: 'a', type: { kind: 'string' } },
  { name: 'b', type: { kind: 'string' } },
]

test('quotes, doubled quotes, delimiters and line ends inside fields are read', () => {
  const { rows, rejects } = decode(COMMA, TEXTS, [
    'x,y',
    '"x,1","y ""quoted"""',
    '"line\r\nend\n",""',
    '"""",","',
    'grün,"ж"',
  ])
  assert.deepEqual(rejects, [])
  assert.deepEqual(rows, [
    { a: 'x', b: 'y' },
    { a: 'x,1', b: 'y "quoted"' },
    { a: 'line\r\nend\n', b: '' },
    { a: '"', b: ',' },
    { a: 'grün', b: 'ж' },
  ])
})

test('what is no record of the format is rejected with its reason, and its neighbours are not', () => {
  const raw: Schema = [
    { name: 'n', type: { kind: 'int32' } },
    { name: 't', type: { kind: 'string', nullable: true } },
  ]
  const { rows, rejects } = decode(COMMA, raw, [
    '1,a',
    '1',
    '1,a,b',
    'x,a',
    'x,a,b',
    ',a',
    '"1"2,a',
    '"1,a',
    '1,a"b',
    Uint8Array.of(0x31, 0x2c, 0xc3),
    Uint8Array.of(0xa4, 0x2c, 0x61),
    '',
    '2,',
    '"3",""',
  ])
  assert.deepEqual(rejects, [
    '1 csv.columns',
    '2 csv.columns',
    '3 csv.type n',
    '4 csv.columns',
    '5 csv.null n',
    '6 csv.quote n',
    '7 csv.quote n',
    '8 csv.quote t',
    '9 csv.utf8',
    '10 csv.utf8',
    '11 csv.columns',
  ])
  assert.deepEqual(rows, [
    { n: 1, t: 'a' },
    { n: 2, t: null },
    { n: 3, t: '' },
  ])
})

test('texts for null count where they are not quoted', () => {
  const raw: Schema = [{ name: 't', type: { kind: 'string', nullable: true } }]
  const format = { ...COMMA, nulls: ['NULL', '-'] }
  const { rows } = decode(format, raw, ['NULL', '"NULL"', '-', 'NUL', '""', ''])
  assert.deepEqual(
    rows.map(row => row['t']),
    [null, 'NULL', null, 'NUL', '', null],
  )
})

test('columns are found by the header of the block, wherever they stand', () => {
  const format = { ...COMMA, header: true, delimiter: '\t' }
  const header = (names: readonly string[]): Record<string, string> => {
    const { fingerprint, columns } = csvHeader(names)
    return { header: fingerprint, columns }
  }
  const { rows, rejects } = decode(format, TEXTS, ['1\t2\t3', '1\t2'], header(['b', 'x', 'a']))
  assert.deepEqual(rows, [{ a: '3', b: '1' }])
  assert.deepEqual(rejects, ['1 csv.columns'])
  assert.deepEqual(decode(format, TEXTS, ['1'], header(['b'])).rejects, ['0 csv.header'])
  assert.deepEqual(decode(format, TEXTS, ['1'], {}).rejects, ['0 csv.header'])
})

test('a header name that can be no column name is found by its plain form', () => {
  assert.deepEqual(matchHeader(['exchange_timestamp', 'id'], ['id', 'exchange.timestamp']), {
    fields: [1, 0],
    missing: [],
    ambiguous: [],
  })
  assert.deepEqual(matchHeader(['a', 'b_c', 'd'], ['a', 'a', 'b.c', 'b c']), {
    fields: [-1, -1, -1],
    missing: ['d'],
    ambiguous: ['a', 'b_c'],
  })
  assert.deepEqual(matchHeader(['a_b'], ['a.b', 'a_b']).fields, [1])
})

test('the fingerprint of a header is that of its names in order', () => {
  assert.match(csvHeader(['a', 'b']).fingerprint, /^[0-9a-f]{16}$/)
  assert.notEqual(csvHeader(['a', 'b']).fingerprint, csvHeader(['b', 'a']).fingerprint)
  assert.equal(csvHeader(['a', 'b']).columns, '["a","b"]')
})

/** A field as a writer of RFC 4180 gives it; quoted where it must be, and sometimes else. */
function written(value: string | null, quoteAll: boolean, delimiter: string): string {
  if (value === null) return ''
  const must = value === '' || /["\r\n]/.test(value) || value.includes(delimiter)
  return must || quoteAll ? `"${value.replaceAll('"', '""')}"` : value
}

test('any table that is written as CSV is read back as it was', () => {
  const piece = fc.constantFrom(
    'a',
    'ü',
    '"',
    '""',
    ',',
    '\t',
    '\n',
    '\r\n',
    ' ',
    '',
    '😀',
    "'",
    '0',
  )
  const value = fc.option(fc.array(piece, { maxLength: 6 }).map(parts => parts.join('')))
  const shape = fc.record({
    width: fc.integer({ min: 1, max: 5 }),
    cells: fc.array(value, { minLength: 5, maxLength: 60 }),
    quoteAll: fc.boolean(),
    delimiter: fc.constantFrom(',', '\t', ';'),
  })
  const property = fc.property(shape, ({ width, cells, quoteAll, delimiter }) => {
    const raw: Schema = Array.from({ length: width }, (_, i) => ({
      name: `c${i}`,
      type: { kind: 'string', nullable: true },
    }))
    const rows = Array.from({ length: Math.floor(cells.length / width) }, (_, r) =>
      cells.slice(r * width, (r + 1) * width),
    )
    const records = rows.map(row =>
      row.map(cell => written(cell, quoteAll, delimiter)).join(delimiter),
    )
    const read = decode({ ...COMMA, delimiter }, raw, records)
    assert.deepEqual(read.rejects, [])
    assert.deepEqual(
      read.rows.map(row => raw.map(({ name }) => row[name])),
      rows,
    )
    const names = rows[0]?.map(cell => cell ?? '') ?? []
    assert.deepEqual(readHeaderNames({ delimiter, quote: '"' }, records[0] ?? ''), names)
  })
  fc.assert(property, { seed: 17, numRuns: 2000 })
})

test('bytes of any kind are rejected or read, and never break a neighbour', () => {
  const byte = fc.constantFrom(0x22, 0x2c, 0x61, 0x0a, 0xc3, 0xa4, 0x00, 0xff)
  const garbage = fc.array(byte, { maxLength: 12 })
  const property = fc.property(fc.array(garbage, { maxLength: 8 }), lines => {
    const records = lines.flatMap(line => [Uint8Array.from(line), Buffer.from('"é",ok')])
    const { rows, rejects } = decode(COMMA, TEXTS, records)
    assert.equal(rows.length + rejects.length, records.length)
    assert.ok(rows.filter(row => row['a'] === 'é' && row['b'] === 'ok').length >= lines.length)
  })
  fc.assert(property, { seed: 19, numRuns: 2000 })
})

test('a delimiter or quote that is not one byte is refused', () => {
  for (const change of [{ delimiter: '' }, { delimiter: '||' }, { quote: 'ä' }, { quote: ',' }]) {
    assert.throws(() => compileCsv({ ...COMMA, ...change }, TEXTS), { code: 'plan.invalid' })
  }
  assert.deepEqual(decode({ ...COMMA, quote: '' }, TEXTS, ['5" pipe,"']).rows, [
    { a: '5" pipe', b: '"' },
  ])
})
