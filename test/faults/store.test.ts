/** The store and the workers, killed and refused; queries that the store does not take. */

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf, type Started } from '../support/millrace.ts'
import { assertClean, inTime, SHOP, situation } from './situation.ts'

const RUN = ['run', SHOP, '--bounded', '--data', 'data', '--input', 'events=events.jsonl']

/** Kills a child of the command as soon as there is one. */
async function killChild({ child }: Started, program: string, afterMs = 0): Promise<void> {
  for (let j = 0; j < 3000; j++) {
    const [pid] = childrenOf(child.pid ?? 0, program)
    if (pid !== undefined) {
      await sleep(afterMs)
      process.kill(pid, 'SIGKILL')
      return
    }
    await sleep(10)
  }
  throw new Error(`no ${program} was started`)
}

situation('the store killed during a run', async place => {
  place.events('events.jsonl', 20_000)
  const { tables } = await place.succeeds(RUN)
  const run = RUN.with(RUN.indexOf('data'), 'other')
  const environment = { MILLRACE_CRASH: 'store:C6.between:2' }
  const result = await inTime(
    place.start([...run, '--json', '--epoch-rows', '1000'], environment).finished,
    'a run whose store was killed',
  )
  assertClean(result)
  assert.equal(result.code, place.row.exit, result.said)
  assert.match(result.said, /the store went down/)
  assert.deepEqual((JSON.parse(result.out) as { tables: unknown }).tables, tables)
})

situation('the store killed during a query', async place => {
  await place.seed()
  const sql = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)'
  const started = place.start(['query', sql, '--data', 'data', '--json'])
  await killChild(started, 'engine-process', 3000)
  place.check(await inTime(started.finished, 'a query whose store was killed'))
  const again = await place.succeeds(['query', 'SELECT 1 AS one', '--data', 'data'])
  assert.deepEqual(again['data'], [{ one: 1 }])
})

situation('a worker killed during a run', async place => {
  place.events('events.jsonl', 20_000)
  const killed = place.start([...RUN, '--json'], { MILLRACE_CRASH: 'worker:C5.committed:1' })
  const { message } = place.check(await inTime(killed.finished, 'a run whose worker was killed'))
  assert.match(message, /SIGKILL/)
  const { tables } = await place.succeeds(RUN)
  const other = await place.succeeds(RUN.with(RUN.indexOf('data'), 'other'))
  assert.deepEqual(tables, other['tables'])
})

situation('a store without memory', async place => {
  place.events('events.jsonl', 200)
  await place.fails([...RUN, '--store-memory', '1MB'])
  await place.succeeds(RUN)
})

situation('a port of the store that is in use', async place => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = String(typeof address === 'object' ? address?.port : 0)
  try {
    for (const option of ['--store-port', '--store-native-port']) {
      const others = option === '--store-port' ? [] : ['--store-port', '0']
      const start = ['start', '--apps', SHOP, '--data', 'data', '--no-demo', ...others]
      const { message } = await place.fails([...start, option, port])
      assert.ok(message.includes(port), message)
    }
  } finally {
    server.close()
  }
})

situation('a query that the store does not understand', async place => {
  await place.seed()
  const { message } = await place.fails(['query', 'SELEC 1', '--data', 'data'])
  assert.match(message, /Syntax error/)
  await place.fails(['query', 'SELECT 1; SELECT 2', '--data', 'data'])
})

situation('a query of what is not there', async place => {
  await place.seed()
  const { message } = await place.fails(['query', 'SELECT * FROM nope', '--data', 'data'])
  assert.match(message, /nope/)
})

situation('a query that writes', async place => {
  await place.seed()
  const run = ['run', SHOP, '--bounded', '--data', 'data']
  const { tables } = await place.succeeds(run)
  for (const sql of [
    'INSERT INTO visits (user_id) VALUES (1)',
    'DROP TABLE visits',
    'TRUNCATE TABLE accepted',
    "SELECT * FROM file('/etc/passwd')",
  ]) {
    await place.fails(['query', sql, '--data', 'data'])
  }
  assert.deepEqual((await place.succeeds(run))['tables'], tables)
})

situation('a format that there is not', async place => {
  await place.seed()
  const asked = await place.run(['query', 'SELECT 1', '--format', 'Nope', '--data', 'data'])
  assert.equal(asked.code, place.row.exit)
  assertClean(asked)
  assert.match(asked.said, /\(query\.failed\)/)
  assert.match(asked.said, place.hint())
})
