import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from './arena.ts'
import {
  beginsWith,
  compareStrings,
  compareText,
  countCharacters,
  equalText,
  hashText,
  holdsBytes,
  sameBytes,
} from './text-bytes.ts'

const SEED = 4_711

/** Text that often has a common beginning, and all planes of Unicode. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'b', 'ä', '\uff5e', '😀', '\u0000'), maxLength: 12 }),
)

/** A slice of `value` that begins at an odd place, with rubbish behind it. */
function sliceOf(value: string, before: number): { arena: Arena; offset: number; length: number } {
  const arena = new Arena(8)
  arena.appendString('x'.repeat(before))
  const offset = arena.appendString(value)
  const length = arena.used - offset
  arena.appendString('\u007f'.repeat(before + 5))
  return { arena, offset, length }
}

const sign = Math.sign

test('slices and strings are ordered and equal as their UTF-8 bytes are', () => {
  fc.assert(
    fc.property(text, text, fc.nat(3), (x, y, before) => {
      const a = sliceOf(x, before)
      const b = sliceOf(y, 3 - before)
      const order = sign(Buffer.compare(Buffer.from(x), Buffer.from(y)))
      const slices = [a.arena, a.offset, a.length, b.arena, b.offset, b.length] as const
      assert.equal(sign(compareText(...slices)), order)
      assert.equal(sign(compareStrings(x, y)), order)
      assert.equal(equalText(...slices), order === 0)
    }),
    { seed: SEED, numRuns: 2_000 },
  )
})

test('text beyond the basic plane comes after all of it', () => {
  assert.ok(compareStrings('\uff5e', '😀') < 0)
  assert.ok(compareStrings('z', 'ä') < 0)
  assert.ok('😀' < '\uff5e')
})

test('a hash depends on the bytes of the slice and on nothing around it', () => {
  fc.assert(
    fc.property(text, fc.nat(3), (x, before) => {
      const a = sliceOf(x, before)
      const b = sliceOf(x, 3 - before)
      const hash = hashText(a.arena, a.offset, a.length)
      assert.equal(hash, hashText(b.arena, b.offset, b.length))
      assert.equal(hash, hash | 0)
    }),
    { seed: SEED, numRuns: 1_000 },
  )
})

test('hashes of similar texts differ', () => {
  const hashes = new Set<number>()
  for (let i = 0; i < 20_000; i++) {
    const { arena, offset, length } = sliceOf(`user-${i}`, 0)
    hashes.add(hashText(arena, offset, length))
  }
  assert.ok(hashes.size >= 19_990, `${hashes.size} hashes of 20,000`)
})

test('search over bytes finds what search over strings finds', () => {
  fc.assert(
    fc.property(text, text, fc.nat(3), (x, part, before) => {
      const { arena, offset, length } = sliceOf(x, before)
      const bytes = Buffer.from(part)
      assert.equal(holdsBytes(arena.bytes, offset, length, bytes), x.includes(part))
      assert.equal(beginsWith(arena.bytes, offset, length, bytes), x.startsWith(part))
      assert.equal(sameBytes(arena.bytes, offset, length, bytes), x === part)
      assert.equal(countCharacters(arena.bytes, offset, length), [...x].length)
    }),
    { seed: SEED, numRuns: 2_000 },
  )
})
