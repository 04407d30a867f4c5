import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#base'
import { Batch, readRows } from '#columns'
import { type IngestResult, ingest } from '#feed'
import { compileCodec } from '#format'
import { openMemory } from '#local'
import type { FormatSpec, ParseSpec, Row, Schema, SourceSpec, Type } from '#plan'
import type { Log } from '#ports'

/** Real public data beside the checkout; it may not be copied into it. */
const DATA = join(import.meta.dirname, '../../../shared/data')
const options = { skip: !existsSync(DATA) && `the real data is not at ${DATA}` }

const STRING: Type = { kind: 'string' }
const TEXT: Type = { kind: 'string', nullable: true }
const INT: Type = { kind: 'int64' }
const TIME: Type = { kind: 'timestamp' }

function csv(delimiter: string, parse: Readonly<Record<string, ParseSpec>>): FormatSpec {
  return { kind: 'csv', delimiter, header: true, quote: '"', nulls: [], parse }
}

function sourceOf(
  format: FormatSpec,
  types: Readonly<Record<string, Type>>,
  at: string,
  key: string,
): SourceSpec {
  const raw: Schema = Object.entries(types).map(([name, type]) => ({ name, type }))
  return {
    name: 'real',
    format,
    raw,
    schema: raw,
    map: raw.map(({ name, type }) => ({ node: 'column', name, type })),
    at,
    key: [key],
    ties: [],
    disorderUs: 0,
    latenessUs: 0,
    skewMaxUs: 300_000_000,
    aheadMaxUs: null,
    partitions: 4,
    recordBytesMax: 1 << 20,
    schemaVersion: '1',
  }
}

async function addFiles(
  log: Log,
  source: SourceSpec,
  files: readonly string[],
): Promise<IngestResult> {
  const inputs = files.map(file => join(DATA, file))
  const result = await ingest({ log, source, clock: systemClock, inputs })
  assert.deepEqual(result.deadLetters, {})
  return result
}

async function openLog(source: SourceSpec): Promise<Log> {
  const { log } = openMemory({ clock: systemClock })
  const { name, partitions } = source
  await log.ensureTopic({ name, partitions, source: null, logBytesMax: null })
  return log
}

function readLog(log: Log, source: SourceSpec): Row[] {
  const codec = compileCodec(source, { generated: true })
  const batch = new Batch(source.schema)
  const rows: Row[] = []
  for (const [partition, { start }] of log.topic(source.name).extents.entries()) {
    let block = log.read(source.name, partition, start)
    while (block !== undefined) {
      codec.decode(block, 0, block.count, batch)
      rows.push(...readRows(batch))
      block = log.read(source.name, partition, block.baseOffset + block.count)
    }
  }
  return rows
}

async function rowsOf(source: SourceSpec, file: string): Promise<Row[]> {
  const log = await openLog(source)
  await addFiles(log, source, [file])
  return readLog(log, source)
}

const distinct = (rows: readonly Row[], name: string): number =>
  new Set(rows.map(row => row[name])).size

test('the shop’s half year has its rows, customers and revenue, exactly', options, async () => {
  const source = sourceOf(
    csv(',', {}),
    {
      InvoiceNo: STRING,
      StockCode: STRING,
      Description: TEXT,
      Quantity: { kind: 'int32' },
      InvoiceDate: TIME,
      UnitPrice: { kind: 'decimal', precision: 12, scale: 3 },
      CustomerID: { kind: 'int64', nullable: true },
      Country: STRING,
    },
    'InvoiceDate',
    'InvoiceNo',
  )
  const days = readdirSync(join(DATA, 'online-retail')).filter(name => name.endsWith('.gz'))
  const log = await openLog(source)
  const paths = days.map(day => join('online-retail', day))
  await addFiles(log, source, paths)
  const again = await addFiles(log, source, paths.slice(3, 4))
  const rows = readLog(log, source)
  assert.deepEqual([again.records, again.skippedFiles], [0, days.slice(3, 4)])
  assert.equal(days.length, 167)
  assert.equal(rows.length, 245_903)
  assert.equal(distinct(rows, 'InvoiceNo'), 12_795)
  assert.equal(rows.filter(row => row['CustomerID'] === null).length, 69_014)
  assert.equal(distinct(rows, 'CustomerID'), 3_002 + 1)
  const mills = rows.reduce((sum, row) => {
    const price = BigInt(String(row['UnitPrice']).replace('.', ''))
    return sum + price * BigInt(Number(row['Quantity']))
  }, 0n)
  assert.equal(mills, 4_397_950_761n)
})

test('shop events with times of their own form', options, async () => {
  const source = sourceOf(
    csv(',', { event_time: { time: "yyyy-MM-dd HH:mm:ss 'UTC'" } }),
    {
      user_session: { kind: 'uuid' },
      event_time: TIME,
      event_type: { kind: 'enum', values: ['view', 'cart', 'purchase'] },
      product_id: INT,
      category_id: INT,
      brand: TEXT,
      price: { kind: 'decimal', precision: 12, scale: 2 },
      user_id: INT,
    },
    'event_time',
    'user_id',
  )
  const rows = await rowsOf(source, 'clickstream/rees46-2019-Oct-sample.csv')
  assert.equal(rows.length, 1000)
  const views = rows.filter(row => row['event_type'] === 'view')
  assert.deepEqual([views.length, distinct(rows, 'user_id')], [987, 330])
  assert.equal(distinct(rows, 'user_session'), 372)
})

test('tab-separated clicks in gzip, times in seconds with a fraction', options, async () => {
  const source = sourceOf(
    csv('\t', { Time: { time: 'unix_s' } }),
    { SessionId: INT, ItemId: INT, Time: TIME },
    'Time',
    'SessionId',
  )
  const rows = await rowsOf(source, 'clickstream/yoochoose-clicks-100k_train_full.txt.gz')
  assert.equal(rows.length, 70_278)
  assert.deepEqual([distinct(rows, 'SessionId'), distinct(rows, 'ItemId')], [17_794, 2_933])
  assert.ok(rows.some(row => row['Time'] === 1396437466940000))
})

test('frames of an exchange behind their receive time', options, async () => {
  const format: FormatSpec = {
    kind: 'log',
    pattern: '%{receive} %{frame}',
    nulls: [],
    parse: { receive: { time: 'unix_ns' } },
  }
  const source = sourceOf(format, { receive: TIME, frame: { kind: 'json' } }, 'receive', 'receive')
  const rows = await rowsOf(source, 'binance-ws/spot-btcusdt_20240808.gz')
  assert.equal(rows.length, 41_249)
  const trades = rows.filter(row => String(row['frame']).includes('@trade"'))
  assert.equal(trades.length, 9_757)
})

test('orders in xz, a column name with a point', options, async () => {
  const source = sourceOf(
    csv(',', { timestamp: { time: 'unix_ms' }, exchange_timestamp: { time: 'unix_ms' } }),
    {
      id: INT,
      timestamp: TIME,
      exchange_timestamp: TIME,
      price: { kind: 'decimal', precision: 18, scale: 2 },
      volume: INT,
      action: { kind: 'enum', values: ['created', 'changed', 'deleted'] },
      direction: { kind: 'enum', values: ['bid', 'ask'] },
    },
    'timestamp',
    'id',
  )
  const rows = await rowsOf(source, 'bitstamp-orders/orders.csv.xz')
  assert.deepEqual([rows.length, distinct(rows, 'id')], [50_414, 25_076])
  assert.equal(rows.filter(row => row['action'] === 'changed').length, 602)
})
