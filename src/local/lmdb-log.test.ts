import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#base'
import { END_OF_TIME_US } from '#ports'
import { openData } from './data-directory.ts'
import { blockOf, markOf, temporaryDirectory, textsOf } from './data-samples.test.ts'

const TOPIC = { name: 'clicks', partitions: 2, source: '{}', logBytesMax: null }
const options = (clock = manualClock(1_000)) => ({ clock, diskReserveBytes: 0 })

test('an append that fails half way leaves nothing, nor its progress', async () => {
  using directory = temporaryDirectory()
  await using data = openData(directory.path, options())
  await data.log.ensureTopic(TOPIC)
  await data.log.append('clicks', [markOf(1, END_OF_TIME_US)])
  const blocks = [blockOf(['a'], { partition: 0 }), blockOf(['b'], { partition: 1 })]
  await assert.rejects(data.log.append('clicks', blocks, [{ key: 'k', value: 'v' }]), {
    code: 'log.ended',
    message: 'partition 1 of topic "clicks" was ended, and takes no more records',
  })
  assert.equal(data.log.read('clicks', 0, 0), undefined)
  assert.deepEqual(data.log.topic('clicks').extents[0], { start: 0, end: 0 })
  assert.equal(data.log.progress('k'), undefined)
})

test('a topic that changed is refused; what it keeps may change', async () => {
  using directory = temporaryDirectory()
  await using data = openData(directory.path, options())
  await data.log.ensureTopic(TOPIC)
  await data.log.ensureTopic({ ...TOPIC, logBytesMax: 5 })
  assert.equal(data.log.topic('clicks').logBytesMax, 5)
  await assert.rejects(data.log.ensureTopic({ ...TOPIC, partitions: 3 }), { code: 'topic.changed' })
  await assert.rejects(data.log.ensureTopic({ ...TOPIC, source: '[]' }), { code: 'topic.changed' })
  assert.throws(() => data.log.topic('orders'), {
    code: 'topic.unknown',
    hint: 'The topics are clicks.',
  })
  assert.throws(() => data.log.read('orders', 0, 0), { code: 'topic.unknown' })
  await assert.rejects(data.log.append('orders', [blockOf(['a'])]), { code: 'topic.unknown' })
})

test('blocks stay until they are passed, and older than the floor or behind too many bytes', async () => {
  using directory = temporaryDirectory()
  const clock = manualClock(0)
  await using data = openData(directory.path, options(clock))
  await data.log.ensureTopic({ ...TOPIC, partitions: 1, logBytesMax: 500 })
  for (let i = 0; i < 10; i++) {
    clock.set(i * 100)
    await data.log.append('clicks', [blockOf([String(i)])])
  }
  const bytes = data.log.topic('clicks').bytes / 10
  const start = () => data.log.topic('clicks').extents[0]?.start
  clock.set(1_000)
  assert.equal(await data.log.retain('clicks', { passed: [0], floorUs: 0 }), 0)
  const kept = Math.ceil(500 / bytes)
  assert.equal(await data.log.retain('clicks', { passed: [10], floorUs: 10_000 }), 10 - kept)
  assert.equal(start(), 10 - kept, 'bytes behind the limit may go while they are young')
  assert.equal(await data.log.retain('clicks', { passed: [10], floorUs: 200 }), kept - 1)
  assert.equal(start(), 9, 'what is older than the floor may go')
  assert.deepEqual(textsOf(data.log.read('clicks', 0, 0) ?? assert.fail()), ['9'])
  assert.equal(data.log.topic('clicks').bytes, bytes)
})

test('concurrent appends share a flush and keep their order', async () => {
  using directory = temporaryDirectory()
  await using data = openData(directory.path, options())
  await data.log.ensureTopic(TOPIC)
  const calls = Array.from({ length: 50 }, (_, i) => data.log.append('clicks', [blockOf([`${i}`])]))
  const epochs = [data.state.reserveEpoch(), data.state.reserveEpoch()]
  assert.deepEqual(
    (await Promise.all(calls)).flat(),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.deepEqual(epochs, [1, 2], 'an epoch can be reserved while appends wait')
})

test('a reader does not keep old pages from being used again', async () => {
  using directory = temporaryDirectory()
  const clock = manualClock(0)
  await using data = openData(directory.path, options(clock))
  await data.log.ensureTopic({ ...TOPIC, partitions: 1, logBytesMax: 0 })
  const values = Array.from(
    { length: 100 },
    (_, i) => Buffer.alloc(3_000, i).toString('latin1') + Math.sin(i),
  )
  const noise = blockOf(
    values.map((_, i) => Array.from({ length: 500 }, (_, j) => Math.sin(i * j)).join('')),
  )
  const { statSync } = await import('node:fs')
  const size = () => statSync(`${directory.path}/log/data.mdb`).size
  let settled = 0
  for (let i = 0; i < 30; i++) {
    clock.set(i)
    const [base = 0] = await data.log.append('clicks', [noise])
    data.log.read('clicks', 0, base)
    await data.log.retain('clicks', { passed: [base], floorUs: 0 })
    if (i === 10) settled = size()
  }
  assert.ok(size() <= settled * 1.5, `${settled} bytes grew to ${size()}`)
})
