/** Commands that are stopped, or whose reader goes away: they end soon, and nothing is lost. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finished, ROOT, type Started } from '../support/millrace.ts'
import { CLICKS, click } from './applications.ts'
import { assertClean, inTime, SHOP, situation } from './situation.ts'

/** What a user waits for a command after Ctrl-C. */
const STOP_MS = 10_000

const RUN = ['run', SHOP, '--bounded', '--data', 'data', '--input', 'events=events.jsonl']

/** Stops a command and holds its end to ten seconds. */
async function stopped({ child, finished }: Started, signal: NodeJS.Signals): Promise<Finished> {
  child.kill(signal)
  const result = await inTime(finished, `the end behind ${signal}`, STOP_MS)
  assertClean(result)
  return result
}

situation('a run stopped in the middle', async place => {
  place.events('events.jsonl', 30_000)
  const whole = await place.succeeds(RUN)
  // In the ingest, while the store starts, while epochs are applied.
  for (const [j, wait] of [250, 900, 1700, 2600].entries()) {
    const run = RUN.with(RUN.indexOf('data'), 'other')
    const started = place.start([...run, '--json', '--epoch-rows', '500'])
    await sleep(wait)
    const result = await stopped(started, j % 2 === 0 ? 'SIGINT' : 'SIGTERM')
    // A signal before the program has begun to listen ends it like any other program.
    if (result.signal !== null) assert.equal(j, 0, 'only while it starts')
    else if (result.code !== 0) place.check(result)
  }
  const { tables } = await place.succeeds(RUN.with(RUN.indexOf('data'), 'other'))
  assert.deepEqual(tables, whole['tables'])
})

situation('an ingest stopped in the middle', async place => {
  place.events('events.jsonl', 600_000)
  const ingest = ['ingest', 'events', 'events.jsonl', '--app', SHOP, '--data', 'data', '--json']
  const started = place.start(ingest)
  // By what it has done, not by a time: a machine that is free reads all of it in half a second.
  const log = join(place.directory, 'data/log/data.mdb')
  while (!existsSync(log)) await sleep(5)
  await sleep(50)
  const result = await stopped(started, 'SIGINT')
  place.check(result)
  const { records, error } = JSON.parse(result.out) as { readonly records?: number; error: object }
  assert.ok(error)
  assert.equal(await place.records('events'), records ?? 0)
  await place.succeeds(ingest.slice(0, -1))
  assert.equal(await place.records('events'), 600_000)
})

situation('standard input that is stopped', async place => {
  place.write('app.ts', CLICKS)
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'bin/millrace.js'),
      ...['ingest', 'clicks', '-', '--app', './app.ts', '--data', 'data', '--json'],
    ],
    { cwd: place.directory, stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let out = ''
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const finished = new Promise<Finished>(resolve => {
    child.on('close', (code, signal) => resolve({ code, signal, out, said }))
  })
  child.stdin.write(click(1) + click(2))
  await sleep(2500)
  place.check(await stopped({ child, finished }, 'SIGINT'))
  assert.equal(await place.records('clicks'), 2)
})

situation('an endless run stopped', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1) + click(2))
  const args = ['run', './app.ts', '--data', 'data', '--input', 'clicks=clicks.jsonl', '--json']
  const started = place.start(args)
  await sleep(4000)
  const { code, out, said } = await stopped(started, 'SIGTERM')
  assert.equal(code, place.row.exit, said)
  const { topics } = JSON.parse(out) as {
    readonly topics: readonly { readonly accepted: number }[]
  }
  assert.equal(topics[0]?.accepted, 2)
})

situation('a query stopped', async place => {
  await place.seed()
  const sql = 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)'
  const started = place.start(['query', sql, '--data', 'data', '--json'])
  await sleep(3000)
  place.check(await stopped(started, 'SIGINT'))
})

situation('a reader that has enough', async place => {
  await place.seed()
  const millrace = join(ROOT, 'bin/millrace.js')
  for (const [command, lines] of [
    [`query 'SELECT number FROM numbers(3000000)' --format TSV`, 3],
    [`query 'SELECT number FROM numbers(3000000)' --json`, 3],
    ['topics', 1],
    ['--help', 1],
    ['run nope.ts 2>&1', 1],
  ] as const) {
    const script = `set -o pipefail; '${process.execPath}' '${millrace}' ${command}${command.startsWith('query') || command === 'topics' ? ' --data data' : ''} | head -n ${lines}; echo "exit \${PIPESTATUS[0]}"`
    const child = spawn('bash', ['-c', script], { cwd: place.directory })
    let out = ''
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    await inTime(new Promise(resolve => child.on('close', resolve)), command)
    assert.equal(said, '', command)
    assert.equal(out.trimEnd().split('\n').length, lines + 1, out)
    if (!command.startsWith('run')) assert.match(out, /^exit 0$/m)
  }
})
