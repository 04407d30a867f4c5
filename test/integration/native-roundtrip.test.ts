import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { seededRandom } from '#base'
import type { StoreClient } from '#clickhouse'
import { appendRow, Batch } from '#columns'
import {
  canonicalOfRows,
  canonicalTable,
  GrowingBytes,
  NativeBlock,
  partitionIds,
  RowCodec,
  tableLayout,
} from '#format'
import type { TableSpec } from '#plan'
import { EVERY_TYPE, randomRow } from '../../src/format/random-rows.test.ts'
import { storeSkip as skip, type TemporaryStore, temporaryStore } from './store-fixture.ts'

const TABLE: TableSpec = {
  name: 'roundtrip',
  schema: EVERY_TYPE,
  key: ['uuid'],
  orderBy: [],
  partitionBy: { column: 'at', unit: 'month' },
  approximate: [],
}
const ROWS = 1_000
const BATCH_ROWS = 100
const EPOCH = 2 ** 40
const OFFSET = 2 ** 52
const COLUMNS = EVERY_TYPE.map(column => `\`${column.name}\``)

const random = seededRandom(20261121)
const rows = Array.from({ length: ROWS }, () => randomRow(EVERY_TYPE, random))
const rowBinary = new GrowingBytes()
const block = new NativeBlock(tableLayout(TABLE))
const partitions = new Map<number, number>()
let at: TemporaryStore
let admin: StoreClient

/** A table of the layout's columns that keeps every row, tombstones and all. */
async function createRaw(name: string): Promise<void> {
  const columns = [...block.layout.columns, ...block.layout.platform]
  const list = columns.map(column => `\`${column.name}\` ${column.clickhouse}`).join(', ')
  await admin.read(`CREATE TABLE app.${name} (${list}) ENGINE = MergeTree ORDER BY tuple()`)
}

function encode(): void {
  const codec = new RowCodec(EVERY_TYPE)
  const batch = new Batch(EVERY_TYPE)
  const ids = new Float64Array(BATCH_ROWS)
  for (let from = 0; from < ROWS; from += BATCH_ROWS) {
    batch.clear()
    for (let n = from; n < from + BATCH_ROWS; n++) {
      appendRow(batch, rows[n] ?? {}, {
        at: 0,
        origin: 65_536 + (n % 5),
        offset: OFFSET + n,
        index: n % 7,
        weight: n % 11 === 0 ? -1 : 1,
        settled: n % 2 === 0,
      })
      codec.encode(batch, n - from, rowBinary)
    }
    block.append(batch, batch.selection, batch.selected, { epoch: EPOCH })
    partitionIds(block.layout, batch, batch.selection, BATCH_ROWS, ids)
    for (const id of ids) partitions.set(id, (partitions.get(id) ?? 0) + 1)
  }
}

before(async () => {
  if (skip !== false) return
  at = await temporaryStore()
  admin = at.store.client('admin')
  for (const name of ['roundtrip', 'copy']) await createRaw(name)
  encode()
})
after(async () => {
  if (skip === false) await at[Symbol.asyncDispose]()
})

test('ClickHouse takes a Native block and gives back our RowBinary of its rows', {
  skip,
}, async () => {
  const { positionHash } = block
  assert.equal(await admin.insert('INSERT INTO app.roundtrip FORMAT Native', block.flush()), ROWS)
  const sql = `SELECT ${COLUMNS} FROM app.roundtrip ORDER BY _o FORMAT RowBinary`
  const found = await admin.read(sql)
  for (const [c, column] of EVERY_TYPE.entries()) {
    const one = await admin.read(
      `SELECT ${COLUMNS[c]} FROM app.roundtrip ORDER BY _o FORMAT RowBinary`,
    )
    const spec = { schema: [column], key: [] }
    assert.equal(canonicalTable(spec, one).sha256, canonicalOfRows(spec, rows).sha256, column.name)
  }
  assert.ok(found.equals(rowBinary.written()))
  const sums = await admin.rows(
    `SELECT sum((_o * 2654435761 + _p * 40503 + _i * 97) % 4294967296), min(_o), max(_o),
       uniqExact(_p), any(_e), countIf(_deleted = 1), countIf(_settled = 1), uniqExact(_i)
     FROM app.roundtrip`,
  )
  const deleted = rows.filter((_, n) => n % 11 === 0).length
  const due = [positionHash, OFFSET, OFFSET + ROWS - 1, 5, EPOCH, deleted, ROWS / 2, 7]
  assert.deepEqual(sums[0]?.map(Number), due)
  const spec = { schema: EVERY_TYPE, key: TABLE.key }
  assert.equal(canonicalTable(spec, found).sha256, canonicalOfRows(spec, rows).sha256)
})

test('the table partition of a row is the one that ClickHouse computes', { skip }, async () => {
  const sql = 'SELECT toYYYYMM(at) AS id, count() FROM app.roundtrip GROUP BY id ORDER BY id'
  const found = await admin.rows(sql)
  const due = [...partitions].sort((a, b) => a[0] - b[0])
  assert.deepEqual(
    found.map(row => row.map(Number)),
    due,
  )
})

test('ClickHouse takes our RowBinary and gives it back', { skip }, async () => {
  const insert = `INSERT INTO app.copy (${COLUMNS}) FORMAT RowBinary`
  assert.equal(await admin.insert(insert, rowBinary.written()), ROWS)
  const spec = { schema: EVERY_TYPE, key: TABLE.key }
  const found = await admin.read(`SELECT ${COLUMNS} FROM app.copy FORMAT RowBinary`)
  assert.equal(canonicalTable(spec, found).sha256, canonicalOfRows(spec, rows).sha256)
})

test('the values mean in ClickHouse what they mean to a user', { skip }, async () => {
  const texts = await admin.rows(
    `SELECT toDecimalString(decimal38, 10), toString(uuid), toString(ipv4), toUnixTimestamp64Micro(at),
       toString(enum16), hex(bytes), toString(int64), toInt32(day), string, bool
     FROM app.roundtrip ORDER BY _o`,
  )
  const due = rows.map(row => {
    const { decimal38, uuid, ipv4, enum16, bytes, int64, day, string, bool } = row
    assert.ok(bytes instanceof Uint8Array)
    const hex = Buffer.from(bytes).toString('hex').toUpperCase()
    return [decimal38, uuid, ipv4, `${row['at']}`, enum16, hex, `${int64}`, day, string, bool]
  })
  assert.deepEqual(texts, due)
})
