/** A running platform: commands on its directory go through it, and it stops and starts cleanly. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Started } from '../support/millrace.ts'
import { CLICKS, click } from './applications.ts'
import { assertClean, inTime, type Place, situation } from './situation.ts'

const STOP_MS = 10_000

/** Starts the platform and waits until its commands are answered. */
async function platform(place: Place): Promise<Started> {
  const args = ['start', '--apps', './app.ts', '--store-port', '0', '--no-demo', '--data', 'data']
  const started = place.start(args)
  let ended = false
  void started.finished.then(() => {
    ended = true
  })
  const file = place.path('data/run.json')
  for (let j = 0; j < 1200; j++) {
    if (ended) throw new Error(JSON.stringify(await started.finished))
    if (existsSync(file) && readFileSync(file, 'utf8').includes(`"pid": ${started.child.pid},`)) {
      return started
    }
    await sleep(50)
  }
  throw new Error('the platform did not start')
}

async function stop({ child, finished }: Started, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  const result = await inTime(finished, `the end of the platform behind ${signal}`, STOP_MS)
  assertClean(result)
  assert.equal(result.code, 0, result.said)
}

/** The rows of `seen`, once it has `count`. */
async function seen(place: Place, count: number): Promise<void> {
  const sql = 'SELECT toUInt32(count()) AS n FROM seen'
  let found: unknown
  for (let j = 0; j < 60; j++) {
    const { data } = (await place.succeeds(['query', sql, '--data', 'data'])) as {
      readonly data: readonly { readonly n: number }[]
    }
    found = data[0]?.n
    if (found === count) return
    await sleep(250)
  }
  assert.equal(found, count)
}

situation('commands while the platform runs', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1) + click(2))
  const started = await platform(place)
  assert.equal(statSync(place.path('data/run.json')).mode & 0o777, 0o600)
  const ingest = ['ingest', 'clicks', 'clicks.jsonl', '--data', 'data']
  assert.equal((await place.succeeds(ingest))['records'], 2)
  assert.equal(
    (await place.succeeds(['ingest', 'clicks', '-', '--data', 'data'], click(3)))['records'],
    1,
  )
  assert.equal(await place.records('clicks'), 3)
  await seen(place, 3)
  for (const command of ['tables', 'state', 'checkpoints']) {
    await place.succeeds([command, '--data', 'data'])
  }
  const csv = await place.run(['query', 'SELECT 1 AS one', '--format', 'CSV', '--data', 'data'])
  assert.deepEqual([csv.code, csv.out, csv.said], [0, '"one"\n1\n', ''])
  const wrong = await place.run(['query', 'SELEC', '--data', 'data'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.said, /query\.failed/)
  await stop(started, 'SIGINT')
  assert.ok(!existsSync(place.path('data/run.json')))
  await seen(place, 3)
})

situation('a run while the platform runs', async place => {
  place.write('app.ts', CLICKS)
  const started = await platform(place)
  const { message } = await place.fails(['run', './app.ts', '--bounded', '--data', 'data'])
  assert.ok(message.includes(String(started.child.pid)))
  await place.fails(['verify', '--data', 'data'])
  await stop(started, 'SIGTERM')
})

situation('a platform that was killed', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1) + click(2))
  const first = await platform(place)
  await place.succeeds(['ingest', 'clicks', 'clicks.jsonl', '--data', 'data'])
  first.child.kill('SIGKILL')
  await first.finished
  assert.ok(existsSync(place.path('data/run.json')), 'it is stale')
  assert.equal(await place.records('clicks'), 2)
  const second = await platform(place)
  await place.succeeds(['ingest', 'clicks', place.write('more.jsonl', click(3)), '--data', 'data'])
  await seen(place, 3)
  await stop(second, 'SIGINT')
  place.write('data/run.json', '{"pid":')
  assert.equal(await place.records('clicks'), 3)
})
