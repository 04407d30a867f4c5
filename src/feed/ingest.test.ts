import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { invariant, manualClock } from '#base'
import { Batch, readRows } from '#columns'
import { compileCodec, partitionOf } from '#format'
import type { FormatSpec, Row, Schema, SourceSpec } from '#plan'
import type { FeedProgress, Log, LogBlock, TopicInfo } from '#ports'
import { type IngestOptions, type IngestResult, ingest } from './ingest.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-feed-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, bytes)
  return path
}

/** The port in memory; fails at its n-th append where asked. */
class RecordingLog implements Log {
  readonly blocks: LogBlock[] = []
  readonly feeds = new Map<string, string>()
  readonly partitions: number
  failAt = Infinity
  appends = 0

  constructor(partitions = 4) {
    this.partitions = partitions
  }

  async ensureTopic(): Promise<void> {}
  topics(): [] {
    return []
  }
  topic(name: string): TopicInfo {
    const extents = Array.from({ length: this.partitions }, (_, p) => ({
      start: 0,
      end: this.endOf(p),
    }))
    return { name, partitions: this.partitions, source: null, logBytesMax: null, extents, bytes: 0 }
  }
  endOf(partition: number): number {
    return this.blocks.filter(b => b.partition === partition).reduce((sum, b) => sum + b.count, 0)
  }
  async append(
    topic: string,
    blocks: Parameters<Log['append']>[1],
    progress: readonly FeedProgress[] = [],
  ): Promise<number[]> {
    await new Promise(resolve => setImmediate(resolve))
    if (++this.appends >= this.failAt) throw new Error('killed')
    for (const { key, value } of progress) this.feeds.set(key, value)
    return blocks.map(block => {
      const baseOffset = this.endOf(block.partition)
      const { values, ends, lines } = block
      invariant(values.length >= (ends.at(-1) ?? 0) + 64, 'values are padded')
      const copied = {
        values: Uint8Array.from(values),
        ends: ends.slice(),
        lines: lines?.slice() ?? null,
      }
      this.blocks.push({ ...block, ...copied, topic, baseOffset, appendedAt: 2e15 })
      return baseOffset
    })
  }
  read(_topic: string, partition: number, offset: number): LogBlock | undefined {
    return this.blocks.find(b => b.partition === partition && b.baseOffset + b.count > offset)
  }
  progress(key: string): string | undefined {
    return this.feeds.get(key)
  }
  progressKeys(prefix: string): string[] {
    return [...this.feeds.keys()].filter(key => key.startsWith(prefix))
  }
  async close(): Promise<void> {}

  /** Every record with its partition and line, in the order of the partition. */
  records(): { partition: number; line: number; text: string; file: string }[] {
    return this.blocks.flatMap(block =>
      Array.from(block.ends, (end, i) => ({
        partition: block.partition,
        line: block.lines?.[i] ?? 0,
        text: Buffer.from(block.values.subarray(block.ends[i - 1] ?? 0, end)).toString(),
        file: block.headers['file'] ?? '',
      })),
    )
  }

  rows(source: SourceSpec): Row[] {
    const codec = compileCodec(source, { generated: true })
    const batch = new Batch(source.schema)
    return this.blocks.flatMap(block => {
      codec.decode(block, 0, block.count, batch)
      return readRows(batch)
    })
  }
}

const CSV: FormatSpec = {
  kind: 'csv',
  delimiter: ',',
  header: true,
  quote: '"',
  nulls: [],
  parse: {},
}

const RAW: Schema = [
  { name: 'user', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'note', type: { kind: 'string', nullable: true } },
]

function sourceOf(changes: Partial<SourceSpec> = {}): SourceSpec {
  const raw = changes.raw ?? RAW
  return {
    name: 'visits',
    format: CSV,
    raw,
    schema: raw,
    map: raw.map(({ name, type }) => ({ node: 'column', name, type })),
    at: 'at',
    key: ['user'],
    ties: [],
    disorderUs: 0,
    latenessUs: 0,
    skewMaxUs: 300_000_000,
    aheadMaxUs: null,
    partitions: 4,
    recordBytesMax: 1 << 20,
    schemaVersion: '1',
    ...changes,
  }
}

