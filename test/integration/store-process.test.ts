import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { silentLogger, systemClock } from '#base'
import { openGate, openStore, type StoreChange } from '#clickhouse'
import { storeSkip as skip, temporaryStore } from './store-fixture.ts'

const onLinux = skip === false && process.platform !== 'linux' ? 'reads /proc of Linux' : skip

/** Whether the process runs; one that ended and waits to be collected does not. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('the store starts again when it dies, with its tables and without its passwords on disk', {
  skip,
}, async () => {
  const changes: StoreChange[] = []
  await using at = await temporaryStore({ onChange: change => changes.push(change) })
  const { store, directory } = at
  const admin = store.client('admin')
  await admin.read('CREATE TABLE app.kept (n UInt8) ENGINE = MergeTree ORDER BY n')
  await admin.read('INSERT INTO app.kept VALUES (7)')
  const { pid, port } = store
  assert.ok(pid !== undefined)
  process.kill(pid, 'SIGKILL')
  while (store.state === 'up') await sleep(2)
  await assert.rejects(admin.read('SELECT 1'), { code: 'store.unavailable' })
  await store.whenUp()
  assert.equal(store.port, port)
  assert.deepEqual(await admin.rows('SELECT n FROM kept'), [[7]])
  assert.deepEqual(
    changes.map(change => change.state),
    ['down', 'up'],
  )
  // Nothing asks for the accounts' file later: queries, new logins and merges go on without it.
  assert.ok(!existsSync(join(directory, 'store', 'config', 'users.xml')))
  await sleep(3_000)
  for (const account of ['admin', 'writer', 'reader', 'console'] as const) {
    assert.deepEqual(await store.client(account).rows('SELECT currentUser()'), [[account]])
  }
  await admin.read('OPTIMIZE TABLE kept FINAL')
  const credentials = join(directory, 'credentials.json')
  assert.equal(statSync(credentials).mode & 0o777, 0o600)
  assert.ok(!readFileSync(credentials, 'utf8').includes(store.accounts.console.password))
})

test('the child has no secret in its environment and arguments, and few open files', {
  skip: onLinux,
}, async () => {
  await using at = await temporaryStore()
  const { pid, accounts } = at.store
  assert.equal(readFileSync(`/proc/${pid}/environ`, 'utf8'), '')
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  for (const { password } of Object.values(accounts)) assert.ok(!args.includes(password))
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /NoNewPrivs:\s*1/)
  assert.ok(at.store.test.landlock > 0 && at.store.test.freeSql)
  const rssKb = Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  assert.ok(rssKb < 600_000, `${rssKb} kB`)
})

test('a port in use and a directory in use are named', { skip }, async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  const options = { dataDir, clock: systemClock, log: silentLogger }
  await assert.rejects(openStore({ ...options, httpPort: port }), { code: 'port.in_use' })
  {
    await using store = await openStore(options)
    await assert.rejects(openGate({ store, port, clock: systemClock, log: silentLogger }), {
      code: 'port.in_use',
    })
  }
  taken.close()
  await rm(dataDir, { recursive: true })
})

test('a store whose main process is killed ends by itself, and the next start waits for it', {
  skip: onLinux,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  const main = spawn(
    process.execPath,
    [fileURLToPath(new URL('./store-holder.ts', import.meta.url)), dataDir],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(main.stdout.setEncoding('utf8'), 'data')) as [string]
  const pid = Number(line)
  assert.ok(alive(pid))
  main.kill('SIGKILL')
  await once(main, 'close')
  {
    await using store = await openStore({ dataDir, clock: systemClock, log: silentLogger })
    assert.notEqual(store.pid, pid)
    const until = systemClock.monotonicMs() + 2_000
    // The kernel does it, so at once; the engine's own shutdown takes seconds and may hang.
    while (alive(pid) && systemClock.monotonicMs() < until) await sleep(20)
    assert.ok(!alive(pid))
  }
  assert.deepEqual(readdirSync(join(dataDir, 'store')).sort(), ['config', 'data', 'scratch'])
  await rm(dataDir, { recursive: true })
})
