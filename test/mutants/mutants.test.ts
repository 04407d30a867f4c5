/**
 * Each rule of docs/SEMANTICS.md broken in the engine's own code: the named test must fail.
 *
 * A mutant is one replaced text in one source file (`mutants.ts`), applied while a test process
 * loads it (`apply.ts`). A mutant that no test notices, and a rule without one, fail here. A mutant
 * is noticed by a test that fails and says so: code that does not load any more proves nothing.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { MUTANTS, type Mutant } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')
const MUTANT_NOT_FOUND = 86
/** A judge that a mutant keeps from ending is no judge. */
const JUDGE_MS_MAX = 60_000
/** Judges at once. */
const CONCURRENCY = 2

/** Modules as they are compiled: a judge then starts in a fifth of the time. */
const compiled = mkdtempSync(join(tmpdir(), 'millrace-mutants-'))
after(() => rmSync(compiled, { recursive: true, force: true }))

interface Judged {
  readonly code: number | null
  readonly said: string
}

/** Runs tests of one file, broken or whole. */
function judge(file: string, patterns: readonly string[], mutant: Mutant | null): Promise<Judged> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise(resolve => {
    const child = spawn(
      process.execPath,
      [
        '--import',
        './test/mutants/apply.ts',
        '--test-reporter=tap',
        ...patterns.filter(Boolean).map(pattern => `--test-name-pattern=${pattern}`),
        file,
      ],
      {
        cwd: ROOT,
        env: { ...env, MILLRACE_MUTANT: JSON.stringify(mutant), NODE_COMPILE_CACHE: compiled },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: JUDGE_MS_MAX,
        killSignal: 'SIGKILL',
      },
    )
    let said = ''
    child.stdout.on('data', (text: Buffer) => (said += text))
    child.stderr.on('data', (text: Buffer) => (said += text))
    child.on('close', code => resolve({ code, said }))
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
  assert.deepEqual(
    [...broken].filter(rule => !rules.includes(rule)),
    [],
    'mutants of no rule',
  )
})

describe('judges pass while nothing is broken', { concurrency: CONCURRENCY }, () => {
  for (const [file, mutants] of Map.groupBy(MUTANTS, mutant => mutant.test)) {
    const patterns = [...new Set(mutants.map(({ only }) => only))]
    test(file, async () => {
      const { code, said } = await judge(file, patterns.includes('') ? [] : patterns, null)
      assert.equal(code, 0, said)
    })
  }
})

describe('mutants are noticed', { concurrency: CONCURRENCY }, () => {
  for (const mutant of MUTANTS) {
    test(`${mutant.rule}: ${mutant.breaks}`, async () => {
      const { code, said } = await judge(mutant.test, [mutant.only], mutant)
      assert.notEqual(code, MUTANT_NOT_FOUND, said)
      assert.notEqual(code, null, `${mutant.test} does not end`)
      assert.notEqual(code, 0, `${mutant.test} does not notice`)
      assert.match(
        said,
        /^\s*not ok \d+ - (?!\S+\.test\.ts)/m,
        `no test says what failed:\n${said}`,
      )
      assert.doesNotMatch(said, /SyntaxError|ERR_MODULE_NOT_FOUND/, said)
    })
  }
})
