import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { seededRandom, systemClock } from '#base'
import type { Application } from '#plan'
import { runEachInMemory } from '../../src/cli/parity/memory-run.ts'
import type { Recording } from '../../src/cli/parity/recorded.ts'
import { recordedFiles } from '../parity/inputs.ts'
import { appPath, hashes, onRealData, realFiles, UserDirectory } from './real-data.ts'

const APP = appPath('online-retail')
const SEED = 20260712
/** Days after which the growing log is run by the command; in memory it is after every day. */
const RUNS = 8

interface Ingested {
  readonly records: number
  readonly skippedFiles: readonly string[]
}

const days = (): string[] => realFiles('online-retail', '.csv.gz')

test('half a year of a shop, day by day, gives its totals exactly', onRealData, async t => {
  using directory = new UserDirectory()
  const begin = systemClock.monotonicMs()
  let records = 0
  for (const day of days()) {
    const result = (await directory.run('ingest', 'sales', day, '--app', APP)) as Ingested
    records += result.records
  }
  const seconds = Math.round((systemClock.monotonicMs() - begin) / 1000)
  t.diagnostic(`${days().length} calls of ingest in ${seconds} s`)
  assert.deepEqual([days().length, records], [167, 245_903])
  const [again] = days().slice(60)
  const second = (await directory.run('ingest', 'sales', String(again))) as Ingested
  assert.deepEqual([second.records, second.skippedFiles.length], [0, 1])

  const outcome = await directory.runApp('online-retail')
  const [topic] = outcome.topics
  assert.deepEqual(
    [topic?.records, topic?.accepted, topic?.tooLate, topic?.deadLetters],
    [245_903, 245_903, 0, {}],
  )
  const [totals] = await directory.query(`
    SELECT count() AS lines, uniqExact(invoice) AS invoices, uniqExact(customer) AS customers,
      uniqExact(country) AS countries, countIf(cancelled) AS cancelled,
      countIf(customer IS NULL) AS anonymous, countIf(quantity < 0) AS negative,
      countIf(price = 0) AS free, toString(sum(amount)) AS revenue,
      count() - uniqExact(tuple(invoice, product, description, quantity, at, price, customer, country))
        AS duplicates
    FROM sales`)
  assert.deepEqual(totals, {
    lines: 245_903,
    invoices: 12_795,
    customers: 3_002,
    countries: 37,
    cancelled: 4_494,
    anonymous: 69_014,
    negative: 5_252,
    free: 1_478,
    revenue: '4397950.761',
    duplicates: 2_012,
  })
  const [windows] = await directory.query(`
    SELECT (SELECT count() FROM days) AS days,
      (SELECT toString(sum(revenue)) FROM days) AS by_day,
      (SELECT toString(sum(revenue)) FROM country_days) AS by_country,
      (SELECT toString(sum(revenue)) FROM product_days) AS by_product,
      (SELECT sum(lines) FROM product_days) AS lines,
      (SELECT sum(invoices) FROM days) AS invoices,
      (SELECT uniqExact(country) FROM country_days) AS countries`)
  assert.deepEqual(windows, {
    days: 167,
    by_day: '4397950.761',
    by_country: '4397950.761',
    by_product: '4397950.761',
    lines: 245_903,
    invoices: 12_795,
    countries: 37,
  })

  await t.test(`runs after ${RUNS + 2} of the days end in the same hashes`, async () => {
    using growing = new UserDirectory()
    assert.deepEqual(await runAfterSomeDays(growing), hashes(outcome))
  })

  await t.test('runs after every day, in memory, end in the same hashes', async () => {
    const { app } = (await import(APP)) as { readonly app: Application }
    const files = new Map([['sales', days()]])
    const recording = await recordedFiles(app, files, systemClock.nowUs())
    const { tables } = await runEachInMemory(app, byFile(recording, days()))
    const found = Object.fromEntries(tables.map(({ table, sha256 }) => [table, sha256]))
    assert.deepEqual(found, hashes(outcome))
  })
})

/** What each file gave, in the order of the files. */
function byFile(recording: Recording, files: readonly string[]): Recording[] {
  return files.map(
    file =>
      new Map(
        Array.from(recording, ([topic, partitions]) => [
          topic,
          partitions.map(list => list.filter(({ headers }) => headers['file'] === basename(file))),
        ]),
      ),
  )
}

/** A bounded run behind the first, the last and some of the days between. */
async function runAfterSomeDays(directory: UserDirectory): Promise<Record<string, string>> {
  const random = seededRandom(SEED)
  const files = days()
  const stops = new Set([1, files.length])
  while (stops.size < RUNS + 2) stops.add(1 + random.int(files.length))
  let last: Record<string, string> = {}
  let from = 0
  for (const to of [...stops].sort((a, b) => a - b)) {
    const inputs = files.slice(from, to).flatMap(file => ['--input', `sales=${file}`])
    last = hashes(await directory.runApp('online-retail', ...inputs))
    from = to
  }
  return last
}
