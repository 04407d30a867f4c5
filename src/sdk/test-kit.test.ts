import assert from 'node:assert/strict'
import { test } from 'node:test'
import { count, defineApp, jsonLines, last, minutes, seconds, source, t, table } from './index.ts'
import { decode, openKit } from './test-kit.ts'

const clicks = source('clicks', {
  format: jsonLines({
    columns: { user: t.string(), page: t.string().nullable(), at: t.timestamp() },
  }),
  at: 'at',
  key: 'user',
  disorder: seconds(1),
  lateness: seconds(10),
})
const app = defineApp({
  name: 'kit',
  pipelines: [
    clicks
      .session({ by: 'user', gap: minutes(1) })
      .aggregate(r => ({ clicks: count(), last_page: last(r.page) }))
      .into(table('visits', { key: ['user', 'session_start'] })),
  ],
})
const SECOND = 1_000_000

test('rows go in by hand, and what the table is told comes out', async () => {
  const kit = openKit(app)
  await kit.send('clicks', { user: 'ann', page: '/', at: 0 })
  const [first] = await kit.changes('visits')
  assert.equal(first?.weight, 1)
  assert.equal(first?.settled, false)
  await kit.send('clicks', { user: 'ann', page: '/cart', at: 30 * SECOND })
  const changes = await kit.changes('visits')
  assert.deepEqual(
    changes.map(({ row }) => row['clicks']),
    [2n],
  )
  assert.deepEqual(await kit.changes('visits'), [])
})

test('a watermark settles what it has passed', async () => {
  const kit = openKit(app)
  await kit.send('clicks', { user: 'ann', page: null, at: 0 })
  await kit.watermark('clicks', 71 * SECOND)
  assert.deepEqual(
    (await kit.changes('visits')).map(({ settled }) => settled),
    [false, true],
  )
})

test('a row behind the frontier is kept apart', async () => {
  const kit = openKit(app)
  await kit.watermark('clicks', 1000 * SECOND)
  await kit.send('clicks', { user: 'ann', page: '/', at: 0 })
  await kit.end()
  assert.deepEqual(await kit.rows('visits'), [])
  const rejected = await kit.rows('rejected_records')
  assert.deepEqual(
    rejected.map(({ reason }) => reason),
    ['event.too_late'],
  )
})

test('a record of the source itself is decoded, or says why not', () => {
  const at = '2026-01-01T00:00:00Z'
  const row = decode(app, 'clicks', JSON.stringify({ user: 'ann', at }))
  assert.deepEqual(row, { user: 'ann', page: null, at: Date.UTC(2026, 0, 1) * 1000 })
  const reject = decode(app, 'clicks', '{"user":1}')
  assert.ok('reason' in reject)
})

test('an unknown name says which there are', async () => {
  const kit = openKit(app)
  await assert.rejects(kit.rows('visit'), /no table "visit"/)
  await assert.rejects(kit.send('click', {}), /no source "click"/)
})
