import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger, systemClock } from '#base'
import { type Gate, openGate } from '#clickhouse'
import { storeSkip, type TemporaryStore, temporaryStore } from './store-fixture.ts'

const CORPUS = join(import.meta.dirname, '../../../shared/reference/store/console-attacks.txt')
const skip = existsSync(CORPUS) ? storeSkip : `the list of statements is not at ${CORPUS}`

interface Attack {
  readonly number: string
  /** Of the engine; 0 where the statement is allowed. */
  readonly code: number
  /** The scalar function that no grant covers. */
  readonly hole: boolean
  readonly sql: string
  readonly params: string
}

let at: TemporaryStore
let gate: Gate
/** A file next to the store's directories, which nobody may read or change. */
let canary = ''
const SECRET = 'canary-4711'
let outside = ''

before(async () => {
  if (skip !== false) return
  at = await temporaryStore()
  gate = await openGate({ store: at.store, port: 0, clock: systemClock, log: silentLogger })
  outside = join(at.directory, 'outside')
  await mkdir(outside)
  canary = join(outside, 'canary.txt')
  await writeFile(canary, SECRET)
  const admin = at.store.client('admin')
  for (const sql of [
    'CREATE TABLE app.t (a UInt32, b String) ENGINE = MergeTree ORDER BY a',
    "INSERT INTO app.t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
    'CREATE TABLE app.ev (id UInt64, url String, payload String, qty UInt32) ENGINE = MergeTree ORDER BY id',
    'CREATE TABLE app.src AS app.ev',
    "INSERT INTO app.src SELECT number, 'u' || toString(number), repeat('x', 100), number % 500 FROM numbers(100000)",
  ]) {
    await admin.read(sql)
  }
  // The engine makes the table of its query log with the first flush.
  await admin.read('SYSTEM FLUSH LOGS')
})
after(async () => {
  if (skip !== false) return
  await gate.close()
  await at[Symbol.asyncDispose]()
})

function attacks(): readonly Attack[] {
  const lines = readFileSync(CORPUS, 'utf8').split('\n')
  return lines
    .filter(line => /^\d+\t/.test(line))
    .map(line => {
      const [number = '', answer = '', sql = '', params = ''] = line.split('\t')
      const hole = answer.startsWith('HOLE')
      const code = answer === 'ok' ? 0 : hole ? 76 : Number.parseInt(answer, 10)
      return { number, code, hole, sql: sql.replaceAll('@DIR@', outside), params }
    })
}

async function send(
  port: number,
  sql: string,
  params: string,
  headers: Record<string, string>,
): Promise<{ readonly code: number; readonly text: string }> {
  const url = `http://127.0.0.1:${port}/?${params}`
  const answer = await fetch(url, { method: 'POST', body: sql, headers })
  const text = await answer.text().catch(String)
  const header = answer.headers.get('x-clickhouse-exception-code')
  return { code: Number(header ?? /Code: (\d+)\./.exec(text)?.[1] ?? 0), text }
}

test('each of the 82 statements through the gate has the listed answer', { skip }, async () => {
  const all = attacks()
  assert.equal(all.length, 82)
  const wrong: string[] = []
  for (const { number, code, sql, params } of all) {
    const found = await send(gate.port, sql, params, {})
    if (found.code !== code) wrong.push(`${number}: ${found.code} for ${code}: ${sql}`)
    assert.ok(!found.text.includes(SECRET))
  }
  assert.deepEqual(wrong, [])
})

