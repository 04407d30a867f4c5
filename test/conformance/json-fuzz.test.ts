import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzJson } from '../../src/format/json-fuzz.test.ts'

for (const mode of ['values', 'anything'] as const) {
  for (const seed of [101, 102, 103]) {
    test(`the generated JSON decoder equals the plain one on 50,000 records mutated in ${mode}, seed ${seed}`, context => {
      const result = fuzzJson({ records: 50_000, mode, seed })
      context.diagnostic(
        `${result.records} records, ${result.rejected} rejected, fast share of accepted ${result.fastShare.toFixed(3)}`,
      )
      assert.ok(result.fastShare > (mode === 'values' ? 0.3 : 0.1))
      for (const reason of [
        'json.utf8',
        'json.syntax',
        'json.duplicate_key',
        'json.not_object',
        'json.unknown_field',
        'json.missing',
        'json.type',
        'json.rule',
      ]) {
        assert.ok(mode === 'values' || result.reasons.has(reason), reason)
      }
    })
  }
}
