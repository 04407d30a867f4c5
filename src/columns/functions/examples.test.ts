import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Expression,
  FUNCTIONS,
  type FunctionExample,
  type FunctionName,
  type Schema,
  type Type,
  typeText,
} from '#plan'
import { Batch } from '../batch.ts'
import { compileFilter, compileProject } from '../compile.ts'
import { appendRow, readRows } from '../rows.ts'

const names = Object.keys(FUNCTIONS) as FunctionName[]

/** The call of an example: columns where it may have them, or literals throughout. */
function callOf(fn: FunctionName, example: FunctionExample, literals: boolean): Expression {
  const args = example.argTypes.map((type, index): Expression => {
    const literal = literals || FUNCTIONS[fn].literal?.(index) === true
    const value = example.args[index] ?? null
    return literal ? { node: 'literal', value, type } : { node: 'column', name: `a${index}`, type }
  })
  return { node: 'call', fn, args, type: example.type }
}

function inputOf(example: FunctionExample): Batch {
  const schema: Schema = example.argTypes.map((type, index) => ({ name: `a${index}`, type }))
  const batch = new Batch(schema, 4)
  const row = Object.fromEntries(example.args.map((value, index) => [`a${index}`, value]))
  for (let i = 0; i < 3; i++) appendRow(batch, row, { at: i })
  return batch
}

const nullable = (type: Type): Type => ({ ...type, nullable: true })

for (const generated of [true, false]) {
  const mode = generated ? 'generated' : 'interpreted'
  for (const fn of names) {
    test(`${fn} gives what its examples say, ${mode}`, () => {
      for (const example of FUNCTIONS[fn].examples) {
        const shown = `${fn}(${example.argTypes.map(typeText).join(', ')}) of ${example.args.join(', ')}`
        for (const literals of [false, true]) {
          const input = inputOf(example)
          const schema: Schema = [{ name: 'result', type: nullable(example.type) }]
          const output = new Batch(schema, 4)
          const call = callOf(fn, example, literals)
          compileProject(input.schema, [call], schema, { generated })(input, output)
          const row = { result: example.result }
          assert.deepEqual(readRows(output), [row, row, row], shown)
          if (example.type.kind !== 'bool') continue
          const removed = compileFilter(input.schema, call, { generated })(input)
          assert.equal(removed, example.result === true ? 0 : 3, `filter ${shown}`)
        }
      }
    })
  }
}
