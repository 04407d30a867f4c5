import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendRow, Batch, readRow } from '#columns'
import type { Emit, Operator, Schema } from '#plan'
import type { OperatorContext, OperatorOf, Progress } from '../operator.ts'
import { createLookup } from './lookup.ts'

const LEFT: Schema = [
  { name: 'key', type: { kind: 'string', nullable: true } },
  { name: 'at', type: { kind: 'timestamp' } },
]
const TABLE: Schema = [
  { name: 'id', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'rank', type: { kind: 'int32' } },
  { name: 'tier', type: { kind: 'string' } },
  { name: 'gone', type: { kind: 'bool' } },
]
const left: Operator = { op: 'source', source: 'l', schema: LEFT, at: 'at', ties: [] }
const table: Operator = { op: 'source', source: 't', schema: TABLE, at: 'at', ties: ['rank'] }
const operator: OperatorOf<'lookup'> = {
  op: 'lookup',
  input: left,
  table,
  on: ['key', 'id'],
  take: [{ name: 'tier', column: 'tier', otherwise: 'none' }],
  deleted: { node: 'column', name: 'gone', type: { kind: 'bool' } },
  waitMaxUs: 50,
  schema: [...LEFT, { name: 'tier', type: { kind: 'string' } }],
  at: 'at',
  ties: [],
}

function lookupOf(emit: Emit = 'update', retracting = false) {
  const out: string[] = []
  const context: OperatorContext = {
    generated: true,
    emit,
    retracting,
    position: { origin: 0, offset: 0, index: 0 },
    functions: {},
    out: {
      push(batch) {
        for (let k = 0; k < batch.selected; k++) {
          const row = batch.selection[k] as number
          const { key, at, tier } = readRow(batch, row)
          const sign = batch.weight[row] === 1 ? '+' : '-'
          out.push(`${sign}${key}@${at}=${tier}${batch.settled[row] === 1 ? '!' : ''}`)
        }
      },
    },
  }
  const lookup = createLookup(operator, context)
  const row = (key: string | null, at: number, weight = 1) => {
    const batch = new Batch(LEFT)
    appendRow(batch, { key, at }, { at, weight })
    lookup.push(0, batch)
  }
  let offset = 0
  const version = (id: string, at: number, tier: string, gone = false, rank = 0) => {
    const batch = new Batch(TABLE)
    appendRow(batch, { id, at, rank, tier, gone }, { at, offset: offset++ })
    lookup.push(1, batch)
  }
  /** Left and table time, watermark and frontier being equal. */
  const flush = (leftUs: number, tableUs: number, tableFrontierUs = tableUs) => {
    const inputs: Progress[] = [
      { watermarkUs: leftUs, frontierUs: leftUs },
      { watermarkUs: tableUs, frontierUs: tableFrontierUs },
    ]
    const frontierUs = Math.min(leftUs, tableFrontierUs)
    lookup.flush({ watermarkUs: Math.min(leftUs, tableUs), frontierUs }, false, inputs)
  }
  return { lookup, row, version, flush, taken: () => out.splice(0) }
}

test('a version of equal time matches, a later one does not', () => {
  const { row, version, flush, taken } = lookupOf()
  version('a', 10, 'old')
  version('a', 20, 'new')
  for (const at of [9, 10, 19, 20]) row('a', at)
  flush(30, 30)
  assert.deepEqual(taken().sort(), ['+a@10=old!', '+a@19=old!', '+a@20=new!', '+a@9=none!'])
})

test('of versions at one time the greater tie wins, then the later position', () => {
  const { row, version, flush, taken } = lookupOf()
  version('a', 10, 'second', false, 2)
  version('a', 10, 'first', false, 1)
  version('b', 10, 'earlier')
  version('b', 10, 'later')
  row('a', 10)
  row('b', 10)
  flush(30, 30)
  assert.deepEqual(taken().sort(), ['+a@10=second!', '+b@10=later!'])
})

test('a delete version gives the default, and so does a null key, at once', () => {
  const { row, version, flush, taken } = lookupOf()
  version('a', 10, 'x')
  version('a', 20, 'x', true)
  row(null, 5)
  assert.deepEqual(taken(), ['+null@5=none!'])
  row('a', 20)
  row('a', 25)
  flush(30, 30)
  assert.deepEqual(taken(), ['+a@20=none!', '+a@25=none!'])
})

