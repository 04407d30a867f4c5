import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableRows } from '#clickhouse'
import { canonicalOfRows, canonicalTable } from '#format'
import type { TableSpec } from '#plan'
import {
  createTables,
  sinkInto,
  storeSkip as skip,
  spoolEpoch,
  temporaryStore,
} from './store-fixture.ts'

const DAY_US = 86_400_000_000

const table: TableSpec = {
  name: 'moved',
  schema: [
    { name: 'user', type: { kind: 'string' } },
    { name: 'ends', type: { kind: 'timestamp' } },
  ],
  key: ['user'],
  orderBy: [],
  partitionBy: { column: 'ends', unit: 'day' },
  approximate: [],
}

/**
 * Of one epoch, a key may have a tombstone in the table partition it leaves and a row in the one it
 * goes to: of equal version, which only meet when partitions are read together.
 */
test('a row that moves to another table partition is there once, whichever way it goes', {
  skip,
}, async () => {
  await using at = await temporaryStore()
  await createTables(at.store, [table])
  const sink = sinkInto(at, [table])
  const late = (user: string) => ({ user, ends: 5 * DAY_US })
  const early = (user: string) => ({ user, ends: 2 * DAY_US })
  const unit = (row: ReturnType<typeof late>, offset: number, deleted = false) => ({
    table,
    rows: [{ row, offset, deleted }],
  })
  await sink.apply(await spoolEpoch(at.directory, 1, [unit(late('a'), 0), unit(early('b'), 1)]), {
    attempted: false,
  })
  await sink.apply(
    await spoolEpoch(at.directory, 2, [
      unit(late('a'), 2, true),
      unit(early('a'), 2),
      unit(early('b'), 3, true),
      unit(late('b'), 3),
    ]),
    { attempted: false },
  )
  const wanted = canonicalOfRows(table, [early('a'), late('b')])
  const check = async (): Promise<void> => {
    const parts: Buffer[] = []
    const reader = at.store.client('reader')
    for await (const part of tableRows(reader, table, { settledOnly: false })) parts.push(part)
    assert.equal(canonicalTable(table, Buffer.concat(parts)).sha256, wanted.sha256)
    const rows = await reader.rows('SELECT user FROM moved ORDER BY user')
    assert.deepEqual(rows, [['a'], ['b']])
  }
  await check()
  await at.store.client('admin').read('OPTIMIZE TABLE moved FINAL')
  await check()
})
