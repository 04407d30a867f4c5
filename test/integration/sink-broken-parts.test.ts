import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TableSpec } from '#plan'
import {
  createTables,
  numberOf,
  sinkInto,
  storeSkip as skip,
  someRows,
  spoolEpoch,
  type TemporaryStore,
  temporaryStore,
  visits,
} from './store-fixture.ts'

let at: TemporaryStore
before(async () => {
  if (skip === false) at = await temporaryStore()
})
after(async () => {
  if (skip === false) await at[Symbol.asyncDispose]()
})

/** Three applied epochs of a table, each in a part of its own. */
async function threeEpochs(table: TableSpec) {
  await createTables(at.store, [table])
  await at.store.client('admin').read(`SYSTEM STOP MERGES app.${table.name}`)
  const sink = sinkInto(at, [table])
  const manifests = []
  for (const epoch of [1, 2, 3]) {
    const rows = someRows(epoch * 10, epoch * 100)
    const manifest = await spoolEpoch(at.directory, epoch, [{ table, rows }])
    await sink.apply(manifest, { attempted: false })
    manifests.push(manifest)
  }
  return manifests
}

async function partPath(table: TableSpec, epoch: number): Promise<string> {
  const admin = at.store.client('admin')
  const parts = await admin.rows(`SELECT DISTINCT _part FROM ${table.name} WHERE _e = ${epoch}`)
  const rows = await admin.rows(
    `SELECT path FROM system.parts WHERE active AND database = 'app' AND table = '${table.name}' AND name = '${parts[0]?.[0]}'`,
  )
  return String(rows[0]?.[0])
}

async function restart(): Promise<void> {
  const { pid } = at.store
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  while (at.store.pid === pid) await sleep(2)
  await at.store.whenUp()
}

test('a part whose files were lost is replaced from the spool after a restart', {
  skip,
}, async () => {
  const table = visits('broken')
  const manifests = await threeEpochs(table)
  await truncate(join(await partPath(table, 2), 'data.bin'), 0)
  await restart()
  assert.equal(await numberOf(at.store, 'SELECT count() FROM broken'), 40)
  const report = await sinkInto(at, [table]).audit(manifests)
  assert.deepEqual(report.missing, ['broken-2-0'])
  assert.equal(await numberOf(at.store, 'SELECT uniqExact(_o) FROM broken'), 60)
  assert.equal(await numberOf(at.store, 'SELECT count() FROM broken'), 60)
  assert.deepEqual((await sinkInto(at, [table]).audit(manifests)).missing, [])
})

test('a lost part of an epoch that nobody can make again ends the run', { skip }, async () => {
  const table = visits('lost')
  const manifests = await threeEpochs(table)
  await truncate(join(await partPath(table, 2), 'data.bin'), 0)
  await restart()
  const trimmed = manifests.filter(manifest => manifest.epoch !== 2)
  await assert.rejects(sinkInto(at, [table]).audit(trimmed), {
    code: 'store.coverage',
    message: /set the part aside/,
  })
})

test('damage between the insert and the verification is found by the check of files', {
  skip,
}, async () => {
  const table = visits('damaged')
  await createTables(at.store, [table])
  const manifest = await spoolEpoch(at.directory, 5, [{ table, rows: someRows(1_000) }])
  const sink = sinkInto(at, [table], {
    at: async point => {
      if (point !== 'C8.before') return
      const path = await partPath(table, 5)
      await writeFile(join(path, 'data.bin'), 'x', { flag: 'a' })
    },
  })
  await assert.rejects(sink.apply(manifest, { attempted: false }), {
    code: 'store.coverage',
    message: /damaged/,
  })
})

test('a disk below the reserve is named', { skip }, async () => {
  await using small = await temporaryStore({ diskReserveBytes: 2 ** 60 })
  const table = visits('full')
  await createTables(small.store, []) // No table of ours could be recorded below the reserve.
  const admin = small.store.client('admin')
  await admin.read('CREATE TABLE app.full (user String) ENGINE = MergeTree ORDER BY user')
  await assert.rejects(admin.read(`INSERT INTO app.${table.name} VALUES ('a')`), {
    code: 'disk.full',
  })
})
