/**
 * Runs ways of one input again, as a failure prints it:
 *
 *     node test/parity/replay.ts shop/1/4000 'crash at C3' seed=17
 *
 * The input is a generated one with its seed and count.
 */

import { generatedInput, type Input } from './inputs.ts'
import { AXES, Matrix } from './matrix.ts'
import type { StreamName } from './streams.ts'

const [input = '', ...ways] = process.argv.slice(2)
const [name = '', seed, records] = input.split('/')
const found: Input = await generatedInput(name as StreamName, Number(seed), Number(records))
const matrix = new Matrix(found, `node test/parity/replay.ts ${input}`)
for (const way of ways.length > 0 ? ways : Object.keys(AXES)) {
  const begin = performance.now()
  const outcome = await matrix.check(way).then(
    crashes => `equal, ${crashes} crashes`,
    (error: Error) => error.message,
  )
  const ms = Math.round(performance.now() - begin)
  process.stdout.write(`${input} ${way} (${ms} ms): ${outcome}\n`)
}
