import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { OVERSIZE_KEPT_BYTES, RECORD_BYTES_MAX } from '#base'
import { RecordSplitter, type SplitRules } from './record-splitter.ts'
import { type LargeSummary, RecordStage } from './record-stage.ts'

const CSV: SplitRules = { csv: { quote: '"', delimiter: ',' } }

interface Split {
  readonly records: readonly string[]
  readonly lines: readonly number[]
  readonly large: readonly LargeSummary[]
  readonly blank: number
}

/** Splits text that comes in chunks of the given sizes, over and over. */
function split(
  text: string | Uint8Array,
  rules: SplitRules,
  sizes: readonly number[] = [1 << 20],
  skipThroughLine = 0,
): Split {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const splitter = new RecordSplitter(rules)
  splitter.skipThroughLine = skipThroughLine
  const stage = new RecordStage(4, 16)
  const records: string[] = []
  const lines: number[] = []
  const large: LargeSummary[] = []
  const drain = (): void => {
    while (splitter.take(stage, 4)) {
      for (let i = 0, start = 0; i < stage.count; i++) {
        records.push(stage.values.toString('utf8', start, stage.ends[i]))
        start = stage.ends[i] ?? 0
      }
      lines.push(...stage.lines.subarray(0, stage.count))
      if (stage.large !== undefined) large.push(stage.large)
      stage.clear()
    }
  }
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    splitter.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
    drain()
  }
  splitter.finish()
  drain()
  return { records, lines, large, blank: splitter.blankLines }
}

test('lines end in LF or CRLF, empty ones are counted, and the last needs no end', () => {
  const found = split('a\r\n\nb\n\r\n\rc\r\nd', {})
  assert.deepEqual(found.records, ['a', 'b', '\rc', 'd'])
  assert.deepEqual(found.lines, [1, 3, 5, 6])
  assert.equal(found.blank, 2)
  assert.deepEqual(split('', {}).records, [])
  assert.deepEqual(split('\n', {}).records, [])
})

test('a byte-order mark is passed, however it comes', () => {
  for (const size of [1, 2, 3, 100]) {
    assert.deepEqual(split('\ufeffa\nb', {}, [size]).records, ['a', 'b'])
    assert.deepEqual(split('\ufeff"a\n"\nb', CSV, [size]).records, ['"a\n"', 'b'])
  }
  assert.deepEqual(split('a', {}).records, ['a'])
})

test('a CSV record goes on while a quoted field is open, and its line is that of its first byte', () => {
  const found = split('h\n"a\n""b""\r\n",c\r\nd,"e"\nx"y,z\n"last\nopen', CSV)
  assert.deepEqual(found.records, ['h', '"a\n""b""\r\n",c', 'd,"e"', 'x"y,z', '"last\nopen'])
  assert.deepEqual(found.lines, [1, 2, 5, 6, 7])
})

test('a quote inside a field opens nothing', () => {
  for (const line of ['"q",x"y', '"q"x"y', 'x"', 'a,"b"c"']) {
    assert.deepEqual(split(`${line}\nnext`, CSV).records, [line, 'next'], line)
  }
})

test('records that begin at or before a line are passed over', () => {
  assert.deepEqual(split('1\n2\n3\n4', {}, [3], 2).records, ['3', '4'])
  assert.deepEqual(split('"1\n1",\n"3\n3"\n5', CSV, [2], 3).lines, [5])
})

test('how text is cut into chunks changes nothing', () => {
  const piece = fc.constantFrom(
    'a',
    'ü',
    '"',
    ',',
    '\n',
    '\r\n',
    '\r',
    '""',
    ',"',
    '",',
    'x'.repeat(40),
  )
  const text = fc.array(piece, { maxLength: 60 }).map(parts => parts.join(''))
  const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 })
  const property = fc.property(text, sizes, fc.boolean(), (whole, cuts, csv) => {
    const rules = csv ? CSV : {}
    assert.deepEqual(split(whole, rules, cuts), split(whole, rules))
  })
  fc.assert(property, { seed: 23, numRuns: 800 })
})

test('lines of any text are those that a plain split gives', () => {
  const text = fc.array(fc.constantFrom('a', '\n', '\r\n', 'bb', '"'), { maxLength: 50 })
  const property = fc.property(text, parts => {
    const whole = parts.join('')
    const expected = whole.split('\n').map(line => line.replace(/\r$/, ''))
    const found = split(whole, {}, [7])
    assert.deepEqual(
      found.records,
      expected.filter(line => line !== ''),
    )
  })
  fc.assert(property, { seed: 29, numRuns: 1000 })
})

for (const rules of [{}, CSV]) {
  test(`a record over the limit gives its first part, length and hash (${rules.csv === undefined ? 'lines' : 'CSV'})`, () => {
    const huge = Buffer.alloc(RECORD_BYTES_MAX + 12345, 'abcdefg')
    if (rules.csv !== undefined) {
      huge[0] = 0x22
      huge[1000] = 10
      huge[huge.length - 1] = 0x22
    }
    const limit = Buffer.alloc(RECORD_BYTES_MAX, 'z')
    const text = Buffer.concat([
      Buffer.from('first\n'),
      huge,
      Buffer.from('\r\nnext\n'),
      limit,
      Buffer.from('\n'),
      huge,
    ])
    const found = split(text, rules, [1 << 20, 999_983])
    assert.deepEqual(
      found.records.map(record => record.length),
      [5, 4, RECORD_BYTES_MAX],
    )
    assert.equal(found.large.length, 2)
    const behind = rules.csv === undefined ? 0 : 1
    assert.deepEqual(found.lines, [1, 3 + behind, 4 + behind])
    const sha256 = createHash('sha256').update(huge).digest('hex')
    for (const [i, large] of found.large.entries()) {
      assert.equal(large.line, i === 0 ? 2 : 5 + behind)
      assert.equal(large.bytes, huge.length)
      assert.equal(large.sha256, sha256)
      assert.deepEqual(Buffer.from(large.kept), huge.subarray(0, OVERSIZE_KEPT_BYTES))
    }
  })
}
