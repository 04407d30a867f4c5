import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JSON_DEPTH_MAX } from '#base'
import { JsonReader } from './reader.ts'

/** The plain value, or the reason and path of the fault. */
function read(text: string | Buffer): unknown {
  const bytes = Buffer.from(text)
  const reader = new JsonReader()
  const node = reader.read(bytes, 0, bytes.length)
  return node === undefined ? `${reader.fault.reason} ${reader.fault.path}`.trim() : node.value
}

/** Objects without a prototype as those with one. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('what JSON.stringify writes is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ depthSize: 'large' }), fc.constantFrom(0, 1, 2), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent)
      const value = JSON.parse(spaced, (key, inner) => (key === '__proto__' ? undefined : inner))
      const found = read(spaced)
      if (spaced.includes('__proto__')) return
      assert.deepEqual(plain(found), value)
    }),
    { numRuns: 500, seed: 5 },
  )
})

test('what JSON.parse refuses is refused', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '.',
    'e',
    '0',
    'true',
    'nul',
    ' ',
    '\\',
    '\n',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), parts => {
      const text = parts.join('')
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      const found = read(text)
      const refused = typeof found === 'string' && found.startsWith('json.')
      assert.equal(refused, !valid || found === 'json.duplicate_key', text)
    }),
    { numRuns: 20_000, seed: 6 },
  )
})

test('the texts of numbers are kept', () => {
  const bytes = Buffer.from('[123456789012345678901234567890, -0.10, 1E5]')
  const node = new JsonReader().read(bytes, 0, bytes.length)
  assert.deepEqual(
    node?.items.map(item => item.text),
    ['123456789012345678901234567890', '-0.10', '1E5'],
  )
})

test('a key that stands twice is refused, escapes or not, and its place is named', () => {
  assert.equal(read('{"a":1,"b":2,"a":1}'), 'json.duplicate_key a')
  assert.equal(read('{"x":[0,{"a":1,"\\u0061":1}]}'), 'json.duplicate_key x[1].a')
  assert.deepEqual(plain(read('{"a":{"b":1},"b":1}')), { a: { b: 1 }, b: 1 })
})

test('a record may be as deep as the bound and no deeper, and a million levels overflow nothing', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  assert.ok(Array.isArray(read(nested(JSON_DEPTH_MAX))))
  assert.match(String(read(nested(JSON_DEPTH_MAX + 1))), /^json\.depth/)
  assert.match(String(read('['.repeat(1_000_000))), /^json\.depth/)
  assert.match(String(read('{"a":'.repeat(1_000_000))), /^json\.depth/)
})

test('bytes that are not UTF-8 and escapes that are lone surrogates are refused', () => {
  for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.equal(read(Buffer.from([0x22, ...bad, 0x22])), 'json.utf8')
  }
  assert.equal(read('"\\ud83d"'), 'json.utf8')
  assert.equal(read('"\\ude00\\ud83d"'), 'json.utf8')
  assert.equal(read('{"\\ud83d":1}'), 'json.utf8')
  assert.equal(read('"\\ud83d\\ude00"'), '😀')
  assert.match(String(read('\ufeff{}')), /^json\.syntax/)
})

test('__proto__ is a key like others and changes no prototype', () => {
  const value = read('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>
  assert.equal(Object.getPrototypeOf(value), null)
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor'])
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('a fault shows a short piece of the record and not the record', () => {
  const bytes = Buffer.from(`{"a":"${'x'.repeat(10_000)}","b":nonsense and more of it}`)
  const reader = new JsonReader()
  assert.equal(reader.read(bytes, 0, bytes.length), undefined)
  assert.ok(reader.fault.message.length < 80, reader.fault.message)
  assert.match(reader.fault.message, /nonsense/)
})
