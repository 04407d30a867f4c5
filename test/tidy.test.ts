/**
 * The rules of `docs/STYLE.md` that no linter knows. A rule that is not checked is not a rule.
 */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'
import { ERRORS } from '#base'

const ROOT = join(import.meta.dirname, '..')
const FILE_LINES_MAX = 500
const FOLDER_FILES_MAX = 20
const DOOR_NAMES_MAX = 40
const MODEL_LINES_MAX = 200

/** Names that say nothing of what is in a file or folder. */
const EMPTY_NAME = /(^|\/)(utils?|common|helpers?|shared|types|core|misc|manager|v\d+)(\.ts|\/)/

/** Files over `FILE_LINES_MAX`, and how long each still may be. A number here only ever falls. */
const OVERSIZE: Readonly<Record<string, number>> = {}

/** Folders over `FOLDER_FILES_MAX`, and how large each still may be. A number here only ever falls. */
const CROWDED: Readonly<Record<string, number>> = {}

/** What may not be written, where it may after all, and what to write instead. */
const BANNED: readonly (readonly [text: RegExp, except: string, instead: string])[] = [
  [/\bDate\.now\(|new Date\(\)/, 'src/base/time.ts', 'the clock that is passed in'],
  [/\bMath\.random\(/, 'src/base/random.ts', 'the generator that is passed in'],
  [/\bprocess\.env\b/, 'src/cli/', 'an option'],
  [/\bconsole\.(log|error|warn|info|debug)\(/, 'src/cli/', 'the logger that is passed in'],
  [/\bFIXME\b|\bTODO\b/, '', 'an issue, or the fix'],
  [/\bas any\b|@ts-ignore|@ts-nocheck/, '', 'a type'],
]

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const list = (...patterns: string[]): string[] =>
  patterns.flatMap(pattern => globSync(pattern, { cwd: ROOT })).sort()
const sources = list('src/**/*.ts')
const code = sources.filter(path => !path.endsWith('.test.ts'))

/** The module of a path under `src`. */
const moduleOf = (path: string): string => path.split('/')[1] ?? ''

/** Specifiers of the static and dynamic imports and re-exports of a file. */
function importsOf(path: string): string[] {
  const found = read(path).matchAll(/(?:^|\s)(?:from|import)\s*\(?\s*'([^']+)'/g)
  return [...found].map(match => match[1] ?? '').filter(name => !name.includes('${'))
}

interface Module {
  /** Modules it may import. */
  readonly below: ReadonlySet<string>
  /** npm packages it may import, and nobody else. */
  readonly npm: ReadonlySet<string>
}

const words = (cell = ''): ReadonlySet<string> => new Set(cell.split(' ').filter(Boolean))

/** The table of `docs/ARCHITECTURE.md`, in its order. */
function modules(): Map<string, Module> {
  const rows = read('docs/ARCHITECTURE.md').matchAll(
    /^\| (\w+) +\|[^|]+\| ([\w ]*?) *\| ([\w@/. -]*?) *\|$/gm,
  )
  const pairs = [...rows].map(
    ([, name, below, npm]) => [name ?? '', { below: words(below), npm: words(npm) }] as const,
  )
  return new Map(pairs.filter(([name]) => name !== 'Module'))
}

test('the modules are those of docs/ARCHITECTURE.md', () => {
  assert.deepEqual([...modules().keys()].sort(), [...new Set(sources.map(moduleOf))].sort())
})

test('the modules form layers: none imports one that is listed after it', () => {
  const above: string[] = []
  for (const [name, { below }] of modules()) {
    for (const other of below) assert.ok(above.includes(other), `${name} may not import ${other}`)
    above.push(name)
  }
})

test('a module imports what its row allows, and other modules only by their door', () => {
  const table = modules()
  for (const path of sources) {
    const name = moduleOf(path)
    const { below, npm } = table.get(name) ?? { below: new Set(), npm: new Set() }
    for (const specifier of importsOf(path)) {
      const what = `${path} imports ${specifier}`
      if (specifier.startsWith('node:')) continue
      if (specifier.startsWith('#')) assert.ok(below.has(specifier.slice(1)), what)
      else if (specifier.startsWith('.')) {
        const target = normalize(join(dirname(path), specifier))
        // The model stands outside `src`, and `millrace parity` runs it.
        const judged = name === 'cli' && target.startsWith('model/')
        assert.ok(judged || moduleOf(target) === name, what)
      } else if (!(path.endsWith('.test.ts') && specifier === 'fast-check'))
        assert.ok(
          [...npm].some(owned => `${specifier}/`.startsWith(`${owned}/`)),
          what,
        )
    }
  }
})

test('applications import the doors for users only, and never each other', () => {
  for (const path of list('apps/**/*.ts', 'examples/**/*.ts')) {
    const home = path.split('/').slice(0, 2).join('/')
    for (const specifier of importsOf(path)) {
      const inside = specifier.startsWith('.')
        ? normalize(join(dirname(path), specifier)).startsWith(`${home}/`)
        : /^(millrace(\/test)?|node:.+)$/.test(specifier)
      assert.ok(inside, `${path} imports ${specifier}`)
    }
  }
})

test('the reference model shares nothing with what it judges, and stays small', () => {
  for (const path of list('model/**/*.ts').filter(path => !path.endsWith('.test.ts'))) {
    for (const specifier of importsOf(path)) {
      const own = specifier.startsWith('./') || specifier.startsWith('node:')
      assert.ok(own, `${path} imports ${specifier}`)
    }
  }
  const lines = read('model/operators.ts').split('\n').length - 1
  assert.ok(lines <= MODEL_LINES_MAX, `model/operators.ts has ${lines} lines`)
})

test('every file is reached from a door', () => {
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const specifier of importsOf(path)) {
      if (specifier.startsWith('.')) visit(normalize(join(dirname(path), specifier)))
    }
    // Entries of child processes are named by URL, not imported.
    for (const [, entry] of read(path).matchAll(/'(\.\/[a-z0-9-]+\.ts)'/g)) {
      visit(normalize(join(dirname(path), entry ?? '')))
    }
  }
  for (const path of code) if (/^src\/\w+\/index\.ts$/.test(path)) visit(path)
  visit('src/sdk/test-kit.ts')
  visit('src/cli/main.ts')
  assert.deepEqual(
    code.filter(path => !reached.has(path)),
    [],
  )
})

test('a file is short, and opens by saying what it is', () => {
  for (const path of [...sources, ...list('{apps,bench,model,test}/**/*.ts')]) {
    const text = read(path)
    const lines = text.split('\n').length - 1
    const max = OVERSIZE[path] ?? FILE_LINES_MAX
    assert.ok(lines <= max, `${path} has ${lines} lines of ${max}`)
    if (!path.endsWith('.test.ts')) assert.ok(text.startsWith('/**'), `${path} says not what it is`)
  }
})

test('a folder is small, and its name and those in it say something', () => {
  const files = Map.groupBy(code, dirname)
  for (const [folder, { length }] of files) {
    const max = CROWDED[folder] ?? FOLDER_FILES_MAX
    assert.ok(length <= max, `${folder} has ${length} files of ${max}`)
  }
  for (const path of sources) assert.doesNotMatch(path, EMPTY_NAME)
})

test('a door lists few names', () => {
  for (const path of code.filter(path => path.endsWith('/index.ts'))) {
    const lists = [...read(path).matchAll(/export (?:type )?\{([^}]*)\}/g)]
    const names = lists.flatMap(([, names]) => names?.split(',').filter(name => name.trim()) ?? [])
    assert.ok(names.length <= DOOR_NAMES_MAX, `${path} lists ${names.length} names`)
  }
})

