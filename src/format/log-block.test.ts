import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '#base'
import type { AppendBlock } from '#ports'
import { decodeBlock, encodeBlock, peekBlock } from './log-block.ts'

const PLACE = { baseOffset: 2 ** 52, appendedAt: -1_234_567_890_123, seed: 77 }

const blocks = fc
  .record({
    kind: fc.constantFrom('data' as const, 'mark' as const, 'change' as const),
    markAt: fc.maxSafeInteger(),
    partition: fc.nat(5),
    headers: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
    parts: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 30 }),
    repeated: fc.boolean(),
    lines: fc.boolean(),
    excess: fc.nat(70),
  })
  .map(({ parts, repeated, lines, excess, ...rest }): AppendBlock => {
    const values = repeated ? parts.map(part => part.fill(65)) : parts
    let end = 0
    const ends = Uint32Array.from(values, part => {
      end += part.length
      return end
    })
    const bytes = Buffer.concat([...values, Buffer.alloc(excess, 1)])
    const at = Uint32Array.from(values, (_, i) => (i * 3_000_000_019) >>> 0)
    return { ...rest, count: parts.length, values: bytes, ends, lines: lines ? at : null }
  })

test('a block comes back as it was, with 64 zero bytes behind its values', () => {
  fc.assert(
    fc.property(blocks, block => {
      const found = decodeBlock(encodeBlock(block, PLACE), PLACE.seed)
      assert.ok(!('fault' in found), 'fault' in found ? found.fault : '')
      const end = block.ends[block.count - 1] ?? 0
      const { partition: _, ...due } = block
      const { baseOffset, appendedAt } = PLACE
      assert.deepEqual(
        { ...found, values: Buffer.from(found.values) },
        { ...due, baseOffset, appendedAt, values: Buffer.from(block.values.subarray(0, end)) },
      )
      const behind = found.values.byteOffset + found.values.length
      assert.deepEqual(new Uint8Array(found.values.buffer, behind, 64), new Uint8Array(64))
    }),
    { seed: 11, numRuns: 300 },
  )
})

test('any cut and any flipped bit is a fault', () => {
  fc.assert(
    fc.property(blocks, fc.nat(), fc.nat(7), fc.nat(), (block, at, bit, cut) => {
      const bytes = encodeBlock(block, PLACE)
      assert.ok('fault' in decodeBlock(bytes.subarray(0, cut % bytes.length), PLACE.seed))
      const place = at % bytes.length
      bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
      assert.ok('fault' in decodeBlock(bytes, PLACE.seed))
    }),
    { seed: 12, numRuns: 500 },
  )
})

const block: AppendBlock = {
  partition: 0,
  kind: 'data',
  markAt: 0,
  count: 2,
  values: Buffer.from('abc'),
  ends: Uint32Array.of(1, 3),
  headers: { file: 'a' },
  lines: null,
}

test('a block at the place of another, or of a later version, is a fault that says so', () => {
  const bytes = encodeBlock(block, PLACE)
  assert.deepEqual(decodeBlock(bytes, 78), { fault: 'a wrong checksum' })
  bytes[4] = 9
  assert.deepEqual(decodeBlock(bytes, PLACE.seed), {
    fault: 'version 9, where this program reads 1',
  })
  assert.deepEqual(decodeBlock(Buffer.alloc(100), 0), { fault: 'no magic number' })
})

test('text is stored smaller, noise as it is', () => {
  const text = {
    ...block,
    count: 1,
    values: Buffer.alloc(10_000, 'clicks '),
    ends: Uint32Array.of(10_000),
  }
  assert.ok(encodeBlock(text, PLACE).length < 500)
  const random = seededRandom(3)
  const noise = Uint8Array.from({ length: 5_000 }, () => random.int(256))
  const bytes = encodeBlock(
    { ...block, count: 1, values: noise, ends: Uint32Array.of(5_000) },
    PLACE,
  )
  assert.equal(bytes[6], 0, 'raw')
  assert.ok(bytes.length < 5_200)
})

test('a header is read without its payload', () => {
  const { baseOffset, appendedAt } = PLACE
  assert.deepEqual(peekBlock(encodeBlock(block, PLACE)), {
    kind: 'data',
    count: 2,
    baseOffset,
    appendedAt,
  })
  assert.ok('fault' in peekBlock(new Uint8Array(51)))
})
