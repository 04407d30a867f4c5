import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '#base'
import { applyMigrations, planMigrations, tableRows } from '#clickhouse'
import { canonicalOfRows, canonicalTable } from '#format'
import type { Column, TableSpec } from '#plan'
import {
  createTables,
  sinkInto,
  storeSkip as skip,
  someRows,
  spoolEpoch,
  type TemporaryStore,
  temporaryStore,
  totals,
  visits,
} from './store-fixture.ts'

let at: TemporaryStore
before(async () => {
  if (skip === false) at = await temporaryStore()
})
after(async () => {
  if (skip === false) await at[Symbol.asyncDispose]()
})

const everyType: readonly Column[] = [
  { name: 'id', type: { kind: 'uuid' } },
  { name: 'flag', type: { kind: 'bool', nullable: true } },
  { name: 'small', type: { kind: 'int32' } },
  { name: 'wide', type: { kind: 'int64', nullable: true } },
  { name: 'ratio', type: { kind: 'float64' } },
  { name: 'price', type: { kind: 'decimal', precision: 18, scale: 4 } },
  { name: 'huge', type: { kind: 'decimal', precision: 38, scale: 2, nullable: true } },
  { name: 'name', type: { kind: 'string' } },
  { name: 'state', type: { kind: 'enum', values: ['new', "it's", 'a\\b'] } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'day', type: { kind: 'date' } },
  { name: 'ip', type: { kind: 'ipv4' } },
  { name: 'doc', type: { kind: 'json' } },
  { name: 'blob', type: { kind: 'bytes' } },
  { name: 'tags', type: { kind: 'array', of: { kind: 'string', nullable: true } } },
]

test('a table of every type is planned once and then stays as it is', { skip }, async () => {
  const spec: TableSpec = {
    ...visits('every_type'),
    schema: everyType,
    key: ['id', 'wide'],
    partitionBy: { column: 'at', unit: 'month' },
  }
  const plain: TableSpec = { ...spec, name: 'every_append', key: [], orderBy: ['at', 'id'] }
  const specs = [spec, plain]
  const admin = at.store.client('admin')
  assert.deepEqual(
    (await planMigrations(admin, specs)).changes.map(change => change.description),
    ['create', 'create'],
  )
  await createTables(at.store, specs)
  assert.deepEqual((await planMigrations(admin, specs)).changes, [])
})

test('what only adds is applied; what loses rows needs the flag and is named', {
  skip,
}, async () => {
  const admin = at.store.client('admin')
  const first: TableSpec = {
    ...visits('grows'),
    schema: [
      { name: 'user', type: { kind: 'string' } },
      { name: 'n', type: { kind: 'int32' } },
      { name: 'state', type: { kind: 'enum', values: ['a', 'b'] } },
    ],
  }
  await createTables(at.store, [first])
  const wider: TableSpec = {
    ...first,
    schema: [
      { name: 'user', type: { kind: 'string' } },
      { name: 'note', type: { kind: 'string', nullable: true } },
      { name: 'n', type: { kind: 'int64', nullable: true } },
      { name: 'state', type: { kind: 'enum', values: ['a', 'b', 'c'] } },
    ],
  }
  await createTables(at.store, [wider])
  const columns = await admin.rows(
    "SELECT name FROM system.columns WHERE database = 'app' AND table = 'grows' ORDER BY position",
  )
  assert.deepEqual(columns.slice(0, 4).flat(), ['user', 'note', 'n', 'state'])
  assert.deepEqual((await planMigrations(admin, [wider])).changes, [])
  const narrower: TableSpec = { ...wider, schema: wider.schema.slice(0, 3), key: ['user'] }
  const plan = await planMigrations(admin, [narrower])
  await assert.rejects(applyMigrations(admin, plan, { destructive: false, clock: systemClock }), {
    code: 'store.migration',
    message: /"grows": drop and create again.*from MergeTree to ReplacingMergeTree/,
  })
  await applyMigrations(admin, plan, { destructive: true, clock: systemClock })
  assert.deepEqual((await planMigrations(admin, [narrower])).changes, [])
  const history = await admin.rows("SELECT count() FROM app._migrations WHERE table = 'grows'")
  assert.deepEqual(history, [['5']])
})

test('a plain SELECT gives the current rows and the declared columns only', { skip }, async () => {
  const spec = totals('plain_select')
  await createTables(at.store, [spec])
  const sink = sinkInto(at, [spec])
  for (const epoch of [1, 2]) {
    const rows = someRows(3, epoch * 10, BigInt(epoch))
    const deleted = epoch === 2 ? [{ row: { user: 'u0', n: 2n }, offset: 29, deleted: true }] : []
    const last = [...rows.slice(deleted.length), ...deleted]
    await sink.apply(await spoolEpoch(at.directory, epoch, [{ table: spec, rows: last }]), {
      attempted: false,
    })
  }
  const sql = 'SELECT * FROM plain_select ORDER BY user'
  for (const account of ['reader', 'console', 'admin', 'writer'] as const) {
    const rows = await at.store.client(account).rows(sql)
    assert.deepEqual(
      rows,
      [
        ['u1', '2'],
        ['u2', '2'],
      ],
      account,
    )
  }
  const versions = await at.store.client('reader').rows(`${sql}, _e SETTINGS final = 0`)
  assert.equal(versions.length, 6)
})

test('the rows of a table have the canonical hash of the rows that went in', { skip }, async () => {
  const spec = totals('hashed')
  await createTables(at.store, [spec])
  const rows = someRows(10, 0, 5n)
  const manifest = await spoolEpoch(at.directory, 70, [{ table: spec, rows }])
  await sinkInto(at, [spec]).apply(manifest, { attempted: false })
  const parts: Buffer[] = []
  const options = { settledOnly: true }
  for await (const part of tableRows(at.store.client('reader'), spec, options)) parts.push(part)
  const found = canonicalTable(spec, Buffer.concat(parts))
  const wanted = canonicalOfRows(
    spec,
    rows.map(entry => entry.row),
  )
  assert.deepEqual([found.rows, found.sha256], [wanted.rows, wanted.sha256])
})
