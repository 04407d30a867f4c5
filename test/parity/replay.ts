/**
 * Runs ways of one input again, as a failure prints it:
 *
 *     node test/parity/replay.ts shop/1/4000 'crash at C3' seed=17
 *
 * A generated input has its seed and its count behind it; a real one has its count, or nothing.
 */

import { generatedInput, REAL_NAMES, realInput } from './inputs.ts'
import { axesOf, Matrix } from './matrix.ts'
import type { StreamName } from './streams.ts'

const [input = '', ...ways] = process.argv.slice(2)
const [name = '', first, second] = input.split('/')
const found = REAL_NAMES.includes(name)
  ? await realInput(name, first === undefined ? undefined : Number(first))
  : await generatedInput(name as StreamName, Number(first), Number(second))
const matrix = new Matrix(found, `node test/parity/replay.ts ${input}`)
for (const way of ways.length > 0 ? ways : axesOf(found)) {
  const begin = performance.now()
  const outcome = await matrix.check(way).then(
    crashes => `equal, ${crashes} crashes`,
    (error: Error) => error.message,
  )
  const ms = Math.round(performance.now() - begin)
  process.stdout.write(`${input} ${way} (${ms} ms): ${outcome}\n`)
}
