import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { systemClock } from '#base'
import { openData } from './data-directory.ts'
import { spawnWriter, temporaryDirectory, textsOf } from './data-samples.test.ts'
import { verifyData } from './verify-data.ts'

const OPTIONS = { clock: systemClock, diskReserveBytes: 0 }
const TOPIC = { name: 'clicks', partitions: 2, source: null, logBytesMax: null }

function start(directory: string, owner: boolean, partition: number) {
  const child = spawnWriter(directory, owner, partition)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.pipe(process.stderr)
  return { child, said: () => output.split('\n').slice(0, -1) }
}

async function until(child: ChildProcess, holds: () => boolean): Promise<void> {
  while (!holds()) {
    assert.equal(child.exitCode, null, 'the writer runs')
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** What the directory holds: everything acknowledged, and a prefix of what was sent. */
async function check(directory: string, partition: number, said: readonly string[]): Promise<void> {
  await using data = openData(directory, OPTIONS)
  const numbers = (word: string) =>
    said.filter(line => line.startsWith(word)).map(line => line.split(' ').map(Number))
  const acknowledged = numbers('offset').at(-1)?.[1] ?? 0
  const end = data.log.topic('clicks').extents[partition]?.end ?? 0
  assert.ok(end >= acknowledged, `offset ${acknowledged} was acknowledged, the log ends at ${end}`)
  for (let offset = 0; offset < end; ) {
    const block = data.log.read('clicks', partition, offset)
    assert.ok(block !== undefined)
    textsOf(block).forEach((text, i) => {
      assert.equal(text.split(' ')[0], String(block.baseOffset + i))
    })
    offset = block.baseOffset + block.count
  }
  assert.equal(data.log.read('clicks', partition, end), undefined)
  if (end > 0) assert.equal(data.log.progress(`file/${partition}`), String(end))
  const [, epoch = 0, position = 0] = numbers('epoch').at(-1) ?? []
  if (epoch === 0) return
  const restored = data.state.restore(`shop/0/${partition}`)
  assert.ok(restored !== undefined && restored.epoch >= epoch)
  assert.ok(Number(restored.positions) >= position && Number(restored.positions) <= end)
  const last = restored.state.at(-1)?.[0]
  assert.equal(
    Buffer.from(last?.bytes ?? [])
      .toString()
      .split(' ')[0],
    String(restored.epoch),
  )
  assert.ok(data.state.reserveEpoch() > restored.epoch)
}

test('a killed writer leaves all it acknowledged, and a prefix of what it sent', async () => {
  using directory = temporaryDirectory()
  const data = openData(directory.path, OPTIONS)
  await data.log.ensureTopic(TOPIC)
  await data.close()
  for (let round = 0; round < 5; round++) {
    const { child, said } = start(directory.path, true, 0)
    await until(child, () => said().length > 1 + round * 3)
    child.kill('SIGKILL')
    await once(child, 'close')
    await check(directory.path, 0, said())
  }
  assert.deepEqual((await verifyData(directory.path, systemClock)).findings, [])
})

test('two processes write to one environment, and a third reads while they do', async () => {
  using directory = temporaryDirectory()
  const data = openData(directory.path, OPTIONS)
  await data.log.ensureTopic(TOPIC)
  const writers = [start(directory.path, false, 0), start(directory.path, false, 1)]
  const next = [0, 0]
  const readOn = () => {
    for (const partition of [0, 1]) {
      const from = next[partition] ?? 0
      const block = data.log.read('clicks', partition, from)
      if (block !== undefined) {
        assert.equal(block.baseOffset, from)
        next[partition] = from + block.count
      }
    }
  }
  for (const { child, said } of writers) await until(child, () => said().length > 0)
  // In one turn of the event loop, as a busy worker reads: each read sees what is there by then.
  const deadline = systemClock.monotonicMs() + 20_000
  while (Math.min(...next) <= 40) {
    readOn()
    assert.ok(systemClock.monotonicMs() < deadline, `read to ${next}`)
  }
  for (const { child } of writers) {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  await data.close()
  for (const [partition, { said }] of writers.entries())
    await check(directory.path, partition, said())
  const epochs = writers.flatMap(({ said }) => said().filter(line => line.startsWith('epoch')))
  assert.equal(
    new Set(epochs.map(line => line.split(' ')[1])).size,
    epochs.length,
    'epochs are unique',
  )
})
