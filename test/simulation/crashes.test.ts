import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GENERATED_NAMES, generatedInput } from '../parity/inputs.ts'
import { Matrix } from '../parity/matrix.ts'

const SEEDS = Array.from({ length: 200 }, (_, j) => 1 + j)
const RECORDS = 80

/**
 * Each seed has its own input, sizes, workers and crashes. A crash drops every write that has not
 * reached its disk, of which there are two; recoveries crash too.
 */
test(`${SEEDS.length} seeded lives and deaths end in what the model says`, async t => {
  let crashes = 0
  let crashed = 0
  for (const seed of SEEDS) {
    const name = GENERATED_NAMES[seed % GENERATED_NAMES.length] ?? 'shop'
    const input = await generatedInput(name, seed, RECORDS)
    const matrix = new Matrix(input, `node test/parity/replay.ts ${name}/${seed}/${RECORDS}`)
    const found = await matrix.check(`crashing=${seed}`)
    crashes += found
    if (found > 0) crashed++
  }
  t.diagnostic(`seeds 1 to ${SEEDS.length}: ${crashes} crashes in ${crashed} of them`)
  assert.ok(crashed > SEEDS.length / 2, 'most seeds crash')
})
