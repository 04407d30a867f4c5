import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch, readRow } from '#columns'
import type { Operator, Schema } from '#plan'
import type { OperatorContext, OperatorOf } from '../operator.ts'
import { createJoin } from './join.ts'

const SIDE: Schema = [
  { name: 'key', type: { kind: 'string', nullable: true } },
  { name: 'id', type: { kind: 'int32' } },
  { name: 'at', type: { kind: 'timestamp' } },
]
const input: Operator = { op: 'source', source: 's', schema: SIDE, at: 'at', ties: [] }
const operator: OperatorOf<'join'> = {
  op: 'join',
  left: input,
  right: input,
  on: [['key', 'key']],
  loUs: -3,
  hiUs: 10,
  columns: [
    { side: 'left', column: 'id' },
    { side: 'right', column: 'id' },
  ],
  schema: [
    { name: 'left', type: { kind: 'int32' } },
    { name: 'right', type: { kind: 'int32' } },
    { name: 'at', type: { kind: 'timestamp' } },
  ],
  at: 'at',
  ties: [],
}

function joinOf() {
  const out: string[] = []
  const context: OperatorContext = {
    generated: true,
    emit: 'update',
    retracting: false,
    position: { origin: 0, offset: 0, index: 0 },
    functions: {},
    out: {
      push(batch) {
        for (let k = 0; k < batch.selected; k++) {
          const row = batch.selection[k] as number
          const { left, right, at } = readRow(batch, row) as Record<string, number>
          out.push(`${batch.weight[row] === 1 ? '+' : '-'}${left}:${right}@${at}`)
          assert.equal(batch.at[row], at)
        }
      },
    },
  }
  const join = createJoin(operator, context)
  const push = (port: 0 | 1, key: string | null, id: number, at: number, weight = 1) => {
    const batch = new Batch(SIDE)
    appendRow(batch, { key, id, at }, { at, weight, offset: id })
    join.push(port, batch)
  }
  const flush = (time: number) => join.flush({ watermarkUs: time, frontierUs: time }, false)
  return { join, push, flush, taken: () => out.splice(0).sort() }
}

test('pairs lie within the bounds, both inclusive, at the greater time', () => {
  const { push, taken } = joinOf()
  push(1, 'a', 1, 100)
  for (const [id, at] of [
    [1, 96],
    [2, 97],
    [3, 100],
    [4, 110],
    [5, 111],
  ] as const) {
    push(0, 'a', id, at)
  }
  assert.deepEqual(taken(), ['+2:1@100', '+3:1@100', '+4:1@110'])
})

test('null keys never join, other keys do not', () => {
  const { push, taken } = joinOf()
  push(0, null, 1, 5)
  push(1, null, 2, 5)
  push(0, 'a', 3, 5)
  push(1, 'b', 4, 5)
  assert.deepEqual(taken(), [])
})

test('a row is kept while a partner may come, and freed when the frontier has passed that', () => {
  const { join, push, flush, taken } = joinOf()
  push(0, 'a', 1, 100)
  push(1, 'a', 2, 200)
  flush(103)
  assert.equal(join.stats.keys, 2)
  push(1, 'a', 3, 103)
  assert.deepEqual(taken(), ['+1:3@103'])
  flush(104)
  assert.equal(join.stats.keys, 2, 'the left row went')
  flush(113)
  push(0, 'a', 4, 113)
  assert.deepEqual(taken(), ['+4:3@113'])
  flush(114)
  flush(211)
  assert.equal(join.stats.keys, 0)
})

test('a final flush frees nothing', () => {
  const { join, push } = joinOf()
  push(0, 'a', 1, 100)
  join.flush({ watermarkUs: Infinity, frontierUs: Infinity }, true)
  assert.equal(join.stats.keys, 1)
})

test('a row that is taken back takes its pairs back', () => {
  const { join, push, taken } = joinOf()
  push(0, 'a', 1, 100)
  push(1, 'a', 2, 100)
  push(1, 'a', 3, 101)
  taken()
  push(1, 'a', 2, 100, -1)
  assert.deepEqual(taken(), ['-1:2@100'])
  push(0, 'a', 1, 100, -1)
  assert.deepEqual(taken(), ['-1:3@101'])
  assert.equal(join.stats.keys, 1)
  assert.throws(() => push(0, 'a', 1, 100, -1), /taken back is known/)
})

test('more pairs than a batch holds come out whole', () => {
  const { push, taken } = joinOf()
  for (let id = 0; id < 1_500; id++) push(0, 'a', id, 100)
  push(1, 'a', 7, 100)
  assert.equal(new Set(taken()).size, 1_500)
})

test('a restored join goes on where the other stood, from a snapshot and deltas', () => {
  const first = joinOf()
  first.push(0, 'a', 1, 100)
  first.push(1, 'b', 2, 100)
  const snapshot = first.join.snapshot()
  assert.equal(first.join.delta(), undefined)
  first.push(1, 'a', 3, 109)
  first.flush(104)
  const delta = first.join.delta() as Uint8Array
  const second = joinOf()
  second.join.restore(snapshot, 'snapshot')
  second.join.restore(delta, 'delta')
  assert.equal(second.join.stats.keys, first.join.stats.keys)
  for (const { push, taken } of [first, second]) {
    taken()
    push(0, 'a', 4, 112)
    push(0, 'b', 5, 104)
    assert.deepEqual(taken(), ['+4:3@112', '+5:2@104'])
  }
  second.flush(1_000)
  assert.equal(second.join.stats.keys, 0)
})
