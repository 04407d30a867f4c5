/** The boundaries of windows, which random rows hardly meet, and when rows of them are given out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError } from '#base'
import { appendRow, Batch, readRow } from '#columns'
import type { Emit, Operator, Schema, Window } from '#plan'
import type { OperatorInstance } from '../operator.ts'
import { createAggregate } from './aggregate.ts'
import type { AggregateOperator } from './aggregate-state.ts'

const SCHEMA: Schema = [
  { name: 'user', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'page', type: { kind: 'string', nullable: true } },
]

interface Options {
  readonly emit?: Emit
  readonly images?: boolean
  readonly retracting?: boolean
}

/** An instance of `count`, `first page`, `last page` by user, and what it gave out as text. */
function make(window: Window, options: Options = {}): { run: OperatorInstance; out: string[] } {
  const { emit = 'update', images = true, retracting = false } = options
  const input: Operator = { op: 'source', source: 's', schema: SCHEMA, at: 'at', ties: [] }
  const page = { node: 'column', name: 'page', type: { kind: 'string', nullable: true } } as const
  const operator: AggregateOperator = {
    op: 'aggregate',
    input,
    by: ['user'],
    window,
    bounds: ['from', 'to'],
    aggregates: [
      { name: 'n', fn: 'count' },
      { name: 'first', fn: 'first', arg: page },
      { name: 'last', fn: 'last', arg: page },
    ],
    schema: [
      { name: 'user', type: { kind: 'string' } },
      ...(window.kind === 'all' ? [] : [{ name: 'from', type: { kind: 'timestamp' } } as const]),
      { name: 'to', type: { kind: 'timestamp' } },
      { name: 'n', type: { kind: 'int64' } },
      { name: 'first', type: page.type },
      { name: 'last', type: page.type },
    ],
    at: 'to',
    ties: ['user'],
  }
  const out: string[] = []
  const push = (batch: Batch): void => {
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      const { from, to, n, first, last } = readRow(batch, row)
      const sign = (batch.weight[row] as number) > 0 ? '+' : '-'
      const settled = batch.settled[row] === 1 ? ' settled' : ''
      out.push(`${sign}[${from ?? ''},${to}] ${n} ${first} ${last} @${batch.at[row]}${settled}`)
    }
  }
  const position = { origin: 0, offset: 0, index: 0 }
  const context = { generated: true, emit, retracting, images, position, functions: {} }
  return { run: createAggregate(operator, { ...context, out: { push } }), out }
}

function push(
  run: OperatorInstance,
  rows: readonly (readonly [number, string | null])[],
  weight = 1,
): void {
  const batch = new Batch(SCHEMA)
  for (const [at, page] of rows) appendRow(batch, { user: 'u', at, page }, { at, weight })
  run.push(0, batch)
}

function flush(run: OperatorInstance, frontierUs: number, watermarkUs = frontierUs): void {
  run.flush({ watermarkUs, frontierUs }, false)
}

const SESSION: Window = { kind: 'session', gapUs: 10 }
const TUMBLE: Window = { kind: 'hop', sizeUs: 10, advanceUs: 10, offsetUs: 0 }