test('nothing banned', () => {
  for (const path of code) {
    const text = read(path)
    for (const [banned, except, instead] of BANNED) {
      if (except !== '' && path.startsWith(except)) continue
      assert.doesNotMatch(text, banned, `${path}: use ${instead}`)
    }
  }
})

test('docs/errors.md has one row for each code', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z_.]+)` +\| (yes|no) /gm)]
  const documented = rows.map(([, name, retry]) => [name, { retryable: retry === 'yes' }])
  assert.deepEqual(Object.fromEntries(documented), ERRORS)
})

test('links in the docs lead somewhere', () => {
  for (const path of list('*.md', 'docs/**/*.md')) {
    for (const [, link] of read(path).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      const target = relative(ROOT, join(ROOT, dirname(path), link ?? ''))
      assert.ok(globSync(target, { cwd: ROOT }).length > 0, `${path} links to ${link}`)
    }
  }
})

test('every npm package has one owner in the module table, and a reason in the decisions', () => {
  const manifest = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const owned = [...modules().values()].flatMap(({ npm }) => [...npm])
  const reasons = list('docs/decisions/*.md').map(read).join('\n')
  for (const name of Object.keys(manifest.dependencies)) {
    if (name !== 'node') {
      const owners = owned.filter(entry => entry === name)
      assert.equal(owners.length, 1, `${name} has ${owners.length} owners`)
    }
    assert.ok(reasons.includes(`\`${name}\``), `${name} has no reason in docs/decisions`)
  }
})

test('the lock names no host, and every package in it has a checksum', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>
  }
  for (const [name, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, `${name} is resolved to a host`)
    if (name !== '' && entry.link !== true) assert.ok(entry.integrity, `${name} has no checksum`)
  }
})
