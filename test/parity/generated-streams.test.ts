import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GENERATED_NAMES, generatedInput } from './inputs.ts'
import { axesOf, Matrix } from './matrix.ts'

const INPUT_SEED = 20260712
const RECORDS = 1_500
const COMBINATION_SEEDS = Array.from({ length: 30 }, (_, j) => 1 + j)

for (const name of GENERATED_NAMES) {
  const replay = `node test/parity/replay.ts ${name}/${INPUT_SEED}/${RECORDS}`

  test(`${name}: one answer along each axis and in seeded combinations`, async t => {
    const input = await generatedInput(name, INPUT_SEED, RECORDS)
    const matrix = new Matrix(input, replay)
    t.diagnostic(`${name}: ${replay} WAY; combinations seed=1 to seed=${COMBINATION_SEEDS.length}`)
    for (const axis of axesOf(input)) {
      await t.test(axis, async () => {
        const crashes = await matrix.check(axis)
        if (axis.startsWith('crash at')) assert.ok(crashes > 0, 'nothing crashed')
      })
    }
    for (const seed of COMBINATION_SEEDS) {
      await t.test(`seed=${seed}`, async () => void (await matrix.check(`seed=${seed}`)))
    }
  })
}
