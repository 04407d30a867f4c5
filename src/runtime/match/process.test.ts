import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch, readRow } from '#columns'
import type { Operator, ProcessFunction, Schema } from '#plan'
import type { OperatorContext, OperatorOf } from '../operator.ts'
import { createProcess } from './process.ts'

const ROW: Schema = [
  { name: 'key', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'rank', type: { kind: 'int32' } },
]
const input: Operator = { op: 'source', source: 's', schema: ROW, at: 'at', ties: ['rank'] }

/** Numbers the rows of a key; a rank of 0 ends the key. */
const number: ProcessFunction = (row, state, emit) => {
  state['count'] = Number(state['count'] ?? 0) + 1
  emit({ key: row['key'] ?? null, at: row['at'] ?? null, n: state['count'] })
  if (row['rank'] === 0) state['count'] = null
}

function operatorOf(order: 'log' | 'event'): OperatorOf<'process'> {
  return {
    op: 'process',
    input,
    by: ['key'],
    order,
    name: 'number',
    version: 1,
    state: [{ name: 'count', type: { kind: 'int32' } }],
    schema: [
      { name: 'key', type: { kind: 'string' } },
      { name: 'at', type: { kind: 'timestamp' } },
      { name: 'n', type: { kind: 'int32' } },
    ],
    at: 'at',
    ties: ['key'],
  }
}

function processOf(order: 'log' | 'event', run: ProcessFunction = number) {
  const out: string[] = []
  const context: OperatorContext = {
    generated: true,
    emit: 'update',
    retracting: false,
    position: { origin: 0, offset: 0, index: 0 },
    functions: { number: run },
    out: {
      push(batch) {
        for (let k = 0; k < batch.selected; k++) {
          const row = batch.selection[k] as number
          const { key, at, n } = readRow(batch, row)
          const sign = batch.weight[row] === 1 ? '+' : '-'
          out.push(`${sign}${key}@${at}=${n}${batch.settled[row] === 1 ? '!' : ''}`)
        }
      },
    },
  }
  const process = createProcess(operatorOf(order), context)
  let offset = 0
  const row = (key: string, at: number, rank = 1, weight = 1) => {
    const batch = new Batch(ROW)
    appendRow(batch, { key, at, rank }, { at, weight, offset: offset++ })
    process.push(0, batch)
  }
  const flush = (time: number) => process.flush({ watermarkUs: time, frontierUs: time }, false)
  const final = () => process.flush({ watermarkUs: Infinity, frontierUs: Infinity }, true)
  return { process, row, flush, final, taken: () => out.splice(0) }
}

test('in log order each row is seen as it comes', () => {
  const { row, taken } = processOf('log')
  row('a', 30)
  row('b', 5)
  row('a', 10)
  assert.deepEqual(taken(), ['+a@30=1!', '+b@5=1!', '+a@10=2!'])
})

test('in event order a row is seen once the frontier has passed it, by time, ties and position', () => {
  const { row, flush, taken, process } = processOf('event')
  row('a', 30)
  row('a', 10, 2)
  row('a', 10, 1)
  row('a', 10, 1)
  flush(10)
  assert.deepEqual(taken(), [])
  flush(11)
  assert.deepEqual(taken(), ['+a@10=1!', '+a@10=2!', '+a@10=3!'])
  row('a', 20)
  flush(30)
  assert.deepEqual(taken(), ['+a@20=4!'], 'not yet the row at the frontier')
  flush(31)
  assert.deepEqual(taken(), ['+a@30=5!'])
  assert.equal(process.stats['waiting'], 0)
})

test('a key whose state is null is forgotten', () => {
  const { process, row } = processOf('log')
  row('a', 1)
  process.snapshot()
  assert.equal(process.stats.keys, 1)
  row('a', 2, 0)
  process.delta()
  assert.equal(process.stats.keys, 0)
})

test('a row that is taken back before it was seen is never seen', () => {
  const { row, flush, taken } = processOf('event')
  row('a', 10)
  row('a', 11)
  row('a', 10, 1, -1)
  flush(20)
  assert.deepEqual(taken(), ['+a@11=1!'])
})

test('what a final flush gave stays where it came true, and is taken back where not', () => {
  const { row, flush, final, taken, process } = processOf('event')
  row('a', 10)
  row('a', 20)
  row('b', 10)
  final()
  assert.deepEqual(taken(), ['+a@10=1', '+a@20=2', '+b@10=1'])
  assert.equal(process.stats['waiting'], 3)
  row('a', 15)
  flush(12)
  assert.deepEqual(taken(), [], 'both first rows came true')
  flush(16)
  assert.deepEqual(taken(), ['-a@20=2', '+a@15=2!'])
  final()
  assert.deepEqual(taken(), ['+a@20=3'])
  final()
  assert.deepEqual(taken(), [], 'nothing has changed')
})

test('a row of a final flush whose input is taken back goes', () => {
  const { row, final, taken } = processOf('event')
  row('a', 10)
  final()
  row('a', 10, 1, -1)
  taken()
  final()
  assert.deepEqual(taken(), ['-a@10=1'])
})

test('a restored process goes on with states, kept rows and what it published', () => {
  const first = processOf('event')
  first.row('a', 10)
  first.flush(11)
  const snapshot = first.process.snapshot()
  first.row('a', 20)
  first.final()
  const delta = first.process.delta() as Uint8Array
  first.taken()
  const second = processOf('event')
  second.process.restore(snapshot, 'snapshot')
  second.process.restore(delta, 'delta')
  for (const { row, flush, taken } of [first, second]) {
    row('a', 15)
    flush(30)
    assert.deepEqual(taken(), ['-a@20=2', '+a@15=2!', '+a@20=3!'])
  }
})

test('a function that fails, or goes back in time, stops the run and is named', () => {
  const failing = processOf('log', () => {
    throw new Error('no luck')
  })
  assert.throws(() => failing.row('a', 1), { code: 'process.failed', message: /"number".*no luck/ })
  const back = processOf('event', (row, _state, emit) => {
    emit({ key: row['key'] ?? null, at: Number(row['at']) - 100, n: 0 })
  })
  back.row('a', 1_000)
  back.flush(990)
  assert.throws(() => back.flush(1_001), { code: 'process.failed' })
})
