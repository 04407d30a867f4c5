import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch, readRows } from '#columns'
import type { Row, Schema } from '#plan'
import type { Reject } from '../codec.ts'
import { compileLogLine, type LogFormat } from './log-line.ts'

function decode(
  format: LogFormat,
  raw: Schema,
  lines: readonly (string | Uint8Array)[],
): { rows: readonly Row[]; rejects: readonly Reject[] } {
  const batch = new Batch(raw, 2)
  const starts = new Uint32Array(lines.length)
  const ends = new Uint32Array(lines.length)
  lines.forEach((line, i) => {
    starts[i] = batch.arena.append(typeof line === 'string' ? Buffer.from(line) : line)
    ends[i] = batch.arena.used
  })
  const rejects: Reject[] = []
  compileLogLine(format, raw).decode(batch, { starts, ends, count: lines.length }, rejects, {})
  return { rows: readRows(batch), rejects }
}

const COMBINED: LogFormat = {
  kind: 'log',
  pattern:
    '%{ip} - %{user} [%{time}] "%{method} %{path} %{protocol}" %{status} %{bytes} "%{referrer}" "%{agent}"',
  nulls: ['-'],
  parse: { time: { time: 'dd/MMM/yyyy:HH:mm:ss Z' } },
}

const text = (nullable: boolean) => ({ kind: 'string', nullable }) as const
const ACCESS: Schema = [
  { name: 'ip', type: { kind: 'ipv4' } },
  { name: 'user', type: text(true) },
  { name: 'time', type: { kind: 'timestamp' } },
  { name: 'method', type: text(false) },
  { name: 'path', type: text(false) },
  { name: 'protocol', type: text(false) },
  { name: 'status', type: { kind: 'int32' } },
  { name: 'bytes', type: { kind: 'int64', nullable: true } },
  { name: 'referrer', type: text(true) },
  { name: 'agent', type: text(true) },
]

test('lines of a web server become columns', () => {
  const { rows, rejects } = decode(COMBINED, ACCESS, [
    '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
    String.raw`10.0.0.9 - - [10/Oct/2000:13:55:37 +0000] "GET /a%20b?q=[x] HTTP/1.1" 304 - "-" "an \"agent\" of \\"`,
  ])
  assert.deepEqual(rejects, [])
  assert.equal(rows[0]?.['time'], Date.parse('2000-10-10T20:55:36Z') * 1000)
  assert.equal(rows[0]?.['bytes'], 2326n)
  assert.equal(rows[0]?.['agent'], 'Mozilla/4.08 [en] (Win98; I ;Nav)')
  assert.equal(rows[1]?.['user'], null)
  assert.equal(rows[1]?.['bytes'], null)
  assert.equal(rows[1]?.['referrer'], null)
  assert.equal(rows[1]?.['agent'], String.raw`an \"agent\" of \\`)
})

test('a line that the pattern does not describe is a log.pattern reject that says where', () => {
  const good = '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "-"'
  const { rows, rejects } = decode(COMBINED, ACCESS, [
    good,
    'nothing like it',
    good.replace('1.2.3.4', '1.2.3'),
    good.replace('200', '-'),
    `${good} more`,
    good.replace('10/Oct', '32/Oct'),
    Uint8Array.of(0xff, 0x20),
    '',
    good,
  ])
  assert.equal(rows.length, 2)
  assert.deepEqual(
    rejects.map(({ row, reason }) => `${row} ${reason}`),
    ['1', '2', '3', '4', '5', '6', '7'].map(
      row => `${row} ${row === '6' ? 'log.utf8' : 'log.pattern'}`,
    ),
  )
  assert.match(rejects[0]?.message ?? '', /no " - " behind the field "ip"/)
  assert.match(rejects[1]?.message ?? '', /"ip": "1\.2\.3" is no ipv4/)
})

test('a JSON frame behind a number of nanoseconds is kept as it was written', () => {
  const format: LogFormat = {
    kind: 'log',
    pattern: '%{receive} %{frame}',
    nulls: [],
    parse: { receive: { time: 'unix_ns' } },
  }
  const raw: Schema = [
    { name: 'receive', type: { kind: 'timestamp' } },
    { name: 'frame', type: { kind: 'json' } },
  ]
  const { rows, rejects } = decode(format, raw, [
    '1723161253937085768 {"a": [1.50, "x y"]}',
    '1723161253937085768 {"a": ',
    '1723161253937085768 {"a":1,"a":2}',
    '1723161253937085768 12',
    '3 4',
  ])
  assert.deepEqual(rows, [
    { receive: 1723161253937085, frame: '{"a": [1.50, "x y"]}' },
    { receive: 1723161253937085, frame: '12' },
    { receive: 0, frame: '4' },
  ])
  assert.deepEqual(
    rejects.map(reject => reject.row),
    [1, 2],
  )
})

test('a pattern whose fields are not the raw columns is refused', () => {
  const raw: Schema = [
    { name: 'a', type: text(false) },
    { name: 'b', type: text(false) },
  ]
  for (const pattern of ['%{a}', '%{a}%{b}', '%{a} %{c}', '%{a} %{a} %{b}', '']) {
    assert.throws(() => compileLogLine({ ...COMBINED, pattern }, raw), { code: 'plan.invalid' })
  }
})
