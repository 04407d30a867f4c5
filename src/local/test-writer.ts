/**
 * A process for the tests to kill: appends and commits for ever, and says on standard output what
 * was acknowledged. Arguments: directory, whether it is the owner, its number.
 */

import { writeSync } from 'node:fs'
import { systemClock } from '#base'
import { openData } from './data-directory.ts'
import { blockOf, commitOf } from './test-data.ts'

const [directory = '', owner, number = '0'] = process.argv.slice(2)
const data = openData(directory, {
  clock: systemClock,
  diskReserveBytes: 0,
  lock: owner === 'owner',
})
const partition = Number(number)
const task = `shop/0/${partition}`
const filler = 'x'.repeat(20_000)
let next = data.log.topic('clicks').extents[partition]?.end ?? 0
writeSync(1, 'ready\n')
for (;;) {
  const values = Array.from({ length: 1 + (next % 7) }, (_, i) => `${next + i} ${filler}`)
  const [base] = await data.log.append(
    'clicks',
    [blockOf(values, { partition })],
    [{ key: `file/${partition}`, value: String(next + values.length) }],
  )
  if (base !== next) throw new Error(`offset ${base} where ${next} was due`)
  next += values.length
  writeSync(1, `offset ${next}\n`)
  const epoch = data.state.reserveEpoch()
  const bytes = Buffer.from(`${epoch} ${filler}`)
  const kind = epoch % 5 === 0 ? 'snapshot' : 'delta'
  await data.state.commit(
    commitOf(epoch, { task, kind, positions: String(next), state: [{ operator: 'o', bytes }] }),
  )
  writeSync(1, `epoch ${epoch} ${next}\n`)
}