test('a row waits for the table, but no longer than waitMax by the left watermark', () => {
  const { row, version, flush, taken, lookup } = lookupOf()
  row('a', 100)
  flush(149, 100)
  assert.deepEqual(taken(), [])
  flush(150, 100)
  assert.deepEqual(taken(), ['+a@100=none'])
  version('a', 100, 'late')
  assert.deepEqual(taken(), ['-a@100=none', '+a@100=late'])
  version('a', 101, 'after')
  assert.deepEqual(taken(), [])
  flush(160, 150, 101)
  assert.deepEqual(taken(), ['-a@100=late', '+a@100=late!'])
  assert.equal(lookup.stats['waiting'], 0)
})

test('who wants settled rows gets each once', () => {
  const { row, version, flush, taken } = lookupOf('settled')
  row('a', 100)
  flush(1_000, 100)
  version('a', 90, 'x')
  flush(1_000, 101, 100)
  assert.deepEqual(taken(), [])
  flush(1_000, 101)
  assert.deepEqual(taken(), ['+a@100=x!'])
  row('a', 95)
  assert.deepEqual(taken(), ['+a@95=x!'], 'the table has passed it already')
})

test('of each key one version before both frontiers is kept, and all later ones', () => {
  const { row, version, flush, taken, lookup } = lookupOf()
  for (const at of [10, 20, 30, 40]) version('a', at, `v${at}`)
  flush(25, 100)
  assert.equal(lookup.stats['versions'], 3)
  flush(30, 100)
  assert.equal(lookup.stats['versions'], 2)
  row('a', 30)
  row('a', 45)
  assert.deepEqual(taken(), ['+a@30=v30!', '+a@45=v40!'])
  flush(Infinity, Infinity)
  assert.equal(lookup.stats['versions'], 1)
})

test('a row that is taken back is, with what it was given', () => {
  const { row, version, flush, taken, lookup } = lookupOf('update', true)
  version('a', 10, 'x')
  row('a', 20)
  flush(5, 25)
  assert.deepEqual(taken(), ['+a@20=x'])
  row('a', 20, -1)
  assert.deepEqual(taken(), ['-a@20=x'])
  assert.equal(lookup.stats['waiting'], 0)
})

test('a final flush publishes what waits, and the next version restates it', () => {
  const { row, version, lookup, taken } = lookupOf('update')
  row('a', 20)
  const end = { watermarkUs: Infinity, frontierUs: Infinity }
  lookup.flush(end, true, [end, end])
  assert.deepEqual(taken(), ['+a@20=none!'])
  assert.equal(lookup.stats['waiting'], 1)
  version('a', 20, 'x')
  assert.deepEqual(taken(), ['-a@20=none', '+a@20=x'])
})

test('who wants settled rows learns of a change at the next final flush, not before', () => {
  const { row, version, lookup, taken } = lookupOf('settled')
  const end = { watermarkUs: Infinity, frontierUs: Infinity }
  row('a', 20)
  row('b', 20)
  lookup.flush(end, true, [end, end])
  assert.deepEqual(taken(), ['+a@20=none!', '+b@20=none!'])
  version('a', 20, 'x')
  assert.deepEqual(taken(), [])
  lookup.flush(end, true, [end, end])
  assert.deepEqual(taken(), ['-a@20=none', '+a@20=x!'])
})

test('a restored lookup takes back what the other gave out', () => {
  const first = lookupOf()
  first.version('a', 10, 'x')
  first.row('a', 20)
  const snapshot = first.lookup.snapshot()
  first.row('a', 30)
  first.flush(75, 20)
  assert.deepEqual(first.taken(), ['+a@20=x'])
  const delta = first.lookup.delta() as Uint8Array
  const second = lookupOf()
  second.lookup.restore(snapshot, 'snapshot')
  second.lookup.restore(delta, 'delta')
  for (const { version, flush, taken } of [first, second]) {
    version('a', 15, 'y')
    assert.deepEqual(taken(), ['-a@20=x', '+a@20=y'])
    flush(100, 100)
    assert.deepEqual(taken().sort(), ['+a@20=y!', '+a@30=y!', '-a@20=y'])
  }
})
