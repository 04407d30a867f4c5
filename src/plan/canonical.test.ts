import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from './canonical.ts'

test('members are sorted, and those that are undefined are not there', () => {
  assert.equal(canonicalJson({ b: 1, a: [true, null], c: undefined }), '{"a":[true,null],"b":1}')
  assert.equal(canonicalJson({ '€': 1, ö: 2, '\r': 3, '1': 4 }), '{"\\r":3,"1":4,"ö":2,"€":1}')
})

test('numbers and text are written as RFC 8785 says', () => {
  assert.equal(canonicalJson([1e21, 1e-7, 0.1, -0]), '[1e+21,1e-7,0.1,0]')
  assert.equal(canonicalJson('\u20ac$\u000f\nA\'B"\\'), '"€$\\u000f\\nA\'B\\"\\\\"')
})

test('an int64 is its digits, and bytes are hexadecimal text', () => {
  assert.equal(canonicalJson(9007199254740993n), '"9007199254740993"')
  assert.equal(canonicalJson(Uint8Array.of(0, 255)), '"00ff"')
})

test('what is no plain data is a bug', () => {
  assert.throws(() => canonicalJson(Number.NaN), { name: 'InvariantError' })
  assert.throws(() => canonicalJson({ a: () => 1 }), { name: 'InvariantError' })
})
