import assert from 'node:assert/strict'
import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { manualClock, PlatformError, seededRandom } from '#base'
import { crc32c } from '#format'
import { type DataDirectory, openData } from './data-directory.ts'
import { blockOf, commitOf, manifestOf, temporaryDirectory, textsOf } from './data-samples.test.ts'
import { verifyData } from './verify-data.ts'

const OPTIONS = { clock: manualClock(5_000), diskReserveBytes: 0 }

/** Text that LZ4 cannot shrink, so that flips in its middle are flips in the data. */
function noise(seed: number, length: number): string {
  const random = seededRandom(seed)
  return Array.from({ length }, () => String.fromCharCode(33 + random.int(90))).join('')
}

/** A directory with something of each kind, some of it written over, and its spool. */
async function fill(path: string): Promise<void> {
  await using data = openData(path, OPTIONS)
  await data.log.ensureTopic({ name: 't', partitions: 2, source: null, logBytesMax: 0 })
  for (let i = 0; i < 12; i++) {
    const values = [noise(i, 3_000), noise(i + 100, 40 + i * 700)]
    await data.log.append(
      't',
      [blockOf(values, { partition: i % 2 })],
      [{ key: `f/${i % 3}`, value: `${i}` }],
    )
  }
  await data.log.retain('t', { passed: [6, 4], floorUs: 0 })
  for (let i = 0; i < 6; i++) {
    const epoch = data.state.reserveEpoch()
    const unit = Buffer.from(noise(i + 300, 500))
    const { name } = data.spool.write(epoch, [unit])
    const bytes = Buffer.from(noise(i + 200, i === 4 ? 20 : 9_000))
    const units = [
      {
        id: `u${i}`,
        table: 'x',
        upsert: false,
        rows: 1,
        positionHash: 0,
        at: 0,
        bytes: 500,
        crc32c: crc32c(unit),
        ranges: [],
      },
    ]
    const manifest = manifestOf(epoch, { spool: name, units })
    const kind = i % 3 === 0 ? 'snapshot' : 'delta'
    await data.state.commit({
      ...commitOf(epoch, { kind, state: [{ operator: 'sessions', bytes }] }),
      manifest,
    })
    if (i < 3) await data.state.markApplied(epoch)
  }
  await data.state.trim(1)
}

/** All that can be read, as text. */
function contents(data: DataDirectory): string {
  const blocks = []
  for (const { name, extents } of data.log.topics()) {
    for (const [partition, { start, end }] of extents.entries()) {
      for (let offset = start; offset < end; ) {
        const block = data.log.read(name, partition, offset)
        assert.ok(block !== undefined)
        blocks.push([partition, block.baseOffset, textsOf(block)])
        offset = block.baseOffset + block.count
      }
    }
  }
  const progress = data.log.progressKeys('').map(key => [key, data.log.progress(key)])
  const state = data.state.tasks().map(task => data.state.restore(task))
  const manifests = [data.state.prepared(), data.state.applied()]
  return JSON.stringify([blocks, progress, state, manifests])
}

async function contentsOf(path: string): Promise<string> {
  const data = openData(path, OPTIONS)
  try {
    return contents(data)
  } finally {
    await data.close()
  }
}

/** What reading a damaged copy gives: its contents, or the code of the error that names the damage. */
async function readDamaged(path: string, file: Buffer): Promise<string> {
  writeFileSync(join(path, 'log', 'data.mdb'), file)
  rmSync(join(path, 'log', 'lock.mdb'), { force: true })
  try {
    return await contentsOf(path)
  } catch (error) {
    assert.ok(error instanceof PlatformError, `a typed error, not ${error}`)
    return error.code
  }
}

const FLIPS = 250

test('a flipped bit anywhere in the log file changes nothing or is named', async () => {
  using directory = temporaryDirectory({ inMemory: true })
  await fill(directory.path)
  const whole = await contentsOf(directory.path)
  const file = readFileSync(join(directory.path, 'log', 'data.mdb'))
  const random = seededRandom(7)
  let named = 0
  for (let i = 0; i < FLIPS; i++) {
    const at = i % 5 === 0 ? random.int(8192) : random.int(file.length)
    const bit = random.int(8)
    const damaged = Buffer.from(file)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
    const found = await readDamaged(directory.path, damaged)
    if (found === whole) continue
    assert.match(found.slice(0, 20), /^(log|state)\.corrupt$/, `bit ${bit} of byte ${at}`)
    named++
  }
  assert.ok(named > FLIPS / 4, `${named} of ${FLIPS} flips hit something`)
})

