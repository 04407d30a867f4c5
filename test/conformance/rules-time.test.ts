import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  count,
  defineApp,
  first,
  jsonLines,
  last,
  minutes,
  seconds,
  source,
  sum,
  t,
  table,
} from 'millrace'
import { decode, openKit } from 'millrace/test'
import { manualClock } from '#base'
import type { Batch } from '#columns'
import { compileCodec, murmur2 } from '#format'
import { openMemory } from '#local'
import { type Application, type Emit, planHash, type SourceSpec } from '#plan'
import { END_OF_TIME_US, type Log, type LogBlock } from '#ports'
import { RecordStage } from '../../src/feed/record-stage.ts'
import { TopicAppender } from '../../src/feed/topic-appender.ts'
import { SourceDecoder, SourceInput } from '../../src/runtime/read/source-input.ts'
import { APPENDED_AT, type Item, runCrafted, SECOND } from './crafted-run.ts'

const columns = {
  user: t.string(),
  shop: t.string().nullable(),
  n: t.int64().nullable(),
  at: t.timestamp({ format: 'unix_us' }),
}
const EVENTS = {
  format: jsonLines({ columns }),
  at: 'at',
  key: 'user',
  disorder: seconds(10),
  lateness: seconds(100),
  partitions: 2,
} as const
const events = source('events', EVENTS)
const others = source('others', { ...EVENTS, lateness: seconds(50) })

const plain = defineApp({ name: 'plain', pipelines: [events.into(table('rows'))] })

const tumbled = (emit: Emit) =>
  defineApp({
    name: 'tumbled',
    pipelines: [
      events
        .tumble({ by: 'user', size: minutes(1) })
        .aggregate(r => ({ rows: count(), total: sum(r.n) }))
        .into(table('totals', { key: ['user', 'window_start'] }), { emit }),
    ],
  })

const row = (user: string, atSeconds: number, n: number | null = 1, shop: string | null = null) =>
  ({ user, shop, n, at: atSeconds * SECOND }) as const
const item = (...args: Parameters<typeof row>): Item => ({ fields: row(...args) })
/** A row for the test kit. */
const kitRow = (...args: Parameters<typeof row>) => {
  const { n, ...rest } = row(...args)
  return { ...rest, n: n === null ? null : BigInt(n) }
}

/** The offsets that an input reads of blocks `[base, times…]`. */
function offsetsRead(blocks: readonly LogBlock[]): number[] {
  const spec = plain.sources[0] as SourceSpec
  const read = (_topic: string, _partition: number, offset: number): LogBlock | undefined =>
    blocks.find(block => block.baseOffset + block.count > offset)
  const offsets: number[] = []
  const input = new SourceInput({
    log: { read } as unknown as Log,
    operator: 0,
    source: spec,
    ordinal: 0,
    partition: 0,
    decoder: new SourceDecoder(spec, compileCodec(spec, { generated: true })),
    planHash: '',
    out: {
      push(batch: Batch) {
        for (let k = 0; k < batch.selected; k++) {
          offsets.push(batch.offset[batch.selection[k] as number] as number)
        }
      },
    },
    position: undefined,
    report: undefined,
  })
  while (input.read(1024) === 'read');
  return offsets
}

function blockAt(baseOffset: number, count: number): LogBlock {
  const record = Buffer.from(JSON.stringify(row('a', 0)))
  return {
    topic: 'events',
    partition: 0,
    baseOffset,
    count,
    appendedAt: APPENDED_AT,
    kind: 'data',
    markAt: 0,
    values: Buffer.concat([...Array.from({ length: count }, () => record), Buffer.alloc(64)]),
    ends: Uint32Array.from({ length: count }, (_, j) => record.length * (j + 1)),
    headers: {},
    lines: null,
  }
}

test('P1 a reader goes on behind a gap of offsets, and rows keep the offsets of the log', () => {
  assert.deepEqual(offsetsRead([blockAt(0, 2), blockAt(10, 2), blockAt(15, 1)]), [0, 1, 10, 11, 15])
})

test('P3 a table has the epoch that wrote a row, and a later epoch takes its place', async () => {
  const kit = openKit(tumbled('update'))
  await kit.send('events', kitRow('a', 0))
  assert.deepEqual(
    (await kit.rows('totals')).map(entry => entry['rows']),
    [1n],
  )
  const twoEpochs = await runCrafted(
    tumbled('update'),
    { events: [[item('a', 0), item('a', 1), item('a', 2)], []] },
    { epochRows: 1, batchRows: 1 },
  )
  assert.deepEqual(
    twoEpochs.rows('totals').map(entry => entry['rows']),
    [3n],
  )
})