const JSON_SOURCE = sourceOf({
  format: {
    kind: 'json',
    unknown: 'skip',
    fields: RAW.map(({ name, type }) => ({
      path: [name],
      column: name,
      optional: type.nullable === true,
    })),
  },
})

function run(
  log: Log,
  inputs: readonly string[],
  options: Partial<IngestOptions> = {},
): Promise<IngestResult> {
  return ingest({ log, source: sourceOf(), clock: manualClock(2e15), inputs, ...options })
}

/** `count` CSV rows; every seventh has a quoted field with line ends. */
function visits(count: number): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const note = i % 7 === 0 ? `"two\nlines of ""${i}"""` : `note ${i}`
    return `u${i % 50},2024-01-01 00:00:${String(i % 60).padStart(2, '0')},${note}`
  })
  return `user,at,note\n${rows.join('\n')}\n`
}

test('each record is in the partition of its key with its line, header and own bytes', async () => {
  const log = new RecordingLog()
  const text = '\ufeffuser,at,note\r\na,2024-01-01,"x\r\ny"\r\n\r\nb,2024-01-02,\r\nbad,row\r\n'
  const result = await run(log, [file('a.csv', text)])
  assert.equal(result.topic, 'visits')
  assert.deepEqual([result.records, result.accepted, result.blankLines], [3, 2, 1])
  assert.deepEqual(result.deadLetters, { 'csv.columns': 1 })
  const records = log.records().sort((a, b) => a.line - b.line)
  assert.deepEqual(
    records.map(({ line, text }) => ({ line, text })),
    [
      { line: 2, text: 'a,2024-01-01,"x\r\ny"' },
      { line: 5, text: 'b,2024-01-02,' },
      { line: 6, text: 'bad,row' },
    ],
  )
  const place = (key: string): number => partitionOf(Buffer.from(key), 0, key.length, 4)
  assert.deepEqual(
    records.map(record => record.partition),
    [place('a'), place('b'), place('bad,row')],
  )
  assert.equal(log.blocks[0]?.headers['columns'], '["user","at","note"]')
  assert.match(log.blocks[0]?.headers['header'] ?? '', /^[0-9a-f]{16}$/)
  assert.deepEqual(new Set(log.rows(sourceOf()).map(row => row['note'])), new Set(['x\r\ny', null]))
})

test('plain, gzip, zstd and xz give the same records, whatever the file is called', async t => {
  const text = Buffer.from(visits(5000))
  const packed: [string, Uint8Array][] = [
    ['plain.gz', text],
    [
      'gzip.csv',
      Buffer.concat([gzipSync(text.subarray(0, 99_999)), gzipSync(text.subarray(99_999))]),
    ],
    ['zstd.txt', zstdCompressSync(text)],
  ]
  try {
    packed.push(['xz', execFileSync('xz', ['-c'], { input: text, maxBuffer: 1 << 28 })])
  } catch {
    t.diagnostic('no xz on this machine: xz is not compared')
  }
  const seen = new Set<string>()
  for (const [name, bytes] of packed) {
    const log = new RecordingLog()
    const result = await run(log, [file(name, bytes)])
    assert.deepEqual([result.records, result.accepted], [5000, 5000], name)
    seen.add(JSON.stringify(log.records().map(record => ({ ...record, file: '' }))))
  }
  assert.equal(seen.size, 1)
})

/** How many files this process holds open; 0 where the system does not say. */
function openFiles(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0
}

test('a file cut short or damaged adds nothing, is named and is closed', async t => {
  const before = openFiles()
  const text = Buffer.from(visits(20_000))
  const packed: [string, Uint8Array][] = [
    ['cut.gz', gzipSync(text)],
    ['cut.zst', zstdCompressSync(text)],
  ]
  try {
    packed.push(['cut.xz', execFileSync('xz', ['-c'], { input: text, maxBuffer: 1 << 28 })])
  } catch {
    t.diagnostic('no xz on this machine: xz is not cut')
  }
  for (const [name, whole] of packed) {
    const damaged = Buffer.from(whole)
    damaged.fill(0x55, damaged.length >> 1, (damaged.length >> 1) + 64)
    for (const bytes of [whole.subarray(0, whole.length - 9), whole.subarray(0, 40), damaged]) {
      const log = new RecordingLog()
      await assert.rejects(run(log, [file(name, bytes)]), { code: 'input.compressed' }, name)
      assert.equal(log.blocks.length, 0)
    }
  }
  assert.equal(openFiles(), before)
})

