import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#base'
import { compileCodec } from '#format'
import type { Schema, SourceSpec } from '#plan'
import type { AppendBlock, LogBlock } from '#ports'
import { pacedReplay } from './paced-replay.ts'

const RAW: Schema = [{ name: 'at', type: { kind: 'timestamp' } }]

const SOURCE: SourceSpec = {
  name: 'ticks',
  format: {
    kind: 'csv',
    delimiter: ',',
    header: false,
    quote: '"',
    nulls: [],
    parse: { at: { time: 'unix_s' } },
  },
  raw: RAW,
  schema: RAW,
  map: [{ node: 'column', name: 'at', type: { kind: 'timestamp' } }],
  at: 'at',
  key: [],
  ties: [],
  disorderUs: 0,
  latenessUs: 0,
  skewMaxUs: 0,
  aheadMaxUs: null,
  partitions: 2,
  recordBytesMax: 1000,
  schemaVersion: '1',
}

function blockOf(partition: number, records: readonly string[], line: number): LogBlock {
  let end = 0
  return {
    topic: 'ticks',
    partition,
    baseOffset: 0,
    count: records.length,
    appendedAt: 1e15,
    kind: 'data',
    markAt: 0,
    values: Buffer.from(records.join('') + '\0'.repeat(64)),
    ends: Uint32Array.from(records, record => {
      end += record.length
      return end
    }),
    headers: {},
    lines: Uint32Array.from(records, (_, i) => line + i),
  }
}

function recordsOf(block: AppendBlock): string[] {
  return Array.from(block.ends, (end, i) =>
    Buffer.from(block.values.subarray(i === 0 ? 0 : block.ends[i - 1], end)).toString(),
  )
}

test('records go out when event time, run at the speed asked for, has reached them', async () => {
  const clock = manualClock()
  const mark: LogBlock = { ...blockOf(0, [''], 0), kind: 'mark', count: 1 }
  const out: string[] = []
  const replay = pacedReplay({
    inputs: [
      [blockOf(0, ['100', '101', '103', '102'], 1), mark, blockOf(0, ['bad', '105'], 5)],
      [blockOf(1, ['101', '104'], 1)],
    ],
    codec: compileCodec(SOURCE, { generated: false }),
    speed: 10,
    clock,
    sleep: async ms => clock.set(clock.nowUs() + ms * 1000),
  })
  for await (const block of replay) {
    const said = recordsOf(block).join('+')
    out.push(`${clock.monotonicMs()} p${block.partition} ${said} line ${block.lines?.[0]}`)
  }
  assert.deepEqual(out, [
    '0 p0 100 line 1',
    '100 p0 101 line 2',
    '100 p1 101 line 1',
    '300 p0 103+102 line 3',
    '300 p0 bad line 5',
    '400 p1 104 line 2',
    '500 p0 105 line 6',
  ])
})

test('without bound of speed nothing waits, and a signal stops it', async () => {
  const stop = new AbortController()
  const inputs = [[blockOf(0, ['100', '900'], 1), blockOf(0, ['901'], 3)]]
  const codec = compileCodec(SOURCE, { generated: false })
  const sleep = async (): Promise<void> => assert.fail('it waits')
  const options = { inputs, codec, speed: Infinity, clock: manualClock(), sleep }
  const out: string[] = []
  for await (const block of pacedReplay(options)) out.push(...recordsOf(block))
  assert.deepEqual(out, ['100', '900', '901'])
  for await (const _ of pacedReplay({ ...options, signal: stop.signal })) {
    stop.abort()
    out.push('once')
  }
  assert.equal(out.filter(entry => entry === 'once').length, 1)
})
