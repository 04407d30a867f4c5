import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PlatformError } from '#base'
import { Batch } from '#columns'
import type { JsonField, Schema } from '#plan'
import { compileJsonDecoder, type JsonDecoder } from './json-decoder.ts'

interface Made {
  readonly decoder: JsonDecoder
  readonly batch: Batch
}

/** A decoder of the required fields a, an int32, and b, a string, and the optional int32 c.d. */
function make(): Made {
  const raw: Schema = [
    { name: 'a', type: { kind: 'int32' } },
    { name: 'b', type: { kind: 'string' } },
    { name: 'd', type: { kind: 'int32', nullable: true } },
  ]
  const fields: JsonField[] = [
    { path: ['a'], column: 'a', optional: false },
    { path: ['b'], column: 'b', optional: false },
    { path: ['c', 'd'], column: 'd', optional: true },
  ]
  const decoder = compileJsonDecoder({ kind: 'json', fields, unknown: 'skip' }, raw, {
    generated: true,
  })
  return { decoder, batch: new Batch(raw) }
}

/** Decodes texts, none of which may be refused; returns how many took the slow path. */
function fallbackOf({ decoder, batch }: Made, texts: readonly string[]): number {
  const before = decoder.stats.fallbackRows
  batch.clear()
  const starts = new Uint32Array(texts.length)
  const ends = new Uint32Array(texts.length)
  for (const [i, text] of texts.entries()) {
    starts[i] = batch.arena.append(Buffer.from(text))
    ends[i] = batch.arena.used
  }
  decoder.decode(batch, { starts, ends, count: texts.length }, [])
  assert.equal(batch.selected, texts.length)
  return decoder.stats.fallbackRows - before
}

describe('shapes', () => {
  for (const [name, text] of Object.entries({
    'another key order': '{"c":{"d":1},"b":"x","a":1}',
    'spaces as Python writes them': '{"a": 1, "b": "x", "c": {"d": 1}}',
    'lines and indents': JSON.stringify({ a: 1, b: 'x', c: { d: 1 } }, null, 2),
    'fields that are not declared': '{"x":[1,{"y":null}],"a":1,"z":"\\u00e9","b":"x"}',
  })) {
    test(`${name} takes the slow path only until it is learned`, () => {
      const made = make()
      assert.ok(fallbackOf(made, Array(100).fill(text)) < 30)
      assert.equal(fallbackOf(made, Array(100).fill(text)), 0)
    })
  }

  test('producers of different shapes side by side are all learned', () => {
    const made = make()
    const orders = [
      '{"a":1,"b":"x"}',
      '{"b":"x","a":1}',
      '{"a": 1, "b": "x"}',
      '{"b": "x", "a": 1}',
      '{"q":1,"b":"x","a":1}',
    ]
    const texts = Array.from({ length: 1000 }, (_, i) => orders[i % orders.length] ?? '')
    fallbackOf(made, texts)
    assert.equal(fallbackOf(made, texts), 0)
  })

  test('a shape that comes to stay takes the place of one that went away', () => {
    const made = make()
    for (let i = 1; i <= 12; i++) {
      fallbackOf(made, Array(1000).fill(`{"a":${' '.repeat(i)}1,"b":${' '.repeat(i)}"x"}`))
    }
    const late = '{\t"b":\t"x",\t"a":\t1\t}'
    fallbackOf(made, Array(1000).fill(late))
    assert.equal(fallbackOf(made, Array(1000).fill(late)), 0)
  })

  test('white space around a record costs nothing', () => {
    const made = make()
    assert.equal(fallbackOf(made, ['{"a":1,"b":"x"}\r', ' {"a":1,"b":"x"} \n']), 0)
  })
})

test('a format that does not fit its columns is refused with a hint', () => {
  const raw: Schema = [{ name: 'a', type: { kind: 'int32' } }]
  const field = { path: ['a'], column: 'a', optional: false }
  const wrong: JsonField[][] = [
    [],
    [{ ...field, column: 'b' }],
    [{ ...field, path: [] }],
    [{ ...field, path: ['__proto__'] }],
    [field, { ...field, path: ['b'] }],
    [{ ...field, rules: { pattern: 'x' } }],
    [{ ...field, rules: { min: Number.NaN } }],
    [{ ...field, rules: { max: '1);throw 1;(' as unknown as number } }],
    [{ ...field, rules: { lengthMin: 1 } }],
    [{ ...field, parse: { time: 'unix_s' } }],
  ]
  for (const fields of wrong) {
    assert.throws(
      () => compileJsonDecoder({ kind: 'json', fields, unknown: 'skip' }, raw, { generated: true }),
      (error: unknown) =>
        error instanceof PlatformError &&
        error.code === 'plan.invalid' &&
        (error.hint ?? '') !== '',
    )
  }
  const two: Schema = [...raw, { name: 'b', type: { kind: 'string' } }]
  const clash: JsonField[] = [field, { path: ['a', 'b'], column: 'b', optional: false }]
  assert.throws(
    () =>
      compileJsonDecoder({ kind: 'json', fields: clash, unknown: 'skip' }, two, {
        generated: true,
      }),
    {
      code: 'plan.invalid',
    },
  )
})
