import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { manualClock } from '#base'
import { openData } from './data-directory.ts'
import { blockOf, commitOf, manifestOf, temporaryDirectory } from './data-samples.test.ts'
import { CHUNK_BYTES } from './state-chain.ts'

const OPTIONS = { clock: manualClock(1_000), diskReserveBytes: 0 }
const entry = (bytes: Uint8Array) => [{ operator: 'sessions', bytes }]

test('a snapshot larger than a chunk comes back, and frees the chain before it', async () => {
  using directory = temporaryDirectory()
  const bytes = new Uint8Array(2 * CHUNK_BYTES + 12_345)
  for (let i = 0; i < bytes.length; i += 97) bytes[i] = i

  for (let i = 1; i <= 8; i++) {
    await using data = openData(directory.path, OPTIONS)
    const epoch = data.state.reserveEpoch()
    bytes[CHUNK_BYTES] = i
    await data.state.commit(commitOf(epoch, { kind: 'snapshot', state: entry(bytes) }))
    await data.state.markApplied(epoch)
    await data.state.trim(epoch)
  }
  const { size } = statSync(`${directory.path}/log/data.mdb`)
  assert.ok(size < 4 * bytes.length, `8 snapshots of ${bytes.length} bytes take ${size}`)
  await using data = openData(directory.path, OPTIONS)
  const [link, ...more] = data.state.restore('shop/0/0')?.state ?? []
  assert.equal(more.length, 0)
  assert.ok(Buffer.from(bytes).equals(link?.[0]?.bytes ?? new Uint8Array()))
})

test('a commit that fails leaves neither state, records nor manifest', async () => {
  using directory = temporaryDirectory()
  await using data = openData(directory.path, OPTIONS)
  await data.log.ensureTopic({ name: 'r', partitions: 1, source: null, logBytesMax: null })
  const appends = [
    { topic: 'r', blocks: [blockOf(['a'])] },
    { topic: 'gone', blocks: [blockOf(['b'])] },
  ]
  const commit = { ...commitOf(1, { state: entry(Buffer.from('x')) }), appends }
  await assert.rejects(data.state.commit(commit), { code: 'topic.unknown' })
  assert.equal(data.state.restore('shop/0/0'), undefined)
  assert.equal(data.log.read('r', 0, 0), undefined)
  assert.deepEqual(data.state.prepared(), [])
  await data.state.commit({ ...commit, appends: appends.slice(0, 1) })
  assert.equal(data.log.read('r', 0, 0)?.count, 1)
})

test('manifests are prepared, then applied, then gone, by application', async () => {
  using directory = temporaryDirectory()
  await using data = openData(directory.path, OPTIONS)
  const { state } = data
  for (const [epoch, application] of [
    [9, 'shop'],
    [10, 'bank'],
    [11, 'shop'],
  ] as const) {
    const manifest = manifestOf(epoch, { application })
    await state.commit({ manifest, tasks: [], appends: [] })
  }
  const epochs = (list: readonly { epoch: number }[]) => list.map(({ epoch }) => epoch)
  assert.deepEqual(epochs(state.prepared('shop')), [9, 11])
  await state.markApplied(9)
  await state.markApplied(9)
  assert.deepEqual([epochs(state.prepared()), epochs(state.applied())], [[10, 11], [9]])
  await state.trim(9)
  assert.deepEqual(state.applied(), [])
  await assert.rejects(state.trim(10), { name: 'InvariantError' })
  await assert.rejects(state.markApplied(12), { name: 'InvariantError' })
})
