import { test } from 'node:test'
import { GENERATED_NAMES, generatedInput } from './inputs.ts'
import { oneAnswer } from './one-answer.ts'

const SEED = 20260712
const RECORDS = 1_500

for (const name of GENERATED_NAMES) {
  test(`${name}: one answer along each axis and in seeded combinations`, async t => {
    const input = await generatedInput(name, SEED, RECORDS)
    const replay = `node test/parity/replay.ts ${name}/${SEED}/${RECORDS}`
    await oneAnswer(t, input, { firstSeed: 1, replay })
  })
}
