import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { silentLogger, systemClock } from '#base'
import { type AuditEntry, type Gate, openGate } from '#clickhouse'
import { storeSkip as skip, type TemporaryStore, temporaryStore } from './store-fixture.ts'

let at: TemporaryStore
let gate: Gate
const audited: AuditEntry[] = []

before(async () => {
  if (skip !== false) return
  at = await temporaryStore()
  gate = await openGate({
    store: at.store,
    port: 0,
    clock: systemClock,
    log: silentLogger,
    audit: entry => audited.push(entry),
  })
  const admin = at.store.client('admin')
  await admin.read('CREATE TABLE app.t (a UInt32, b String) ENGINE = MergeTree ORDER BY a')
  await admin.read("INSERT INTO app.t VALUES (1, 'a'), (2, 'b')")
})
after(async () => {
  if (skip !== false) return
  await gate.close()
  await at[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly code: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
}

/** Plain HTTP, so that any header can be sent. */
function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const outgoing = request(
      { host: '127.0.0.1', port: gate.port, path, method, headers, agent: false },
      answer => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const code = Number(answer.headers['x-clickhouse-exception-code'] ?? 0)
          const text = Buffer.concat(parts).toString()
          resolve({ status: answer.statusCode ?? 0, code, text, headers: answer.headers })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const query = (sql: string, more = '') => `/?query=${encodeURIComponent(sql)}${more}`
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})

test('without credentials, or as default without password, a request reads as console', {
  skip,
}, async () => {
  for (const headers of [{}, basic('default', ''), { 'x-clickhouse-user': 'default' }]) {
    const answer = await send(query('SELECT currentUser(), count() FROM t'), { headers })
    assert.equal(answer.text, 'console\t2\n')
  }
  const split = await send('/?query=SELECT+count()', { method: 'POST', body: 'FROM t' })
  assert.equal(split.text, '2\n')
})

test('generated credentials pass in each place, and others are refused', { skip }, async () => {
  const { accounts } = at.store
  const whoami = query('SELECT currentUser()')
  const { name, password } = accounts.reader
  assert.equal((await send(whoami, { headers: basic(name, password) })).text, 'reader\n')
  assert.equal((await send(`${whoami}&user=reader&password=${password}`)).text, 'reader\n')
  const key = { 'x-clickhouse-user': name, 'x-clickhouse-key': password }
  assert.equal((await send(whoami, { headers: key })).text, 'reader\n')
  const wrong = [
    basic('reader', `${password}x`),
    basic('default', 'x'),
    basic('nobody', ''),
    basic('console', accounts.console.password),
    { authorization: 'Bearer x' },
    { ...key, ...basic(name, password) },
  ]
  for (const headers of wrong) {
    const answer = await send(whoami, { headers })
    assert.deepEqual([answer.status, answer.code], [401, 516])
  }
})

test('writing needs credentials', { skip }, async () => {
  const insert = query('INSERT INTO t FORMAT TSV')
  const body = '3\tc\n'
  assert.equal((await send(insert, { method: 'POST', body })).code, 497)
  const headers = {
    ...basic('writer', at.store.accounts.writer.password),
    'content-encoding': 'gzip',
  }
  const written = await send(insert, { method: 'POST', body: gzipSync(body), headers })
  assert.equal(written.status, 200, written.text)
  const readBack = await send(query('SELECT b FROM t WHERE a = 3'))
  assert.equal(readBack.text, 'c\n')
  assert.equal(
    (
      await send(query('DROP TABLE t'), {
        method: 'POST',
        headers: basic('writer', at.store.accounts.writer.password),
      })
    ).code,
    497,
  )
})

test('a page of another origin or a forged host gets nothing', { skip }, async () => {
  const path = query('SELECT 1')
  const forged = await send(path, { headers: { host: 'evil.example' } })
  assert.equal(forged.status, 421)
  const own = `127.0.0.1:${gate.port}`
  const pages: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of pages) assert.equal((await send(path, { headers })).status, 403)
  const same = await send(path, {
    headers: { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' },
  })
  assert.equal(same.text, '1\n')
  const cors = await send(`${path}&add_http_cors_header=1`, {})
  assert.equal(cors.headers['access-control-allow-origin'], undefined)
})

test('a query that runs on is killed at its limit, and when its client goes away', {
  skip,
}, async () => {
  const slow = query(
    'SELECT count() FROM numbers(200000000) WHERE sleepEachRow(0.001) = 1',
    '&max_block_size=1',
  )
  const running = async () =>
    Number(
      (
        await at.store
          .client('admin')
          .rows("SELECT count() FROM system.processes WHERE user = 'console'")
      )[0]?.[0],
    )
  const outgoing = request({ host: '127.0.0.1', port: gate.port, path: slow, agent: false })
  outgoing.on('error', () => undefined)
  outgoing.end()
  await sleep(500)
  assert.equal(await running(), 1)
  outgoing.destroy()
  const gone = systemClock.monotonicMs()
  while ((await running()) > 0 && systemClock.monotonicMs() - gone < 3_000) await sleep(20)
  assert.ok(systemClock.monotonicMs() - gone < 3_000)
  const began = systemClock.monotonicMs()
  assert.notEqual((await send(slow)).code, 0)
  assert.ok(systemClock.monotonicMs() - began < 9_000)
  assert.equal(await running(), 0)
})

test('an answer is compressed for who asks for it, and errors tell no paths', {
  skip,
}, async () => {
  const headers = { 'accept-encoding': 'gzip' }
  const answer = await send(query('SELECT 1', '&enable_http_compression=1'), { headers })
  assert.equal(answer.headers['content-encoding'], 'gzip')
  const failed = await send(query("SELECT throwIf(1, '/root/secret/place')"))
  assert.equal(failed.code, 395)
  assert.ok(!failed.text.includes('/root/secret'))
})

test('each statement is audited with its verdict, and a client keeps its query id', {
  skip,
}, async () => {
  audited.length = 0
  await send(query('DROP TABLE t'))
  const answer = await send(query('SELECT 42', '&query_id=mine&session_id=x'))
  assert.equal(answer.headers['x-clickhouse-query-id'], 'mine')
  assert.deepEqual(
    audited.map(entry => [entry.text, entry.verdict, entry.code]),
    [
      ['DROP TABLE t', 'refused', 497],
      ['SELECT 42', 'run', 0],
    ],
  )
})

test('ping answers, other paths do not, and a long or damaged body is refused', {
  skip,
}, async () => {
  assert.equal((await send('/ping')).text, 'Ok.\n')
  assert.equal((await send('/play')).status, 404)
  const body = `SELECT '${'x'.repeat(300_000)}'`
  assert.equal((await send('/', { method: 'POST', body })).status, 413)
  const bomb = gzipSync(Buffer.alloc(50_000_000, 32))
  const headers = { 'content-encoding': 'gzip' }
  assert.equal((await send('/', { method: 'POST', body: bomb, headers })).status, 413)
})
