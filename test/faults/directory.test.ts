/** Data directories that may not be used, or hold something else than was written. */

import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLICKS, click } from './applications.ts'
import { type Place, SHOP, situation } from './situation.ts'
import { asNobody, canSwitchUser } from './weak-user.ts'

const RUN = ['run', SHOP, '--bounded', '--data', 'data', '--input', 'events=events.jsonl']
const INGEST = ['ingest', 'events', 'events.jsonl', '--app', SHOP, '--data', 'data']

/** Commands that need the directory, and all must say the same. */
const COMMANDS = [
  ['topics'],
  ['state'],
  ['checkpoints'],
  ['tables'],
  ['query', 'SELECT 1'],
  ['verify'],
]

async function allFail(place: Place): Promise<void> {
  for (const command of COMMANDS) await place.fails([...command, '--data', 'data'])
  await place.fails(RUN)
}

/** Changes a byte of the payload of the last block in the log file; does it again, and it is undone. */
function damageBlock(path: string): void {
  const bytes = readFileSync(path)
  const at = bytes.lastIndexOf('MLRB') + 52 + 20
  bytes[at] = (bytes[at] ?? 0) ^ 0x20
  writeFileSync(path, bytes)
}

situation('no data directory', async place => {
  for (const command of COMMANDS) await place.fails([...command, '--data', 'nope'])
  await place.fails(['ingest', 'events', place.events('events.jsonl', 10), '--data', 'nope'])
  await place.fails(['parity', SHOP, '--data', 'nope'])
  assert.deepEqual(readdirSync(place.directory), ['events.jsonl'], 'none is made by asking')
})

situation('a file as data directory', async place => {
  place.events('events.jsonl', 10)
  place.write('data', 'mine\n')
  await allFail(place)
  await place.fails(['start', '--apps', SHOP, '--data', 'data/below'])
  assert.equal(readFileSync(place.path('data'), 'utf8'), 'mine\n')
})

situation(
  'a data directory that may not be written',
  async place => {
    place.events('events.jsonl', 10)
    await place.succeeds(INGEST)
    chmodSync(place.directory, 0o755)
    for (const data of ['data', 'new']) {
      const args = [...RUN.with(RUN.indexOf('data'), data), '--json']
      place.check(await asNobody(args, place))
    }
    place.check(await asNobody(['topics', '--data', 'data', '--json'], place))
    assert.equal(await place.records('events'), 10)
  },
  { skip: canSwitchUser() },
)

situation('a second process on the directory', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  const first = place.start(['run', './app.ts', '--data', 'data', '--input', 'clicks=clicks.jsonl'])
  try {
    let said = ''
    await new Promise<void>(resolve => {
      first.child.stderr?.on('data', text => {
        said += text
        if (said.includes('1 accepted')) resolve()
      })
    })
    const { message } = await place.fails(['run', './app.ts', '--bounded', '--data', 'data'])
    assert.ok(message.includes(String(first.child.pid)), message)
    await place.fails(['topics', '--data', 'data'])
    await place.fails(['verify', '--data', 'data'])
    await place.fails(['start', '--apps', './app.ts', '--data', 'data'])
  } finally {
    first.child.kill('SIGTERM')
  }
  const { code, said } = await first.finished
  assert.equal(code, 0, said)
  assert.equal(await place.records('clicks'), 1)
})

situation('a directory of a newer version', async place => {
  place.events('events.jsonl', 10)
  await place.succeeds(INGEST)
  place.write('data/VERSION', '2\n')
  await allFail(place)
  place.write('data/VERSION', '1\n')
  assert.equal(await place.records('events'), 10)
})

situation('a directory of an older version', async place => {
  place.events('events.jsonl', 10)
  await place.succeeds(INGEST)
  for (const version of ['0\n', '', 'x\n']) {
    place.write('data/VERSION', version)
    await place.fails(RUN)
  }
  rmSync(place.path('data/VERSION'))
  await allFail(place)
  place.write('data/VERSION', '1\n')
  assert.equal(await place.records('events'), 10)
})

