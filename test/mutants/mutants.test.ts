/**
 * Each rule of docs/SEMANTICS.md broken in the engine's own code: the named test must fail.
 *
 * A mutant is one replaced text in one source file (`mutants.ts`), applied while a test process
 * loads it (`apply.ts`). A mutant that no test notices, and a rule without one, fail here.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MUTANTS, type Mutant } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')
const MUTANT_NOT_FOUND = 86

/** Runs one test file, broken or whole; gives its exit code and what it said. */
function run(file: string, pattern: string, mutant: Mutant | null): Promise<[number, string]> {
  // A test runner within one runs no files.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  return new Promise(resolve => {
    const child = spawn(
      process.execPath,
      [
        '--import',
        './test/mutants/apply.ts',
        '--test',
        '--test-reporter=dot',
        ...(pattern === '' ? [] : [`--test-name-pattern=${pattern}`]),
        file,
      ],
      {
        cwd: ROOT,
        env: { ...environment, MILLRACE_MUTANT: JSON.stringify(mutant) },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let said = ''
    child.stdout.on('data', (text: Buffer) => (said += text))
    child.stderr.on('data', (text: Buffer) => (said += text))
    child.on('close', code => resolve([code ?? 1, said]))
  })
}

test('every rule that is built has a mutant', () => {
  const page = readFileSync(join(ROOT, 'docs/SEMANTICS.md'), 'utf8')
  const rules = [...page.matchAll(/^\| ([A-Z]\d+) +\| ● +\|/gm)].map(([, id]) => id ?? '')
  assert.ok(rules.length > 40, 'the page lists the rules')
  const broken = new Set(MUTANTS.map(({ rule }) => rule))
  assert.deepEqual(
    rules.filter(rule => !broken.has(rule)),
    [],
    'rules without a mutant',
  )
})

test('the tests that judge mutants pass while nothing is broken', async () => {
  const judges = new Map(MUTANTS.map(({ test: file, only }) => [`${file} ${only}`, { file, only }]))
  for (const { file, only } of judges.values()) {
    const [code, said] = await run(file, only, null)
    assert.equal(code, 0, `${file} "${only}" fails without a mutant:\n${said}`)
  }
})

for (const mutant of MUTANTS) {
  test(`${mutant.rule}: ${mutant.breaks}`, async () => {
    const [code, said] = await run(mutant.test, mutant.only, mutant)
    assert.doesNotMatch(said, /stands \d+ times in/, said)
    assert.notEqual(code, MUTANT_NOT_FOUND, said)
    assert.notEqual(code, 0, `${mutant.test} does not notice`)
  })
}