test('P4 of rows of equal time the one of the smaller partition is first, whatever its offset', async () => {
  const application = defineApp({
    name: 'order',
    pipelines: [
      events
        .tumble({ by: 'shop', size: minutes(1) })
        .aggregate(r => ({ first: first(r.user), last: last(r.user) }))
        .into(table('shops', { key: ['shop', 'window_start'] })),
    ],
  })
  const fill = (user: string, times: number) => Array.from({ length: times }, () => item(user, 0))
  const { rows } = await runCrafted(application, {
    events: [
      [...fill('x', 5), item('zero', 0, 1, 's')],
      [item('one', 0, 1, 's'), ...fill('y', 2)],
    ],
  })
  assert.deepEqual(
    rows('shops').find(entry => entry['shop'] === 's'),
    { shop: 's', window_start: 0, window_end: 60 * SECOND, first: 'zero', last: 'one' },
  )
})

test('P5 rows of equal time are ordered by the tie columns before their position', async () => {
  const tied = source('tied', { ...EVENTS, ties: ['shop'] })
  const application = defineApp({
    name: 'ties',
    pipelines: [
      tied
        .tumble({ by: 'user', size: minutes(1) })
        .aggregate(r => ({ first: first(r.n), last: last(r.n) }))
        .into(table('users', { key: ['user', 'window_start'] })),
    ],
  })
  const { rows } = await runCrafted(application, {
    tied: [[item('a', 0, 2, 'm'), item('a', 0, 3, 'z'), item('a', 0, 1, 'b')], []],
  })
  assert.deepEqual([rows('users')[0]?.['first'], rows('users')[0]?.['last']], [1n, 3n])
})

test('P5 rows that an aggregate makes are ordered by their key columns', async () => {
  const application = defineApp({
    name: 'keyed',
    pipelines: [
      events
        .tumble({ by: ['user', 'shop'], size: minutes(1) })
        .aggregate(() => ({ rows: count() }))
        .tumble({ by: 'user', size: minutes(5), bounds: ['from', 'to'] })
        .aggregate(r => ({ first: first(r.shop), last: last(r.shop) }))
        .into(table('users', { key: ['user', 'from'] })),
    ],
  })
  const { rows } = await runCrafted(application, {
    events: [[item('a', 1, 1, 'm'), item('a', 2, 1, 'z'), item('a', 3, 1, 'b')], []],
  })
  assert.deepEqual([rows('users')[0]?.['first'], rows('users')[0]?.['last']], ['b', 'z'])
})

test('P6 records without a key are placed by their bytes, those with one by the key', async () => {
  const placed = async (key: 'user' | undefined, texts: readonly string[]) => {
    const { key: _, ...keyless } = EVENTS
    const made = source('events', key === undefined ? keyless : { ...keyless, key })
    const [spec] = defineApp({ name: 'placed', pipelines: [made.into(table('rows'))] }).sources
    const clock = manualClock(APPENDED_AT)
    const { log } = openMemory({ clock })
    await log.ensureTopic({ name: 'events', partitions: 2, source: null, logBytesMax: null })
    const appender = new TopicAppender(
      { log, source: spec as SourceSpec, clock, generated: true },
      64,
    )
    appender.begin({ headers: {}, key: undefined, before: undefined })
    const stage = new RecordStage(64)
    texts
      .map(text => Buffer.from(text))
      .forEach((text, j) => {
        stage.add(text, 0, text.length, j + 1)
      })
    await appender.add(stage)
    await appender.finish(true)
    return log.topic('events').extents.map(({ end }) => end)
  }
  const one = Array.from({ length: 20 }, (_, j) => JSON.stringify(row('d', j)))
  const expected = [0, 0]
  for (const text of one) {
    const place = (murmur2(Buffer.from(text)) & 0x7fffffff) % 2
    expected[place] = (expected[place] ?? 0) + 1
  }
  assert.ok(expected.every(count => count > 0))
  assert.deepEqual(await placed(undefined, one), expected)
  assert.deepEqual(await placed('user', one), [0, 20])
})

