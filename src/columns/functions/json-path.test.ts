import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonAt } from './json-path.ts'

const SEED = 2_026

/** Every path into a JSON value, with what stands there. */
function placesOf(value: unknown, path: readonly string[]): [readonly string[], unknown][] {
  const inside = value !== null && typeof value === 'object' ? Object.entries(value) : []
  return [[path, value], ...inside.flatMap(([step, item]) => placesOf(item, [...path, step]))]
}

test('every place of random JSON is found as it was written, whatever the spacing', () => {
  const key = fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', ']', ',', ' ', 'é', '0') })
  const { value } = fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false, 0, -1.5e-7, 12),
      key,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  fc.assert(
    fc.property(value, fc.constantFrom('', ' ', '\t'), (json, indent) => {
      const text = `${indent}${JSON.stringify(json, null, indent)}\n`
      for (const [path, there] of placesOf(json, [])) {
        const found = jsonAt(text, path)
        if (there === null || typeof there === 'string') assert.equal(found, there)
        else {
          assert.ok(found !== null && text.includes(found))
          assert.deepEqual(JSON.parse(found), there)
        }
      }
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('what is not there, not JSON or not well-formed is null', () => {
  for (const [text, path] of [
    ['{"a":1', ['a']],
    ['{"a":1} x', ['a']],
    ['{"a":1}', ['b']],
    ['{"a":1}', ['a', 'b']],
    ['[1]', ['01']],
    ['[1]', ['1']],
    ['[]', ['0']],
    ['{}', ['']],
    ['"\\ud800"', []],
    ['', []],
  ] as const) {
    assert.equal(jsonAt(text, path), null, text)
  }
  assert.equal(jsonAt('{"a":1,"b":2,"a":{"c":3}}', ['a', 'c']), '3')
})
