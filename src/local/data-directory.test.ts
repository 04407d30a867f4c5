import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#base'
import { openData } from './data-directory.ts'
import { blockOf, spawnWriter, temporaryDirectory } from './data-samples.test.ts'
import { lockOwner } from './directory-lock.ts'

const OPTIONS = { clock: systemClock, diskReserveBytes: 0 }
const TOPIC = { name: 'clicks', partitions: 1, source: null, logBytesMax: null }

test('a new directory has its layout, and opens again', async () => {
  using directory = temporaryDirectory()
  const path = join(directory.path, 'a', 'b')
  await openData(path, OPTIONS).close()
  assert.equal(readFileSync(join(path, 'VERSION'), 'utf8'), '1\n')
  for (const name of ['log', 'spool', 'store', 'LOCK']) assert.ok(existsSync(join(path, name)))
  await openData(path, OPTIONS).close()
})

test('a second process is refused by name of the first, until that is killed', async () => {
  using directory = temporaryDirectory()
  const data = openData(directory.path, OPTIONS)
  await data.log.ensureTopic(TOPIC)
  await data.close()
  const child = spawnWriter(directory.path, true, 0)
  await once(child.stdout, 'data')
  assert.equal(lockOwner(join(directory.path, 'LOCK'), directory.path), child.pid)
  assert.throws(() => openData(directory.path, OPTIONS), {
    code: 'data.locked',
    message: `process ${child.pid} uses the data directory "${directory.path}"`,
    hint: `Stop it (kill ${child.pid}), or give another directory with --data.`,
  })
  const worker = openData(directory.path, { ...OPTIONS, lock: false })
  assert.equal(worker.log.topics().length, 1, 'a worker of the owner may enter')
  await worker.close()
  child.kill('SIGKILL')
  await once(child, 'close')
  await openData(directory.path, OPTIONS).close()
})

test('one process cannot open a directory twice as its owner', async () => {
  using directory = temporaryDirectory()
  await using _ = openData(directory.path, OPTIONS)
  assert.throws(() => openData(directory.path, OPTIONS), { code: 'data.locked' })
})

test('directories of other versions are refused', async () => {
  for (const [version, code] of [
    ['2', 'data.newer'],
    ['0', 'data.older'],
    ['what', 'data.older'],
  ] as const) {
    using directory = temporaryDirectory()
    await openData(directory.path, OPTIONS).close()
    writeFileSync(join(directory.path, 'VERSION'), version)
    assert.throws(() => openData(directory.path, OPTIONS), { code })
  }
})

test('a directory with a log and no version is refused', async () => {
  using directory = temporaryDirectory()
  mkdirSync(join(directory.path, 'log'))
  writeFileSync(join(directory.path, 'log', 'data.mdb'), 'x')
  assert.throws(() => openData(directory.path, OPTIONS), { code: 'data.older' })
})

test('a path that cannot be a directory is a question of permission', () => {
  using directory = temporaryDirectory()
  const file = join(directory.path, 'file')
  writeFileSync(file, '')
  assert.throws(() => openData(join(file, 'data'), OPTIONS), { code: 'data.permission' })
})

test('a directory that this user may not write is refused', context => {
  using directory = temporaryDirectory()
  const root = process.getuid?.() === 0
  chmodSync(directory.path, root ? 0o755 : 0o555)
  const script = `
    import { openData } from '${join(import.meta.dirname, 'data-directory.ts')}'
    try { openData('${directory.path}', { clock: {} }) } catch (error) { console.log(error.code) }`
  const child = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    root ? { uid: 65534, gid: 65534 } : {},
  )
  if (child.error !== undefined || child.stdout.length === 0) {
    context.skip(
      `another user cannot run node here: ${child.error ?? child.stderr.toString().slice(0, 200)}`,
    )
    return
  }
  assert.equal(child.stdout.toString().trim(), 'data.permission')
})

test('no record is taken where it would reach into the reserve', async () => {
  using directory = temporaryDirectory()
  const data = openData(directory.path, { ...OPTIONS, diskReserveBytes: 2 ** 60 })
  await data.log.ensureTopic(TOPIC)
  await assert.rejects(data.log.append('clicks', [blockOf(['a'])]), {
    code: 'disk.full',
    retryable: true,
  })
  assert.deepEqual(data.log.topic('clicks').extents, [{ start: 0, end: 0 }])
  await data.close()
})
