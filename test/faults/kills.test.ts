/** A hundred kills of main, worker and store; nothing is lost and nothing counted twice. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killAndCompare } from './kill-run.ts'

const KILLS = 100

test('100 kills at named points and random times leave every table as the model says', async t => {
  const { hits, kills, compared } = await killAndCompare({
    kills: KILLS,
    seed: 20261121,
    say: text => t.diagnostic(text),
  })
  for (const [what, count] of [...hits].sort()) t.diagnostic(`${count} × ${what}`)
  assert.equal(kills, KILLS)
  assert.ok(compared > 0)
  // A fault that hit nothing shows nothing: each kind must have happened.
  for (const victim of ['main', 'worker', 'store']) {
    assert.ok(
      [...hits.keys()].some(what => what.startsWith(victim)),
      `${victim} was killed`,
    )
  }
})
