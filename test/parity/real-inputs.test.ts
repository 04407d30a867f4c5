import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onRealData } from '../integration/real-data.ts'
import { REAL_NAMES, realInput } from './inputs.ts'
import { axesOf, Matrix } from './matrix.ts'

/** Larger inputs run whole once, and with their first records every way. */
const RECORDS_MAX = 20_000
const COMBINATION_SEEDS = Array.from({ length: 30 }, (_, j) => 101 + j)

for (const name of REAL_NAMES) {
  const options = { ...onRealData }

  test(
    `${name}: one answer whole, along each axis and in seeded combinations`,
    options,
    async t => {
      const replay = `node test/parity/replay.ts ${name}`
      const seeds = `seed=${COMBINATION_SEEDS[0]} to seed=${COMBINATION_SEEDS.at(-1)}`
      t.diagnostic(`${name}: ${replay}/${RECORDS_MAX} WAY; combinations ${seeds}`)
      await t.test('whole', async () => {
        await new Matrix(await realInput(name), replay).check('plain')
      })
      const input = await realInput(name, RECORDS_MAX)
      const matrix = new Matrix(input, `${replay}/${RECORDS_MAX}`)
      for (const axis of axesOf(input)) {
        await t.test(axis, async () => {
          const crashes = await matrix.check(axis)
          if (axis.startsWith('crash at')) assert.ok(crashes > 0, 'nothing crashed')
        })
      }
      for (const seed of COMBINATION_SEEDS) {
        await t.test(`seed=${seed}`, async () => void (await matrix.check(`seed=${seed}`)))
      }
    },
  )
}