situation('a lock file that is damaged', async place => {
  place.events('events.jsonl', 10)
  await place.succeeds(INGEST)
  place.write('data/LOCK', 'x'.repeat(4096))
  await place.fails(RUN)
  rmSync(place.path('data/LOCK'))
  assert.equal(await place.records('events'), 10)
})

situation('a block of the log that is damaged', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', Array.from({ length: 60 }, (_, j) => click(j)).join(''))
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  await place.succeeds(['ingest', 'clicks', 'clicks.jsonl', '--app', './app.ts', '--data', 'data'])
  damageBlock(place.path('data/log/data.mdb'))
  const { message } = await place.fails(run)
  assert.match(message, /topic "clicks", partition \d, offset \d+/)
  const verified = await place.run(['verify', '--data', 'data', '--json'])
  place.check(verified)
  const { findings, records } = JSON.parse(verified.out) as {
    readonly findings: readonly unknown[]
    readonly records: number
  }
  assert.equal(findings.length, 1)
  assert.ok(records < 60)
  // Nothing was dropped: with its byte back the directory is whole.
  damageBlock(place.path('data/log/data.mdb'))
  const { topics } = (await place.succeeds(run)) as {
    readonly topics: readonly { readonly accepted: number }[]
  }
  assert.equal(topics[0]?.accepted, 60)
})

situation('a log file that was cut', async place => {
  place.events('events.jsonl', 500)
  await place.succeeds(RUN)
  const path = place.path('data/log/data.mdb')
  const whole = readFileSync(path)
  for (const bytes of [whole.length - 4096, 8192, 100, 0]) {
    truncateSync(path, bytes)
    await place.fails(['topics', '--data', 'data'])
    await place.fails(['verify', '--data', 'data'])
    writeFileSync(path, whole)
  }
  assert.equal(await place.records('events'), 500)
})

situation('a checkpoint that is damaged', async place => {
  place.events('events.jsonl', 2000)
  await place.succeeds(RUN)
  // Users of open sessions are in the state, and in the log before it.
  const path = place.path('data/log/data.mdb')
  const before = readFileSync(path)
  let found = false
  for (const name of stateOffsets(before)) {
    const bytes = Buffer.from(before)
    bytes[name] = (bytes[name] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const { out } = await place.run(['verify', '--data', 'data', '--json'])
    if (!out.includes('state.corrupt')) continue
    found = true
    await place.fails(['verify', '--data', 'data'])
    await place.fails(['state', '--data', 'data'])
    const { message } = await place.fails(['run', SHOP, '--bounded', '--data', 'data'])
    assert.match(message, /shop\//)
    break
  }
  assert.ok(found, 'a byte of the state was changed')
  writeFileSync(path, before)
  await place.succeeds(['run', SHOP, '--bounded', '--data', 'data'])
})

/** Places of the log file that may be state: the plan hash stands at the head of each link. */
function* stateOffsets(bytes: Buffer): Generator<number> {
  const hash = /[0-9a-f]{64}/g
  const text = bytes.toString('latin1')
  for (const { index } of text.matchAll(hash)) yield index + 3
}

situation('a spooled unit that is damaged', async place => {
  place.events('events.jsonl', 3000)
  const killed = place.start([...RUN, '--json'], { MILLRACE_CRASH: 'main:C6.before:1' })
  assert.equal((await killed.finished).signal, 'SIGKILL')
  const spool = readdirSync(place.path('data/spool'))
  assert.ok(spool.length > 0)
  const path = join(place.path('data/spool'), spool[0] ?? '')
  const whole = readFileSync(path)
  const damaged = Buffer.from(whole)
  damaged[whole.length >> 1] = (damaged[whole.length >> 1] ?? 0) ^ 1
  writeFileSync(path, damaged)
  await place.fails(['verify', '--data', 'data'])
  await place.fails(RUN)
  writeFileSync(path, whole)
  await place.succeeds(RUN)
})

situation('passwords that are damaged', async place => {
  await place.seed()
  place.write('data/credentials.json', '{"admin":')
  await place.fails(['query', 'SELECT 1', '--data', 'data'])
  rmSync(place.path('data/credentials.json'))
  await place.succeeds(['query', 'SELECT 1', '--data', 'data'])
})
