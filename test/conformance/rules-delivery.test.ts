import assert from 'node:assert/strict'
import fs, { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { count, defineApp, jsonLines, minutes, seconds, source, t, table } from 'millrace'
import { openKit } from 'millrace/test'
import { manualClock, silentLogger, systemClock } from '#base'
import { createSink, type SinkOptions } from '#clickhouse'
import { appendRow, Batch } from '#columns'
import { crc32c, NativeBlock, tableLayout } from '#format'
import { type DataDirectory, openData, openMemory, Spool } from '#local'
import type { SourceSpec, TableSpec } from '#plan'
import type { Manifest, Unit } from '#ports'
import { openApplier } from '../../src/cli/epoch-applier.ts'
import type { CrashPlace } from '../../src/cli/parity/memory-run.ts'
import { openPlatform, type Platform } from '../../src/cli/platform.ts'
import { RecordStage } from '../../src/feed/record-stage.ts'
import { TopicAppender } from '../../src/feed/topic-appender.ts'
import { type Item, runCrafted, SECOND } from './crafted-run.ts'
import { MemoryStore } from './memory-store.ts'

const events = source('events', {
  format: jsonLines({
    columns: { user: t.string(), at: t.timestamp({ format: 'unix_us' }) },
  }),
  at: 'at',
  key: 'user',
  disorder: seconds(10),
  lateness: seconds(100),
  partitions: 2,
})
const visits = table('visits')
const app = defineApp({
  name: 'delivery',
  pipelines: [
    events.into(visits),
    events
      .session({ by: 'user', gap: minutes(1) })
      .aggregate(() => ({ rows: count() }))
      .into(table('sessions', { key: ['user', 'session_start'] })),
  ],
})
const row = (user: string, atSeconds: number) => ({ user, at: atSeconds * SECOND })

/** Records of one user each partition, every fifth of them broken. */
function records(partition: number): Item[] {
  return Array.from({ length: 20 }, (_, j) =>
    j % 5 === 4 ? `broken ${partition} ${j}` : { fields: row(partition === 0 ? 'a' : 'd', j) },
  )
}

/** A run that crashes at these places, about every second time. */
async function runCrashing(...crashPlaces: CrashPlace[]) {
  const { run, rows, rejected } = await runCrafted(
    app,
    { events: [records(0), records(1)] },
    { batchRows: 2, epochRows: 4, parallelism: [1, 2], crashEvery: 2, crashPlaces },
  )
  assert.ok(run.crashes > 2, `${run.crashes} crashes`)
  return { rows, rejected }
}

function everythingOnce({ rows, rejected }: Awaited<ReturnType<typeof runCrashing>>): void {
  assert.deepEqual(
    rows('visits')
      .map(({ user, at }) => `${user} ${at}`)
      .sort(),
    [0, 1]
      .flatMap(p => records(p).flatMap(item => (typeof item === 'string' ? [] : [item])))
      .map(item => ('fields' in item ? `${item.fields['user']} ${item.fields['at']}` : ''))
      .sort(),
  )
  assert.deepEqual(
    rows('sessions').map(entry => entry['rows']),
    [16n, 16n],
  )
  assert.deepEqual(
    rejected.map(({ value }) => Buffer.from(value as Uint8Array).toString()).sort(),
    [0, 1].flatMap(p => records(p).filter(item => typeof item === 'string')).sort(),
  )
}

test('D1 reading goes on at the record behind the last one that was committed', async () => {
  const kit = openKit(app)
  for (let j = 0; j < 4; j++) {
    await kit.send('events', row('a', j))
    assert.deepEqual(
      (await kit.rows('visits')).map(({ at }) => at),
      Array.from({ length: j + 1 }, (_, i) => i * SECOND),
    )
  }
})

test('D2 a crash before the commit loses no output and no state', async () => {
  everythingOnce(await runCrashing('C3', 'C4.spooled'))
})

test('D5 a crash behind the commit leaves an epoch that the next start applies', async () => {
  everythingOnce(await runCrashing('C5.committed', 'C6.before'))
})

test('D10 dead letters come once, with their own bytes, through crashes', async () => {
  everythingOnce(await runCrashing('C3', 'C5.committed', 'C9', 'recovery'))
})

const VISITS: TableSpec = {
  name: 'visits',
  schema: [{ name: 'n', type: { kind: 'int64' } }],
  key: [],
  orderBy: [],
  partitionBy: null,
  approximate: [],
}

/** One unit of `rows` rows at offsets from `first`, and its bytes. */
function unitOf(epoch: number, rows: number, first = 0): { unit: Unit; bytes: Uint8Array } {
  const block = new NativeBlock(tableLayout(VISITS))
  const batch = new Batch(VISITS.schema, rows)
  for (let j = 0; j < rows; j++) {
    appendRow(batch, { n: BigInt(first + j) }, { at: 0, offset: first + j })
  }
  block.append(batch, batch.selection, batch.selected, { epoch })
  const { positionHash, ranges } = block
  const bytes = block.flush().slice()
  const sizes = { rows, at: 0, bytes: bytes.length, crc32c: crc32c(bytes), positionHash, ranges }
  return { unit: { id: `visits:${epoch}:0`, table: 'visits', upsert: false, ...sizes }, bytes }
}

function manifestOf(epoch: number, unit: Unit): Manifest {
  return {
    application: 'delivery',
    planHash: 'plan',
    codeVersion: 'code',
    epoch,
    worker: 0,
    tasks: [],
    spool: `epoch-${epoch}.native`,
    units: [unit],
  }
}

function sinkOf(store: MemoryStore, bytes: Uint8Array, changes: Partial<SinkOptions> = {}) {
  return createSink({
    client: store.client(),
    admin: store.client(),
    tables: [VISITS],
    readUnit: async () => bytes,
    whenUp: async () => undefined,
    syncDirectory: async () => undefined,
    clock: systemClock,
    log: silentLogger,
    ...changes,
  })
}

test('D3 an insert whose answer was lost is read back and not repeated', async () => {
  const store = new MemoryStore()
  const { unit, bytes } = unitOf(1, 5)
  store.faults.push('answer lost')
  await sinkOf(store, bytes).apply(manifestOf(1, unit), { attempted: false })
  assert.equal(store.inserts, 1)
  assert.equal(store.rows('visits').length, 5)
})

test('D3 the start reads back what an earlier run may have inserted', async () => {
  const store = new MemoryStore()
  const { unit, bytes } = unitOf(1, 5)
  await sinkOf(store, bytes).apply(manifestOf(1, unit), { attempted: false })
  const { missing } = await sinkOf(store, bytes).audit([manifestOf(1, unit)])
  assert.deepEqual(missing, [])
  await sinkOf(store, bytes).apply(manifestOf(1, unit), { attempted: true })
  assert.equal(store.inserts, 1)
})

test('D3 a unit that was acknowledged and is not there is sent again', async () => {
  const store = new MemoryStore()
  const { unit, bytes } = unitOf(1, 5)
  store.faults.push('rows lost')
  await sinkOf(store, bytes).apply(manifestOf(1, unit), { attempted: false })
  assert.equal(store.rows('visits').length, 5)
  const audited = new MemoryStore()
  const { missing } = await sinkOf(audited, bytes).audit([manifestOf(1, unit)])
  assert.deepEqual(missing, [unit.id])
  assert.equal(audited.rows('visits').length, 5)
})

test('D4 only the bytes that were committed are sent, never others in their place', async () => {
  const store = new MemoryStore()
  const { unit } = unitOf(1, 5)
  const other = unitOf(1, 5, 1).bytes
  await assert.rejects(sinkOf(store, other).apply(manifestOf(1, unit), { attempted: false }), {
    code: 'spool.corrupt',
  })
  assert.equal(store.inserts, 0)
})

test('D7 rows of the right number that are not those of the unit are found', async () => {
  const store = new MemoryStore()
  const right = unitOf(1, 5)
  const wrong = unitOf(1, 5, 1)
  await sinkOf(store, wrong.bytes).apply(manifestOf(1, wrong.unit), { attempted: false })
  await assert.rejects(
    sinkOf(store, right.bytes).apply(manifestOf(1, right.unit), { attempted: true }),
    { code: 'store.coverage' },
  )
})

/** A data directory with one prepared epoch, and the parts of a platform that an applier uses. */
async function prepared(
  store: MemoryStore,
  use: (data: DataDirectory, platform: Platform, manifest: Manifest) => Promise<void>,
) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-delivery-'))
  try {
    await using data = openData(directory, { clock: systemClock, diskReserveBytes: 0 })
    const epoch = data.state.reserveEpoch()
    const { unit, bytes } = unitOf(epoch, 5)
    const manifest = manifestOf(epoch, unit)
    const options = {
      clock: systemClock,
      logger: silentLogger,
      metrics: { add: () => undefined, observe: () => undefined },
    }
    const platform = {
      options,
      data,
      store: async () => ({ client: () => store.client(), whenUp: async () => undefined }),
    } as unknown as Platform
    data.spool.write(epoch, [bytes])
    await data.state.commit({ manifest, tasks: [], appends: [] })
    await use(data, platform, manifest)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const APPLIER = {
  application: { ...app, name: 'delivery', tables: [VISITS] },
  destructive: false,
  keep: false,
  onMigration: () => undefined,
  at: () => undefined,
  signal: new AbortController().signal,
}

test('D6 an epoch is marked and its spool let go only once its rows were seen', async () => {
  const store = new MemoryStore()
  store.faults.push('rows lost', 'rows lost', 'rows lost')
  await prepared(store, async (data, platform, manifest) => {
    // An earlier epoch's audit would apply it; here the run itself does.
    await assert.rejects(openApplier(platform, APPLIER), { code: 'store.coverage' })
    assert.equal(data.state.prepared().length, 1)
    assert.ok(existsSync(join(data.spool.path, manifest.spool ?? '')))
    const applier = await openApplier(platform, APPLIER)
    assert.equal(store.rows('visits').length, 5)
    assert.equal(data.state.prepared().length, 0)
    await applier.trim()
    assert.deepEqual(data.spool.names(), [])
  })
})

test('D6 an epoch of this run is marked only once its rows were seen', async () => {
  const store = new MemoryStore()
  await prepared(store, async (data, platform) => {
    const applier = await openApplier(platform, APPLIER)
    const epoch = data.state.reserveEpoch()
    const { unit, bytes } = unitOf(epoch, 3)
    const manifest = manifestOf(epoch, unit)
    data.spool.write(epoch, [bytes])
    await data.state.commit({ manifest, tasks: [], appends: [] })
    store.faults.push('rows lost', 'rows lost', 'rows lost')
    await assert.rejects(applier.apply(manifest), { code: 'store.coverage' })
    assert.deepEqual(
      data.state.prepared().map(entry => entry.epoch),
      [epoch],
    )
    await applier.trim()
    assert.deepEqual(data.spool.names(), [manifest.spool])
    await assert.rejects(data.state.trim(epoch), /applied before it is trimmed/)
  })
})

test('D6 a start removes spool files that no commit names, and no other', async () => {
  await prepared(new MemoryStore(), async (data, { options }, manifest) => {
    data.spool.write(99, [new Uint8Array(8)])
    await data.close()
    const platform = openPlatform(data.path, {
      ...options,
      data: '.',
      storeMemoryBytes: 0,
      diskReserveBytes: 0,
    })
    assert.deepEqual(platform.data.spool.names(), [manifest.spool])
    await platform.data.close()
  })
})

test('D9 what is fed is acknowledged once the log has flushed it, with its progress', async () => {
  const clock = manualClock(4e15)
  const { log, disk } = openMemory({ clock, held: true })
  const ensured = log.ensureTopic({
    name: 'events',
    partitions: 2,
    source: null,
    logBytesMax: null,
  })
  disk.flush()
  await ensured
  const spec = app.sources[0] as SourceSpec
  const appender = new TopicAppender({ log, source: spec, clock, generated: true }, 16)
  appender.begin({ headers: {}, key: 'events/day/hash', before: undefined })
  const stage = new RecordStage(16)
  const line = Buffer.from(JSON.stringify(row('a', 0)))
  stage.add(line, 0, line.length, 1)
  await appender.add(stage)
  let acknowledged = false
  const finished = appender.finish(true).then(() => {
    acknowledged = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(acknowledged, false, 'nothing is acknowledged before the flush')
  assert.equal(disk.waiting, 1, 'records and progress are one write')
  disk.flush()
  await finished
  assert.equal(log.topic('events').extents[0]?.end, 1)
  assert.match(log.progress('events/day/hash') ?? '', /"line":1,"complete":true/)
})

test('D9 a unit is on disk, and its name in its directory, before a commit can name it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-delivery-'))
  const { openSync, fsyncSync } = fs
  const paths = new Map<number, string>()
  const synced: string[] = []
  fs.openSync = (...given) => {
    const file = openSync(...given)
    paths.set(file, String(given[0]))
    return file
  }
  fs.fsyncSync = file => {
    synced.push(paths.get(file) ?? '')
    fsyncSync(file)
  }
  syncBuiltinESMExports()
  try {
    const { name } = new Spool(directory).write(1, [new Uint8Array(8)])
    assert.deepEqual(synced, [join(directory, name), directory])
  } finally {
    Object.assign(fs, { openSync, fsyncSync })
    syncBuiltinESMExports()
    rmSync(directory, { recursive: true, force: true })
  }
})

test('D12 a restart applies all changes of state in the order in which they were made', async () => {
  const kit = openKit(app)
  for (let j = 0; j < 5; j++) {
    await kit.send('events', row('a', j * 10))
    assert.deepEqual(
      (await kit.rows('sessions')).map(entry => entry['rows']),
      [BigInt(j + 1)],
    )
  }
})

test('D13 every commit has an epoch of its own, through restarts', async () => {
  const store = new MemoryStore()
  await prepared(store, async (data, _platform, { epoch }) => {
    assert.equal(data.state.reserveEpoch(), epoch + 1)
    assert.equal(data.state.reserveEpoch(), epoch + 2)
    await data.close()
    await using again = openData(data.path, { clock: systemClock, diskReserveBytes: 0 })
    assert.equal(again.state.reserveEpoch(), epoch + 3)
  })
})