for (const retracting of [false, true]) {
  const mode = retracting ? 'where rows may be taken back' : 'of rows that are never taken back'

  test(`rows exactly the gap apart are two sessions, less is one, ${mode}`, () => {
    const { run, out } = make(SESSION, { emit: 'settled', retracting })
    push(run, [
      [-20, 'a'],
      [-10, 'b'],
      [-1, 'c'],
    ])
    flush(run, Infinity)
    assert.deepEqual(out.sort(), ['+[-10,-1] 2 b c @-1 settled', '+[-20,-20] 1 a a @-20 settled'])
  })

  test(`a session settles when the frontier is at its end plus the gap, ${mode}`, () => {
    const { run, out } = make(SESSION, { emit: 'settled', retracting })
    push(run, [[0, 'a']])
    flush(run, 9)
    assert.deepEqual(out, [])
    push(run, [[9, 'b']])
    flush(run, 18)
    assert.deepEqual(out, [])
    flush(run, 19)
    assert.deepEqual(out, ['+[0,9] 2 a b @9 settled'])
    assert.equal(run.stats.keys, 0)
    push(run, [[19, 'c']])
    flush(run, 100)
    assert.equal(out.at(-1), '+[19,19] 1 c c @19 settled')
  })

  test(`a window settles when the frontier is at its end, before 1970 too, ${mode}`, () => {
    const { run, out } = make(TUMBLE, { emit: 'settled', retracting })
    push(run, [
      [-10, 'a'],
      [-1, 'b'],
      [0, 'c'],
      [-11, 'd'],
    ])
    flush(run, -1)
    assert.deepEqual(out, ['+[-20,-10] 1 d d @-11 settled'])
    flush(run, 0)
    assert.deepEqual(out.slice(1), ['+[-10,0] 2 a b @-1 settled'])
    flush(run, 10)
    assert.deepEqual(out.slice(2), ['+[0,10] 1 c c @9 settled'])
    assert.equal(run.stats.keys, 0)
  })

  test(`hop windows hold a row as often as they overlap it, ${mode}`, () => {
    const hop: Window = { kind: 'hop', sizeUs: 30, advanceUs: 10, offsetUs: 3 }
    const { run, out } = make(hop, { emit: 'settled', retracting })
    push(run, [
      [-7, 'a'],
      [-8, 'b'],
    ])
    flush(run, Infinity)
    assert.deepEqual(out.sort(), [
      '+[-17,13] 2 b a @12 settled',
      '+[-27,3] 2 b a @2 settled',
      '+[-37,-7] 1 b b @-8 settled',
      '+[-7,23] 1 a a @22 settled',
    ])
  })

  test(`a row that joins two sessions takes both back and gives one, ${mode}`, () => {
    const { run, out } = make(SESSION, { retracting })
    push(run, [
      [0, 'a'],
      [18, 'b'],
    ])
    flush(run, -100)
    push(run, [[9, 'm']])
    flush(run, -100)
    const [first, second, ...rest] = out.slice(2)
    assert.deepEqual([first, second].sort(), ['-[0,0] 1 a a @0', '-[18,18] 1 b b @18'])
    assert.deepEqual(rest, ['+[0,18] 3 a b @18'])
  })

  test(`the one window over all settles once its input has ended, ${mode}`, () => {
    const { run, out } = make({ kind: 'all' }, { emit: 'settled', retracting })
    push(run, [
      [5, 'a'],
      [-5, 'b'],
    ])
    flush(run, 4_000_000_000_000_000)
    assert.deepEqual(out, [])
    flush(run, 9_007_199_254_740_991 - 1_000_000)
    assert.deepEqual(out, ['+[,5] 2 b a @5 settled'])
  })
}

test('a row exactly the gap behind a session begins another, and one 1 µs nearer joins both', () => {
  const { run, out } = make(SESSION, { emit: 'settled' })
  push(run, [
    [0, 'a'],
    [19, 'c'],
    [10, 'b'],
  ])
  flush(run, Infinity)
  assert.deepEqual(out.sort(), ['+[0,0] 1 a a @0 settled', '+[10,19] 2 b c @19 settled'])
})

test('of rows of equal time the first to arrive is first and the last is last, null or not', () => {
  const { run, out } = make(SESSION)
  push(run, [
    [5, 'a'],
    [5, null],
  ])
  flush(run, -100)
  push(run, [
    [5, 'c'],
    [5, null],
  ])
  flush(run, -100)
  assert.equal(out.at(-1), '+[5,5] 4 a null @5')
})

test('a late row makes a new start: without images the old identity alone is taken back', () => {
  const { run, out } = make(SESSION, { images: false })
  push(run, [[5, 'a']])
  flush(run, -100)
  push(run, [[6, 'b']])
  flush(run, -100)
  push(run, [[3, 'c']])
  flush(run, -100)
  assert.deepEqual(out, [
    '+[5,5] 1 a a @5',
    '+[5,6] 2 a b @6',
    '-[5,6] null null null @6',
    '+[3,6] 3 c b @6',
  ])
})

test('a closed row is given out when the watermark is at its end, and restated when it changes', () => {
  const { run, out } = make(TUMBLE, { emit: 'closed' })
  push(run, [[1, 'a']])
  flush(run, -50, 9)
  assert.deepEqual(out, [])
  flush(run, -50, 10)
  assert.deepEqual(out, ['+[0,10] 1 a a @9'])
  push(run, [[2, 'b']])
  flush(run, -49, 11)
  assert.deepEqual(out.slice(1), ['-[0,10] 1 a a @9', '+[0,10] 2 a b @9'])
  flush(run, 10, 70)
  assert.deepEqual(out.slice(3), ['-[0,10] 2 a b @9', '+[0,10] 2 a b @9 settled'])
  assert.equal(run.stats.keys, 0)
})

