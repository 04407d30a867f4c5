/**
 * Mutated records of every format through `ingest` and a bounded run in memory: whatever they are,
 * each is accepted, filtered, too late or a dead letter, and dead letters keep their bytes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock, type Random, seededRandom } from '#base'
import { Batch, readRow } from '#columns'
import { ingest } from '#feed'
import { RowCodec } from '#format'
import { openMemory } from '#local'
import type { Application, Row } from '#plan'
import { addCounts, NO_COUNTS, REJECTED_RECORDS, type SourceCounts } from '#runtime'
import { count, csv, defineApp, jsonLines, logLines, minutes, source, t, table } from '#sdk'
import { runInMemory } from '../../src/cli/parity/memory-run.ts'
import type { TableRows } from '../../src/cli/parity/memory-tables.ts'
import { record } from '../../src/cli/parity/recorded.ts'

const TOO_LATE = 'event.too_late'

const LINES = 20_000
const SEED = 20_261_121
/** 2026-01-02 in µs: a day behind the records, so that none is in the future by itself. */
const NOW_US = Date.UTC(2026, 0, 2) * 1000

interface Format {
  readonly name: string
  readonly application: Application
  /** A good record, without a line end. */
  readonly good: (random: Random) => string
  /** The first line of the file, where the format has one. */
  readonly header: string
}

const at = (random: Random): string =>
  new Date(Date.UTC(2026, 0, 1) + random.int(86_400) * 1000).toISOString()

function application(format: ReturnType<typeof jsonLines<typeof COLUMNS>>): Application {
  const records = source('records', {
    format,
    at: 'at',
    key: 'user',
    disorder: minutes(60),
    lateness: minutes(600),
  })
  const some = records.filter(r => r.amount.isNull().or(r.amount.lt('9000')))
  return defineApp({
    name: 'fuzz',
    pipelines: [
      some
        .session({ by: 'user', gap: minutes(1) })
        .aggregate(() => ({ records: count() }))
        .into(table('visits', { key: ['user', 'session_start'] })),
    ],
  })
}

const COLUMNS = {
  user: t.string(),
  amount: t.decimal(8, 2).nullable(),
  id: t.uuid(),
  at: t.timestamp(),
}

const uuid = (random: Random): string =>
  `00000000-0000-4000-8000-${random
    .int(2 ** 40)
    .toString(16)
    .padStart(12, '0')}`

const FORMATS: readonly Format[] = [
  {
    name: 'json',
    application: application(jsonLines({ columns: COLUMNS, unknown: 'reject' })),
    header: '',
    good: random =>
      JSON.stringify({
        user: `u${random.int(50)}`,
        amount: random.next() < 0.2 ? null : random.int(1_000_000) / 100,
        id: uuid(random),
        at: at(random),
      }),
  },
  {
    name: 'csv',
    application: application(csv({ columns: COLUMNS })),
    header: 'id,at,user,amount\n',
    good: random =>
      `${uuid(random)},${at(random)},"u ${random.int(50)}",${random.int(1_000_000) / 100}`,
  },
  {
    name: 'log',
    application: application(logLines('%{user} [%{at}] "%{id}" %{amount}', COLUMNS)),
    header: '',
    good: random =>
      `u${random.int(50)} [${at(random)}] "${uuid(random)}" ${random.int(1_000_000) / 100}`,
  },
]

/** What mutations put in, besides single bytes. */
const PIECES = [
  ...['"', '\\', '{', '}', '[', ',', ':', ' ', '""', 'null', '1e999', '-0', '9'.repeat(40)],
  ...['\u0000', '\ufeff', '\u{1f600}', '\\u0000', '\\ud800'],
]

/** A record with a few of its bytes changed, doubled, moved or taken out; never a line end. */
function mutated(random: Random, text: string): Buffer {
  let bytes = Buffer.from(text)
  for (let changes = 1 + random.int(3); changes > 0 && bytes.length > 0; changes--) {
    const from = random.int(bytes.length)
    const to = Math.min(bytes.length, from + 1 + random.int(8))
    const before = bytes.subarray(0, from)
    const part = bytes.subarray(from, to)
    const after = bytes.subarray(to)
    const piece = Buffer.from(PIECES[random.int(PIECES.length)] ?? '')
    const byte = Buffer.from([random.int(256)])
    const ways = [
      [before, after],
      [before, part, part, after],
      [before, piece, after],
      [before, byte, part.subarray(1), after],
      [after, part, before],
      [before, piece, part, after],
    ]
    bytes = Buffer.concat(ways[random.int(ways.length)] ?? [])
  }
  return Buffer.from(bytes.filter(byte => byte !== 10 && byte !== 13))
}

