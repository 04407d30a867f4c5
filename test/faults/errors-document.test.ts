/** docs/errors.md and the code are in step: situations and their tests, reasons and who gives them. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERRORS } from '#base'
import { ROOT } from '../support/millrace.ts'
import { rows } from './situation.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Reasons that the code names; `map.<column>` is made of a column's name. */
function givenReasons(): string[] {
  const code = globSync('src/{format,runtime,feed}/**/*.ts', { cwd: ROOT }).filter(
    path => !path.endsWith('.test.ts'),
  )
  const named = /'((?:json|csv|log|record|event)\.[a-z_0-9]+)'|`(map)\.\$\{/g
  const errors = new Set<string>(Object.keys(ERRORS))
  const found = code.flatMap(path =>
    [...read(path).matchAll(named)].map(([, reason, map]) =>
      map ? 'map.<column>' : (reason ?? ''),
    ),
  )
  return [...new Set(found)].filter(reason => !errors.has(reason)).sort()
}

/** Reasons of the table of dead letters. */
function documentedReasons(): string[] {
  const text = read('docs/errors.md')
  const table = text.slice(text.indexOf('\n## Dead letters'))
  return [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, reason]) => reason ?? '').sort()
}

test('each situation has a test of its title, and each test a situation', () => {
  const titles = globSync('test/faults/*.test.ts', { cwd: ROOT }).flatMap(path =>
    [...read(path).matchAll(/^situation\(\s*'([^']+)'/gm)].map(([, title]) => title ?? ''),
  )
  const documented = rows().map(({ title }) => title)
  assert.deepEqual(titles.toSorted(), documented.toSorted())
  assert.equal(new Set(documented).size, documented.length, 'a title stands once')
  assert.ok(documented.length > 50)
})

test('the table of dead letters lists the reasons that the code gives', () => {
  assert.deepEqual(documentedReasons(), givenReasons())
})

test('the situations name codes and reasons that there are', () => {
  const known = new Set([...Object.keys(ERRORS), ...documentedReasons()])
  for (const { title, exit, codes, hint } of rows()) {
    for (const code of codes) assert.ok(known.has(code), `${title}: ${code}`)
    if (exit > 0) assert.ok(codes.length > 0 && hint !== '', title)
    assert.equal(exit === 2, codes.includes('usage'), title)
  }
})

test('each code that a user can meet alone has a situation', () => {
  const met = new Set(rows().flatMap(({ codes }) => codes))
  const missing = Object.keys(ERRORS).filter(code => !met.has(code))
  assert.deepEqual(missing, WITHOUT)
})

/** Codes that no test of the command brings about, and where they are tested. */
const WITHOUT = [
  // Bounds of plans and values: src/plan and src/base.
  'limit.exceeded',
  // The parity command's runners that are not there yet: src/plan and test/parity.
  'plan.unsupported',
  // Another operating system: src/clickhouse.
  'store.platform',
  // What the platform itself asks of the store, and a table that was changed behind it: test/integration.
  'store.refused',
  'store.coverage',
]