test('the same as console at the store itself gets nothing from outside', { skip }, async () => {
  if (at.store.test.landlock === 0) return
  const connected: unknown[] = []
  const listener = createServer(socket => {
    connected.push(socket.remotePort)
    socket.destroy()
  })
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done))
  const { port } = listener.address() as { port: number }
  const { password } = at.store.accounts.console
  const headers = { 'x-clickhouse-user': 'console', 'x-clickhouse-key': password }
  const own: readonly (readonly [string, string])[] = [
    ...attacks().map(({ sql, params }) => [sql, params] as const),
    [`SELECT file('${canary}')`, ''],
    [`SELECT arrayMap(file, ['${canary}'])`, ''],
    [`SELECT "\\x66ile"('${canary}')`, ''],
    [`SELECT * APPLY(file) FROM (SELECT '${canary}' AS x)`, ''],
    [`SELECT file('${join(at.directory, 'credentials.json')}')`, ''],
    ["SELECT file('users.xml')", ''],
  ]
  for (const [sql, params] of own) {
    const there = sql.replaceAll('18999', String(port)).replaceAll('/etc/hostname', canary)
    const answer = await send(
      at.store.port,
      there,
      params.includes('user=') ? params : `${params}&database=app`,
      params.includes('user=') ? {} : headers,
    )
    assert.ok(!answer.text.includes(SECRET), there)
    assert.ok(!answer.text.includes(at.store.accounts.admin.password), there)
  }
  await sleep(100)
  listener.close()
  assert.deepEqual(connected, [])
  assert.deepEqual(await readdir(outside), ['canary.txt'])
  assert.equal(readFileSync(canary, 'utf8'), SECRET)
  assert.equal((await at.store.client('console').rows('SELECT count() FROM t'))[0]?.[0], '4')
})

test('planted: without the gate and the sandbox the canary would be found by this test', {
  skip,
}, async () => {
  // The store's own configuration is inside the sandbox, so `file` does read it there.
  const { password } = at.store.accounts.console
  const headers = { 'x-clickhouse-user': 'console', 'x-clickhouse-key': password }
  const config = join(at.directory, 'store', 'config', 'config.xml')
  const sql = `SELECT file('${config}')`
  assert.match((await send(at.store.port, sql, '', headers)).text, /max_server_memory_usage/)
  assert.equal((await send(gate.port, sql, '', {})).code, 76)
})

test('no disguise of a refused name passes the gate', { skip }, async () => {
  const name = `('${canary}')`
  const disguises = [
    `select/**/file${name}`,
    `SELECT -- x\n file ${name}`,
    `SELECT \`file\`${name}`,
    `SELECT "\\x66\\x69le"${name}`,
    `SELECT arrayMap(file, ['${canary}'])`,
    `SELECT arrayMap((file), ['${canary}'])`,
    `WITH file AS f SELECT arrayMap(f, ['${canary}'])`,
    `WITH x -> file(x) AS f SELECT f${name}`,
    `SELECT COLUMNS('x') APPLY file FROM (SELECT '${canary}' AS x)`,
    `SELECT * FROM view(SELECT file${name})`,
    `EXPLAIN SELECT file${name}`,
    `DESCRIBE (SELECT file${name})`,
    `SELECT * FROM (EXPLAIN AST SELECT 1) WHERE file${name} != ''`,
    `SELECT 1 FORMAT JSON; SELECT file${name}`,
    `SELECT 1\u0000file${name}`,
    `SELECT aiGenerate('x')`,
    `SELECT AIGenerate('x')`,
    `SELECT showCertificate()`,
    `SELECT catboostEvaluate('m', 1)`,
    'SELECT 1 PARALLEL WITH SELECT 2',
    "SELECT 1 INTO OUTFILE '/tmp/x' AND STDOUT",
    "file('x')",
  ]
  for (const sql of disguises) {
    const { code, text } = await send(gate.port, sql, '', {})
    assert.notEqual(code, 0, `${sql}: ${text}`)
    assert.ok(!text.includes(SECRET), sql)
  }
  const hidden = await send(
    gate.port,
    `SELECT arrayMap({f:Identifier}, ['${canary}'])`,
    'param_f=file',
    {},
  )
  assert.equal(hidden.code, 497)
  for (const setting of ['implicit_select=1', 'dialect=kusto', 'additional_result_filter=1']) {
    assert.equal((await send(gate.port, `SELECT 1`, setting, {})).code, 452, setting)
  }
})
