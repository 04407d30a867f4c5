import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@clickhouse/client'
import { silentLogger, systemClock } from '#base'
import { type Gate, openGate } from '#clickhouse'
import { storeSkip as skip, type TemporaryStore, temporaryStore } from './store-fixture.ts'

const run = promisify(execFile)

let at: TemporaryStore
let gate: Gate
before(async () => {
  if (skip !== false) return
  at = await temporaryStore()
  gate = await openGate({ store: at.store, port: 0, clock: systemClock, log: silentLogger })
})
after(async () => {
  if (skip !== false) return
  await gate.close()
  await at[Symbol.asyncDispose]()
})

async function freshTable(): Promise<void> {
  const admin = at.store.client('admin')
  await admin.read('DROP TABLE IF EXISTS app.t SYNC')
  await admin.read('CREATE TABLE app.t (a UInt32, b String) ENGINE = MergeTree ORDER BY a')
  await admin.read("INSERT INTO app.t VALUES (1, 'a'), (2, 'b')")
}

test('curl reads without credentials', { skip }, async t => {
  await freshTable()
  const url = `http://localhost:${gate.port}/?query=SELECT+*+FROM+t+ORDER+BY+a`
  const found = await run('curl', ['-s', url]).catch((error: NodeJS.ErrnoException) => error)
  if ('code' in found && found.code === 'ENOENT') return t.skip('curl is not installed')
  assert.equal('stdout' in found ? found.stdout : '', '1\ta\n2\tb\n')
})

test('@clickhouse/client reads without credentials and writes with them', { skip }, async () => {
  await freshTable()
  const url = `http://localhost:${gate.port}`
  const anonymous = createClient({ url })
  assert.equal((await anonymous.ping()).success, true)
  const rows = await anonymous.query({
    query: 'SELECT b FROM t WHERE a = {a: UInt32}',
    query_params: { a: 2 },
    format: 'JSONEachRow',
  })
  assert.deepEqual(await rows.json(), [{ b: 'b' }])
  const values = [{ a: 3, b: 'c' }]
  await assert.rejects(anonymous.insert({ table: 't', values, format: 'JSONEachRow' }), {
    code: '497',
  })
  await anonymous.close()
  const { password } = at.store.accounts.writer
  const compression = { request: true, response: true }
  const writer = createClient({ url, username: 'writer', password, compression })
  await writer.insert({ table: 't', values, format: 'JSONEachRow' })
  const count = await writer.query({ query: 'SELECT count() AS n FROM t', format: 'JSONEachRow' })
  assert.equal(Number((await count.json<{ n: string }>())[0]?.n), 3)
  await writer.close()
})

test('clickhouse-connect reads without credentials and writes with them', { skip }, async t => {
  await freshTable()
  const directory = await mkdtemp(join(tmpdir(), 'millrace-venv-'))
  try {
    const python = join(directory, 'bin', 'python')
    try {
      await run('python3', ['-m', 'venv', directory])
      await run(python, ['-m', 'pip', 'install', '--quiet', 'clickhouse-connect'])
    } catch {
      return t.skip(
        'clickhouse-connect cannot be installed: it needs python3 with venv, and pip with its index',
      )
    }
    const program = fileURLToPath(new URL('./clients/read-and-write.py', import.meta.url))
    const { password } = at.store.accounts.writer
    const { stdout } = await run(python, [program, String(gate.port), password])
    assert.equal(stdout.trim(), 'ok')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
