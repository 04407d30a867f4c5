import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedClasses } from './value-source.ts'

const PATTERNS = [
  '^[A-Z]{2}$',
  '^[A-Za-z0-9_]{3}-[0-9]$',
  '^a b:c,d$',
  '^[A-z]{2}$',
  '^[ab c]{12}$',
]

/** Patterns that one length and one class a byte cannot say. */
const OTHERS = [
  'a',
  '^a',
  'a$',
  '^$',
  '^a|b$',
  '^[^a]$',
  '^\\d$',
  '^.$',
  '^[a-c-e]$',
  '^[a-]$',
  '^a{2,3}$',
  '^a{0}$',
  '^a+$',
  '^é$',
  '^[à-é]$',
  '^(a)$',
  '^[a-z]{61}$',
]

test('a pattern of one length over ASCII becomes classes that say the same', () => {
  for (const pattern of PATTERNS) {
    const classes = fixedClasses(pattern)
    assert.ok(classes !== undefined, pattern)
    for (let at = 0; at < classes.length; at++) {
      const some: number[] = classes.map(ranges => ranges[0]?.[0] ?? 0)
      for (let byte = 0; byte < 128; byte++) {
        some[at] = byte
        const within: boolean | undefined = classes[at]?.some(
          ([low, high]) => byte >= low && byte <= high,
        )
        assert.equal(within, new RegExp(pattern, 'u').test(String.fromCharCode(...some)), pattern)
      }
    }
  }
})

test('any other pattern is left to the regular expression', () => {
  for (const pattern of OTHERS) assert.equal(fixedClasses(pattern), undefined, pattern)
})