interface Sent {
  readonly bytes: Buffer
  /** By line from 1, what it holds, in hex. */
  readonly lines: ReadonlyMap<number, string>
}

function linesOf({ good, header }: Format, random: Random): Sent {
  const lines = new Map<number, string>()
  const parts: Buffer[] = [Buffer.from(header)]
  for (let j = 0; j < LINES; j++) {
    const text = good(random)
    // The first is good, so that the beginning of the file is what it says.
    const line = j === 0 || random.next() < 0.2 ? Buffer.from(text) : mutated(random, text)
    lines.set(j + (header === '' ? 1 : 2), line.toString('hex'))
    parts.push(line, Buffer.from('\n'))
  }
  return { bytes: Buffer.concat(parts), lines }
}

async function* inChunks(bytes: Buffer, random: Random): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + random.int(100_000)
    yield bytes.subarray(from, to)
    from = to
  }
}

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Rows of `rejected_records`. */
function rejectedRows(rejected: TableRows): Row[] {
  const codec = new RowCodec(REJECTED_RECORDS.schema)
  return Array.from({ length: rejected.rows }, (_, j) => {
    const bytes = rejected.row(j)
    const batch = new Batch(REJECTED_RECORDS.schema)
    batch.grow(1)
    codec.decode(bytes, 0, bytes.length, batch, 0)
    return readRow(batch, 0)
  })
}

for (const format of FORMATS) {
  const { name, application: app } = format
  test(`${LINES} lines of ${name}, most of them mutated: none is lost, and none changes`, async () => {
    const random = seededRandom(SEED)
    const sent = linesOf(format, random)
    const clock = manualClock(NOW_US)
    const { log } = openMemory({ clock })
    const [read] = app.sources
    assert.ok(read !== undefined)
    const { partitions } = read
    await log.ensureTopic({ name: read.name, partitions, source: null, logBytesMax: null })
    const stdin = inChunks(sent.bytes, random)
    const fed = await ingest({ log, source: read, clock, inputs: ['-'], stdin })
    const run = await runInMemory(app, record(log, app.sources), {
      batchRows: 'random',
      seed: SEED,
    })
    const counts = run.summaries
      .map(summary => summary.counts[read.name] ?? NO_COUNTS)
      .reduce<SourceCounts>(addCounts, NO_COUNTS)

    const letters = total(fed.deadLetters)
    assert.equal(fed.records, fed.accepted + letters)
    assert.ok(letters > LINES / 10 && fed.accepted > LINES / 10, JSON.stringify(fed))
    assert.deepEqual(counts.deadLetters, fed.deadLetters)
    assert.equal(counts.records, fed.records)
    assert.ok(total(counts.filtered) > 0 && counts.tooLate > 0, JSON.stringify(counts))
    assert.equal(counts.accepted + total(counts.filtered) + counts.tooLate + letters, fed.records)
    if (name !== 'csv') assert.equal(fed.records + fed.blankLines, LINES)

    const rejected = rejectedRows(run.rejected)
    const reasons = Map.groupBy(rejected, row => String(row['reason']))
    const found = Array.from(reasons, ([reason, rows]) => [reason, rows.length] as const)
    const wanted = { ...fed.deadLetters, [TOO_LATE]: counts.tooLate }
    assert.deepEqual(
      Object.fromEntries(found.toSorted()),
      Object.fromEntries(Object.entries(wanted).toSorted()),
    )
    for (const row of rejected) {
      const kept = Buffer.from(row['value'] as Uint8Array).toString('hex')
      const line = sent.lines.get(Number(row['line'])) ?? 'no such line'
      // A CSV record takes several lines where a mutation has made a quote.
      if (name === 'csv') assert.ok(kept.startsWith(line), String(row['reason']))
      else assert.equal(kept, line, String(row['reason']))
    }
  })
}