test('the same file again adds nothing, unless asked to; the same name with other content is noted', async () => {
  const log = new RecordingLog()
  const path = file('day.csv', visits(100))
  await run(log, [path])
  const again = await run(log, [path, file('elsewhere/day.csv', visits(100))])
  assert.equal(again.records, 0)
  assert.deepEqual(again.skippedFiles, ['day.csv', 'day.csv'])
  assert.match(again.notes[0] ?? '', /in the topic already \(100 records\)/)
  assert.equal(log.records().length, 100)
  const twice = await run(log, [path], { again: true })
  assert.equal(twice.records, 100)
  assert.equal(log.records().length, 200)
  const other = await run(log, [file('day.csv', visits(101))])
  assert.equal(other.records, 101)
  assert.match(other.notes[0] ?? '', /other content/)
})

test('an ingest killed at any append goes on where the log ends, and loses and repeats nothing', async () => {
  const path = file('long.csv', visits(40_000))
  const whole = new RecordingLog()
  await run(whole, [path])
  const expected = whole.records().sort((a, b) => a.line - b.line)
  assert.equal(expected.length, 40_000)
  assert.ok(whole.appends > 3)
  for (let failAt = 1; failAt <= whole.appends; failAt++) {
    const log = new RecordingLog()
    log.failAt = failAt
    await assert.rejects(run(log, [path]), /killed/)
    log.failAt = Infinity
    const held = log.records().length
    const rest = await run(log, [path])
    assert.equal(rest.records, 40_000 - held)
    assert.equal(rest.files[0]?.resumedBehindLine === null, failAt === 1)
    assert.deepEqual(
      log.records().sort((a, b) => a.line - b.line),
      expected,
    )
    assert.equal((await run(log, [path])).records, 0)
  }
})

test('a signal stops between records, and the next ingest goes on', async () => {
  const path = file('stopped.csv', visits(60_000))
  const log = new RecordingLog()
  const stop = new AbortController()
  const halted = await run(log, [path], {
    signal: stop.signal,
    progress: state => {
      if (state.phase === 'read' && state.records > 0) stop.abort()
    },
  })
  assert.equal(halted.interrupted, true)
  assert.equal(halted.files[0]?.outcome, 'interrupted')
  assert.ok(halted.records > 0 && halted.records < 60_000)
  const rest = await run(log, [path])
  assert.equal(rest.records + halted.records, 60_000)
  assert.equal(new Set(log.records().map(record => record.line)).size, 60_000)
})

test('standard input is read once, compressed or not, and says that it cannot resume', async () => {
  const log = new RecordingLog()
  const packed = gzipSync(visits(10))
  const stdin = async function* () {
    for (let at = 0; at < packed.length; at += 3) yield packed.subarray(at, at + 3)
  }
  const result = await run(log, ['-'], { stdin: stdin() })
  assert.equal(result.accepted, 10)
  assert.equal(result.files[0]?.sha256, null)
  assert.match(result.notes[0] ?? '', /cannot resume/)
  assert.equal(log.feeds.size, 0)
  assert.equal(log.records()[0]?.file, '-')
})

test('records of standard input are in the topic as soon as no more have come for a while', async () => {
  const log = new RecordingLog()
  const counts: number[] = []
  const text = visits(3)
  const second = text.lastIndexOf('\n', text.length - 2) + 1
  const slowly = async function* (): AsyncGenerator<Uint8Array> {
    for (const part of [text.slice(0, 20), text.slice(20, second + 2), text.slice(second + 2)]) {
      yield Buffer.from(part)
      await new Promise(resolve => setTimeout(resolve, 40))
      counts.push(log.records().length)
    }
  }
  const idle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5))
  const result = await run(log, ['-'], { stdin: slowly(), idle })
  assert.equal(result.accepted, 3)
  assert.deepEqual(counts, [0, 2, 3])
  assert.equal(log.records().length, 3)
})

