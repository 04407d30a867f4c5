/** The matrix of one input as tests: each axis alone, and combinations of all from seeds. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Input, realInput } from './inputs.ts'
import { axesOf, Matrix } from './matrix.ts'

const COMBINATIONS = 30

/** `replay` is the command that runs one way of this input again, but for the way. */
export async function oneAnswer(
  t: TestContext,
  input: Input,
  { firstSeed, replay }: { readonly firstSeed: number; readonly replay: string },
): Promise<void> {
  const matrix = new Matrix(input, replay)
  const lastSeed = firstSeed + COMBINATIONS - 1
  t.diagnostic(`${replay} WAY: the axes, and seed=${firstSeed} to seed=${lastSeed}`)
  for (const axis of axesOf(input)) {
    await t.test(axis, async () => {
      const crashes = await matrix.check(axis)
      if (axis.startsWith('crash at')) assert.ok(crashes > 0, 'nothing crashed')
    })
  }
  for (let seed = firstSeed; seed <= lastSeed; seed++) {
    await t.test(`seed=${seed}`, async () => void (await matrix.check(`seed=${seed}`)))
  }
}

/** Larger inputs run whole once, and with their first records every way. */
const RECORDS_MAX = 20_000

/** The matrix of a real input. */
export async function oneRealAnswer(t: TestContext, name: string): Promise<void> {
  const replay = `node test/parity/replay.ts ${name}`
  await t.test('whole', async () => {
    await new Matrix(await realInput(name), replay).check('plain')
  })
  const input = await realInput(name, RECORDS_MAX)
  await oneAnswer(t, input, { firstSeed: 101, replay: `${replay}/${RECORDS_MAX}` })
}