test('T1 event time is µs since 1970, before it too', async () => {
  const iso = source('events', {
    ...EVENTS,
    format: jsonLines({ columns: { ...columns, at: t.timestamp() } }),
  })
  const application = defineApp({ name: 'iso', pipelines: [iso.into(table('rows'))] })
  const times: readonly (readonly [text: string, at: number])[] = [
    ['1970-01-01T00:00:00.000001Z', 1],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['1969-12-31T23:59:58+00:01', -62 * SECOND],
  ]
  for (const [text, at] of times) {
    const record = JSON.stringify({ ...row('a', 0), at: text })
    // The slow path, then shapes that were learned from records before.
    const decoded = decode(application, 'events', record)
    assert.equal('reason' in decoded ? decoded.reason : decoded['at'], at)
    for (const generated of [true, false]) {
      const given = { events: [Array.from({ length: 8 }, () => record), []] }
      const { rows } = await runCrafted(application, given, { generated })
      assert.deepEqual(new Set(rows('rows').map(one => one['at'])), new Set([at]))
    }
  }
})

test('T2 a window stays open as long as the log says nothing later, however long ago it was', async () => {
  const kit = openKit(tumbled('update'))
  await kit.send('events', kitRow('a', 0))
  const changes = await kit.changes('totals')
  assert.deepEqual(
    changes.map(({ settled }) => settled),
    [false],
  )
})

test('T3 a record further ahead than its own arrival allows is a dead letter, others are none', async () => {
  const ahead = (afterUs: number): Item => ({
    record: { ...row('a', 0), at: 1_000 * SECOND + afterUs },
    appendedAt: 1_000 * SECOND,
  })
  const { rows, rejected } = await runCrafted(plain, {
    events: [[ahead(300 * SECOND), ahead(300 * SECOND + 1)], []],
  })
  assert.deepEqual(
    rejected.map(({ offset, reason }) => [offset, reason]),
    [[1n, 'event.future']],
  )
  assert.equal(rows('rows').length, 1)
})

test('W1 a restart keeps how far the time of a partition had come', async () => {
  const kit = openKit(plain)
  await kit.send('events', kitRow('a', 1_000))
  assert.equal((await kit.rows('rows')).length, 1)
  await kit.send('events', kitRow('a', 0))
  assert.deepEqual(
    (await kit.rows('rejected_records')).map(({ reason }) => reason),
    ['event.too_late'],
  )
})

test('W1 batches of any size give the same verdicts', async () => {
  const given = { events: [[item('a', 0), item('a', 500), item('a', 385), item('a', 395)], []] }
  for (const batchRows of [1, 2, 1024]) {
    const { rejected } = await runCrafted(plain, given, { batchRows })
    assert.deepEqual(
      rejected.map(({ offset }) => offset),
      [2n],
      `${batchRows}`,
    )
  }
})

test('W4 a dead letter does not move the watermark', async () => {
  const future: Item = {
    record: { ...row('a', 0), at: 10_000 * SECOND },
    appendedAt: 1_000 * SECOND,
  }
  const { rows, rejected } = await runCrafted(plain, { events: [[future, item('a', 0)], []] })
  assert.deepEqual(
    rejected.map(({ reason }) => reason),
    ['event.future'],
  )
  assert.equal(rows('rows').length, 1)
})

test('W5 a mark counts as an event time', async () => {
  const kit = openKit(tumbled('settled'))
  await kit.send('events', kitRow('a', 0))
  await kit.watermark('events', 169 * SECOND)
  assert.deepEqual(await kit.changes('totals'), [])
  await kit.watermark('events', 170 * SECOND)
  assert.equal((await kit.changes('totals')).length, 1)
})

test('W5 nothing is appended behind the end mark', async () => {
  const kit = openKit(plain)
  await kit.watermark('events', END_OF_TIME_US)
  await assert.rejects(kit.send('events', kitRow('a', 0)), { code: 'log.ended' })
})

test('W6 a bounded run publishes as if the log ended, and the next one goes on from before', async () => {
  const sessions = defineApp({
    name: 'sessions',
    pipelines: [
      events
        .session({ by: 'user', gap: minutes(1) })
        .aggregate(() => ({ rows: count() }))
        .into(table('visits', { key: ['user', 'session_start'] })),
    ],
  })
  const seen: number[] = []
  const { rows } = await runCrafted(
    sessions,
    { events: [[item('a', 0), item('a', 30)], []] },
    { rounds: 2, onRound: ({ tables }) => void seen.push(tables()[0]?.rows ?? 0) },
  )
  assert.deepEqual(seen, [1, 1])
  assert.deepEqual(rows('visits'), [
    { user: 'a', session_start: 0, session_end: 30 * SECOND, rows: 2n },
  ])
})