for (const retracting of [false, true]) {
  const mode = retracting ? 'where rows may be taken back' : 'of rows that are never taken back'

  test(`what a final flush gave out before it closed is restated at once, ${mode}`, () => {
    const { run, out } = make(TUMBLE, { emit: 'closed', retracting })
    push(run, [[1, 'a']])
    run.flush({ watermarkUs: 2, frontierUs: 0 }, true)
    push(run, [[3, 'b']])
    flush(run, 0, 3)
    assert.deepEqual(out.slice(1), ['-[0,10] 1 a a @9', '+[0,10] 2 a b @9'])
  })

  test(`what a final flush gave out and later rows change is taken back at once, ${mode}`, () => {
    const { run, out } = make(SESSION, { emit: 'settled', retracting })
    push(run, [
      [0, 'a'],
      [30, 'z'],
    ])
    run.flush({ watermarkUs: 0, frontierUs: 0 }, true)
    assert.deepEqual(out.sort(), ['+[0,0] 1 a a @0 settled', '+[30,30] 1 z z @30 settled'])
    push(run, [[9, 'b']])
    flush(run, 5)
    assert.deepEqual(out.slice(2), ['-[0,0] 1 a a @0'])
    flush(run, 100)
    const settled = ['+[0,9] 2 a b @9 settled', '+[30,30] 1 z z @30 settled']
    assert.deepEqual(out.slice(3).sort(), [...settled, '-[30,30] 1 z z @30'])
  })
}

test('what a final flush gave to a table stands there until the settled row replaces it', () => {
  const { run, out } = make(SESSION, { emit: 'settled', images: false })
  push(run, [[0, 'a']])
  run.flush({ watermarkUs: 0, frontierUs: 0 }, true)
  push(run, [[9, 'b']])
  flush(run, 5)
  assert.equal(out.length, 1)
  flush(run, 100)
  assert.deepEqual(out.slice(1), ['+[0,9] 2 a b @9 settled'])
})

test('a session splits where the row between its halves is taken back', () => {
  const { run, out } = make(SESSION, { retracting: true })
  push(run, [
    [0, 'a'],
    [8, 'b'],
    [16, 'c'],
  ])
  flush(run, -100)
  push(run, [[8, 'b']], -1)
  flush(run, -100)
  assert.equal(out[1], '-[0,16] 3 a c @16')
  assert.deepEqual(out.slice(2).sort(), ['+[0,0] 1 a a @0', '+[16,16] 1 c c @16'])
})

test('a row before the frontier, or of a settled window, is a bug of ours', () => {
  const session = make(SESSION)
  flush(session.run, 100)
  assert.throws(() => push(session.run, [[99, 'a']]), InvariantError)
  const tumble = make(TUMBLE)
  flush(tumble.run, 10)
  assert.throws(() => push(tumble.run, [[9, 'a']]), InvariantError)
  assert.throws(() => push(make(TUMBLE).run, [[9, 'a']], -1), InvariantError)
})

test('progress stands back by the gap of sessions, and by nothing else', () => {
  const progress = { watermarkUs: 100, frontierUs: 50 }
  assert.deepEqual(make(SESSION).run.flush(progress, false), { watermarkUs: 90, frontierUs: 40 })
  assert.deepEqual(make(TUMBLE).run.flush(progress, false), progress)
  const retracting = make(SESSION, { retracting: true })
  assert.deepEqual(retracting.run.flush(progress, false), { watermarkUs: 90, frontierUs: 40 })
})

test('state is given back to the last byte that it refers to', () => {
  const { run } = make(SESSION, { emit: 'settled' })
  for (let round = 0; round < 200; round++) {
    push(
      run,
      Array.from({ length: 50 }, (_, k) => [round * 1000 + k * 11, `page ${round} ${k}`]),
    )
    flush(run, round * 1000 + 900)
    assert.equal(run.stats.keys, 0)
  }
  assert.ok(run.stats.bytes < 200_000, `${run.stats.bytes} bytes`)
})