test('a page that was not written, and a file that was cut, are named', async () => {
  using directory = temporaryDirectory({ inMemory: true })
  await fill(directory.path)
  const whole = await contentsOf(directory.path)
  const file = readFileSync(join(directory.path, 'log', 'data.mdb'))
  let named = 0
  for (let page = 2; page < file.length / 4096; page++) {
    const torn = Buffer.from(file).fill(0, page * 4096, (page + 1) * 4096)
    const cut = file.subarray(0, page * 4096 + 1_000)
    for (const damaged of [torn, cut]) {
      const found = await readDamaged(directory.path, damaged)
      if (found === whole) continue
      assert.match(found.slice(0, 20), /^(log|state)\.corrupt$/, `page ${page}`)
      named++
    }
  }
  assert.ok(named > 20)
})

/** Flips a byte in the middle of each place where `text` stands in the log file. */
function damage(path: string, text: string): void {
  const name = join(path, 'log', 'data.mdb')
  const file = readFileSync(name)
  assert.ok(file.includes(text))
  for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1)) {
    const middle = at + (text.length >> 1)
    file[middle] = (file[middle] ?? 0) ^ 1
  }
  writeFileSync(name, file)
}

test('each kind of damage is named with its place, and verify lists them all', async () => {
  using source = temporaryDirectory({ inMemory: true })
  await fill(source.path)
  const cases: [text: string, code: string, message: RegExp][] = [
    [
      noise(9, 3_000).slice(500, 900),
      'log.corrupt',
      /^topic "t", partition 1, offset 8: a wrong checksum$/,
    ],
    [
      noise(205, 9_000).slice(500, 900),
      'state.corrupt',
      /^state of task "shop\/0\/0", operator "sessions", epoch 6: a wrong checksum$/,
    ],
    ['"epoch":5,"worker"', 'state.corrupt', /^the manifest of epoch 5: a wrong checksum$/],
    ['"positions":"at 6"', 'state.corrupt', /^the commit of task "shop\/0\/0": a wrong checksum$/],
  ]
  const all = temporaryDirectory({ inMemory: true })
  using _ = all
  cpSync(source.path, all.path, { recursive: true })
  for (const [text, code, message] of cases) {
    using directory = temporaryDirectory({ inMemory: true })
    cpSync(source.path, directory.path, { recursive: true })
    damage(directory.path, text)
    await assert.rejects(contentsOf(directory.path), { code, message })
    if (!text.includes('positions')) damage(all.path, text)
  }
  const unit = join(all.path, 'spool', 'epoch-6.native')
  copyFileSync(unit, `${unit}.copy`)
  truncateSync(unit, 300)
  const report = await verifyData(all.path, OPTIONS.clock)
  assert.deepEqual(report.findings.map(({ code }) => code).sort(), [
    'log.corrupt',
    'state.corrupt',
    'state.corrupt',
  ])
})

test('a table whose name was damaged is named, and not made anew', async () => {
  using directory = temporaryDirectory({ inMemory: true })
  await fill(directory.path)
  damage(directory.path, 'blocks\0')
  const message = /^page [0-9]+ of "log\/data.mdb": an unknown table$/
  await assert.rejects(contentsOf(directory.path), { code: 'log.corrupt', message })
})

test('a spool file that is cut, changed or gone is named', async () => {
  using directory = temporaryDirectory({ inMemory: true })
  await fill(directory.path)
  const report = await verifyData(directory.path, OPTIONS.clock)
  assert.deepEqual(report.findings, [])
  assert.equal(report.units, 3)
  const file = (epoch: number) => join(directory.path, 'spool', `epoch-${epoch}.native`)
  truncateSync(file(4), 499)
  const bytes = readFileSync(file(5))
  bytes[250] = (bytes[250] ?? 0) ^ 16
  writeFileSync(file(5), bytes)
  rmSync(file(6))
  const { findings } = await verifyData(directory.path, OPTIONS.clock)
  assert.deepEqual(
    findings.map(({ code, message }) => `${code} ${message}`),
    [
      'spool.corrupt unit "u3" in spool file "epoch-4.native" at byte 0: the file ends before it',
      'spool.corrupt unit "u4" in spool file "epoch-5.native" at byte 0: a wrong checksum',
      'spool.corrupt unit "u5" in spool file "epoch-6.native" at byte 0: the file cannot be opened',
    ],
  )
})
