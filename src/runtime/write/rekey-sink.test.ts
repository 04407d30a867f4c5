import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch, readRow } from '#columns'
import type { Schema } from '#plan'
import { type AppendBlock, END_OF_TIME_US, type Log, type LogBlock } from '#ports'
import { ChangeInput } from '../read/change-input.ts'
import { RekeySink } from './rekey-sink.ts'

const SCHEMA: Schema = [
  { name: 'key', type: { kind: 'string' } },
  { name: 'n', type: { kind: 'int32', nullable: true } },
]
const progress = (time: number) => ({ watermarkUs: time, frontierUs: time - 1 })

function sinkOf(task = 'app/0/0') {
  return new RekeySink({ schema: SCHEMA, topic: 't', by: ['key'], partitions: 2, task })
}

function rowsOf(count: number, weight = 1): Batch {
  const batch = new Batch(SCHEMA)
  for (let n = 0; n < count; n++) {
    const identity = { at: n * 10, weight, origin: 65_537, offset: n + 100, index: n % 3 }
    appendRow(batch, { key: `k${n}`, n: n % 2 === 0 ? n : null }, identity)
  }
  return batch
}

test('changes of a key go to one partition, and the mark stands behind them', () => {
  const sink = sinkOf()
  sink.push(rowsOf(10_000))
  const blocks = sink.drain(progress(50))
  for (const partition of [0, 1]) {
    const own = blocks.filter(block => block.partition === partition)
    assert.deepEqual(
      own.map(block => block.kind),
      ['change', 'change', 'mark'],
    )
  }
  assert.equal(
    blocks.reduce((n, block) => n + (block.kind === 'change' ? block.count : 0), 0),
    10_000,
  )
})

test('a mark is told once, and never ends the partition', () => {
  const sink = sinkOf()
  assert.equal(sink.drain(undefined).length, 0)
  assert.equal(sink.drain(progress(50)).length, 2)
  assert.equal(sink.drain(progress(50)).length, 0)
  for (const { markAt, headers } of sink.drain(progress(Infinity))) {
    assert.ok(markAt < END_OF_TIME_US)
    assert.equal(headers['watermark'], 'Infinity')
  }
})

test('what was written is read with its identity, and time is the least of all tasks', () => {
  const [first, second] = [sinkOf('app/0/0'), sinkOf('app/0/1')]
  first.push(rowsOf(20, -1))
  const blocks: LogBlock[] = []
  const append = (list: readonly AppendBlock[]) => {
    for (const block of list.filter(({ partition }) => partition === 1)) {
      const last = blocks.at(-1)
      const baseOffset = (last?.baseOffset ?? 0) + (last?.count ?? 0) + 5
      blocks.push({ ...block, topic: 't', baseOffset, appendedAt: 0 })
    }
  }
  append(first.drain(progress(50)))
  append(second.drain(progress(30)))
  const rows: string[] = []
  const position = { origin: 0, offset: 0, index: 0 }
  const input = new ChangeInput({
    log: {
      read: (_t, _p, at) => blocks.find(b => b.baseOffset + b.count > at),
    } as Partial<Log> as Log,
    operator: 0,
    topic: 't',
    ordinal: 4,
    partition: 1,
    schema: SCHEMA,
    upstream: ['app/0/0', 'app/0/1'],
    out: {
      push(batch) {
        for (let k = 0; k < batch.selected; k++) {
          const { key, n } = readRow(batch, k)
          assert.equal(batch.weight[k], -1)
          assert.equal(batch.origin[k], 65_537)
          const at = Number(String(key).slice(1))
          assert.deepEqual(
            [batch.at[k], batch.offset[k], batch.index[k]],
            [at * 10, at + 100, at % 3],
          )
          rows.push(`${key} ${n}`)
        }
      },
    },
    position,
    positions: new WeakMap(),
  })
  assert.equal(input.read(3), 'read')
  assert.equal(rows.length, 3)
  assert.deepEqual(input.progress, { watermarkUs: -Infinity, frontierUs: -Infinity })
  const half = input.position()
  while (input.read(3) === 'read');
  assert.deepEqual(input.progress, progress(30))
  assert.equal(position.origin, 4 * 65_536 + 1)
  const count = rows.length
  input.restore(half)
  while (input.read(1_024) === 'read');
  assert.equal(rows.length, count * 2 - 3)
})