test('what cannot be a file of the topic is refused before anything is added', async () => {
  const refused: [string, string | Uint8Array, SourceSpec, RegExp][] = [
    ['page.csv', '\n<!DOCTYPE html><html>', sourceOf(), /web page/],
    ['data.zip', 'PK\x03\x04....', sourceOf(), /zip/],
    ['image.csv', Uint8Array.from({ length: 999 }, (_, i) => i % 7), sourceOf(), /no text/],
    ['wide.csv', Uint8Array.of(0xff, 0xfe, 0x61, 0x00), sourceOf(), /UTF-16/],
    ['array.json', '[ {"user":"a"} ]', JSON_SOURCE, /JSON array/],
    ['pretty.json', '{\n "user": "a"\n}', JSON_SOURCE, /several lines/],
    ['mac.csv', 'user,at,note\ra,2024-01-01,\r'.repeat(2000), sourceOf(), /CR alone/],
  ]
  for (const [name, bytes, source, message] of refused) {
    const log = new RecordingLog()
    await assert.rejects(run(log, [file(name, bytes)], { source }), (error: Error) => {
      assert.match(error.message, message)
      assert.equal((error as Error & { code: string }).code, 'input.format')
      return true
    })
    assert.equal(log.blocks.length + log.feeds.size, 0)
  }
  const log = new RecordingLog()
  const good = file('good.csv', visits(3))
  await assert.rejects(run(log, [good, join(folder, 'none')]), { code: 'input.not_found' })
  await assert.rejects(run(log, [good, folder]), { code: 'input.format' })
  assert.equal(log.blocks.length, 0)
})

test('a header that lacks a declared column names the columns there are', async () => {
  const path = file('semicolons.csv', 'user;at;note\na;2024-01-01;x\n')
  await assert.rejects(run(new RecordingLog(), [path]), (error: Error & { hint?: string }) => {
    assert.equal((error as Error & { code: string }).code, 'input.unknown_column')
    assert.match(error.message, /no column "user", "at", "note"/)
    assert.match(error.hint ?? '', /user;at;note.*delimiter may be ";"/)
    return true
  })
})

test('a file without permission is named', {
  skip: process.getuid?.() === 0 && 'root may read all',
}, async () => {
  const path = file('secret.csv', visits(1))
  chmodSync(path, 0)
  await assert.rejects(run(new RecordingLog(), [path]), { code: 'input.permission' })
})

test('a field of 100 MB is one dead letter between its neighbours, in bounded memory', async () => {
  const huge = Buffer.alloc(100_000_000, 'x')
  huge.set(Buffer.from('\nb,2024-01-01,'))
  const path = file(
    'huge.csv',
    Buffer.concat([
      Buffer.from('user,at,note\na,2024-01-01,1'),
      huge,
      Buffer.from('\nc,2024-01-01,3'),
    ]),
  )
  const log = new RecordingLog(1)
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const result = await run(log, [path], {
    progress: () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    },
  })
  assert.deepEqual([result.records, result.accepted], [3, 2])
  assert.deepEqual(result.deadLetters, { 'record.size': 1 })
  assert.ok(most - before < 90_000_000, `${most - before} bytes more`)
  const records = log.records()
  assert.deepEqual(
    records.map(record => record.line),
    [2, 3, 4],
  )
  assert.equal(records[1]?.text.length, 64 * 1024)
  const oversize = JSON.parse(log.blocks[1]?.headers['oversize'] ?? '{}')
  assert.equal(oversize.bytes, 100_000_000 - 1)
  assert.equal(log.rows(sourceOf()).length, 2)
})

test('an empty file is complete, and one without any good record is noted', async () => {
  const log = new RecordingLog()
  const empty = await run(log, [file('empty.csv', '')])
  assert.equal(empty.records, 0)
  assert.equal((await run(log, [file('empty.csv', '')])).skippedFiles.length, 1)
  const none = await run(log, [file('none.csv', 'user,at,note\nx\n')])
  assert.match(none.notes.join(), /No record of "none.csv" was accepted/)
})

test('generated and interpreted codecs place and count alike', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) =>
    i % 10 === 3 ? '{"user":1}' : `{"user":"u${i}","at":"2024-01-01T00:00:00Z","note":null}`,
  )
  const path = file('lines.json', lines.join('\n'))
  const logs = [true, false].map(async generated => {
    const log = new RecordingLog()
    const result = await run(log, [path], { source: JSON_SOURCE, generated })
    assert.deepEqual([result.records, result.accepted], [3000, 2700])
    return JSON.stringify([log.records(), result.deadLetters])
  })
  const [first, second] = await Promise.all(logs)
  assert.equal(first, second)
})
