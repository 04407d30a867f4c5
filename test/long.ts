/**
 * `npm run test:long [kills] [seed]`: the kill test at length, 1,000 kills unless said otherwise.
 *
 * Not part of `npm test`: it takes over an hour. It prints what was killed, and fails as the short one.
 */

import { killAndCompare } from './faults/kill-run.ts'

const kills = Number(process.argv[2] ?? 1000)
const seed = Number(process.argv[3] ?? 1)

process.stdout.write(`${kills} kills, seed ${seed}\n`)
const { hits, compared } = await killAndCompare({
  kills,
  seed,
  say: text => process.stdout.write(`${text}\n`),
})
for (const [what, count] of [...hits].sort()) process.stdout.write(`${count} × ${what}\n`)
process.stdout.write(`${compared} directories compared: every table as the model says\n`)