test('W7 behind a re-key the slowest task decides what has passed', async () => {
  const application = defineApp({
    name: 'slowest',
    pipelines: [
      events
        .tumble({ by: 'shop', size: minutes(1) })
        .aggregate(() => ({ rows: count() }))
        .into(table('shops', { key: ['shop', 'window_start'] }), { emit: 'settled' }),
    ],
  })
  const kit = openKit(application)
  // "a" and "d" are placed in different partitions, which have tasks of their own.
  await kit.send('events', kitRow('a', 0, 1, 's'))
  await kit.send('events', kitRow('d', 1, 1, 's'))
  await kit.send('events', kitRow('d', 5_000, 1, 's'))
  assert.deepEqual(await kit.changes('shops'), [])
  await kit.send('events', kitRow('a', 5_000, 1, 's'))
  assert.equal((await kit.changes('shops')).length, 1)
})

test('W7 of two sources the slower one decides what has passed', async () => {
  const application = defineApp({
    name: 'two',
    pipelines: [
      events
        .union(others)
        .tumble({ by: 'user', size: minutes(1) })
        .aggregate(() => ({ rows: count() }))
        .into(table('users', { key: ['user', 'window_start'] }), { emit: 'settled' }),
    ],
  })
  const kit = openKit(application)
  await kit.send('events', kitRow('a', 0))
  await kit.watermark('others', 5_000 * SECOND)
  assert.deepEqual(await kit.changes('users'), [])
  await kit.watermark('events', 5_000 * SECOND)
  assert.equal((await kit.changes('users')).length, 1)
})

test('W7 of a dimension that is read whole the slowest partition decides', async () => {
  const shops = source('shops', {
    format: jsonLines({
      columns: { shop: t.string(), town: t.string(), at: t.timestamp({ format: 'unix_us' }) },
    }),
    at: 'at',
    key: 'shop',
    partitions: 2,
  })
  const application = defineApp({
    name: 'dimension',
    pipelines: [
      events
        .lookup(shops, { key: { shop: 'shop' }, take: { town: 'town' } })
        .into(table('rows', { key: ['user', 'at'] }), { emit: 'settled' }),
    ],
  })
  const kit = openKit(application)
  // "a" and "d" are shops of different partitions.
  for (const shop of ['a', 'd']) {
    await kit.send('shops', { shop, town: 'early', at: 0 })
    await kit.send('events', kitRow('x', shop === 'a' ? 1 : 2, 1, shop))
  }
  await kit.send('shops', { shop: 'a', town: 'late', at: 9_000 * SECOND })
  await kit.watermark('events', 9_000 * SECOND)
  assert.deepEqual(await kit.changes('rows'), [])
  await kit.send('shops', { shop: 'd', town: 'late', at: 9_000 * SECOND })
  assert.deepEqual(
    (await kit.changes('rows')).map(({ row }) => row['town']),
    ['early', 'early'],
  )
})

test('W11 update, closed and settled settle the same rows at the same time', async () => {
  for (const emit of ['update', 'closed', 'settled'] as const) {
    const kit = openKit(tumbled(emit))
    await kit.send('events', kitRow('a', 0))
    await kit.watermark('events', 71 * SECOND)
    await kit.changes('totals')
    await kit.send('events', kitRow('a', 1))
    await kit.changes('totals')
    await kit.watermark('events', 171 * SECOND)
    assert.deepEqual(
      (await kit.changes('totals')).filter(({ settled }) => settled).map(({ row }) => row),
      [{ user: 'a', window_start: 0, window_end: 60 * SECOND, rows: 2n, total: 2n }],
      emit,
    )
  }
})

test('W12 a record that is too late is kept with its bytes, its position and the reason', async () => {
  const late = JSON.stringify(row('a', 0))
  const { rejected, rows } = await runCrafted(plain, {
    events: [[], [item('a', 1_000), item('a', 1_001), late]],
  })
  assert.equal(rows('rows').length, 2)
  assert.equal(rejected.length, 1)
  const [kept] = rejected
  assert.equal(Buffer.from(kept?.['value'] as Uint8Array).toString(), late)
  assert.deepEqual(
    [kept?.['topic'], kept?.['partition'], kept?.['offset'], kept?.['reason'], kept?.['at']],
    ['events', 1, 2n, 'event.too_late', 0],
  )
})

test('V1 the hash of a plan is of all that it means, in whatever order it is written', () => {
  const app = plain as Application
  const { name, version, ...rest } = app
  assert.equal(planHash({ ...rest, version, name }), planHash(app))
  assert.notEqual(planHash({ ...app, version: '2' }), planHash(app))
  const [spec] = app.sources
  const later = { ...(spec as SourceSpec), latenessUs: 1 }
  assert.notEqual(planHash({ ...app, sources: [later] }), planHash(app))
})
