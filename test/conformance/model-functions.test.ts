/** The reference model against the examples of every function: the model is judged too. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cellOf, plainOf } from '../../model/cells.ts'
import { evaluate, KNOWN } from '../../model/functions.ts'
import type { FunctionSpec } from '../../src/plan/functions/signature.ts'
import { FUNCTIONS } from '../../src/plan/functions.ts'

test('the model knows the functions of a plan and no other', () => {
  assert.deepEqual([...KNOWN].sort(), Object.keys(FUNCTIONS).sort())
})

for (const [fn, spec] of Object.entries(FUNCTIONS as Record<string, FunctionSpec>)) {
  test(`the model gives the examples of ${fn}`, () => {
    for (const { args, argTypes, type, result } of spec.examples) {
      const call = {
        node: 'call' as const,
        fn,
        type,
        args: argTypes.map((argType, j) => ({
          node: 'literal' as const,
          value: args[j] ?? null,
          type: argType,
        })),
      }
      const got = plainOf(evaluate(call, {}), type)
      const what = `${fn}(${args.map(arg => String(arg)).join(', ')})`
      assert.deepEqual(got, result, what)
      assert.ok(!Object.is(got, -0), `${what} is −0`)
      if (result !== null) assert.deepEqual(plainOf(cellOf(result, type), type), result)
    }
  })
}
