import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvariantError, type Random, seededRandom } from '#base'
import { appendRow, Batch, readRows } from '#columns'
import type { Operator, Row, Schema } from '#plan'
import { createDedupe } from './dedupe.ts'
import type { OperatorInstance, OperatorOf } from './operator.ts'

const SCHEMA: Schema = [
  { name: 'id', type: { kind: 'uuid' } },
  { name: 'name', type: { kind: 'string', nullable: true } },
  { name: 'shop', type: { kind: 'int64', nullable: true } },
  { name: 'at', type: { kind: 'timestamp' } },
]

function makeDedupe(by: readonly string[], out: Row[]): OperatorInstance {
  const output = { schema: SCHEMA, at: 'at', ties: [] }
  const input: Operator = { op: 'source', source: 's', ...output }
  const operator: OperatorOf<'dedupe'> = { op: 'dedupe', input, by, ...output }
  return createDedupe(operator, {
    generated: true,
    emit: 'update',
    retracting: false,
    images: false,
    position: { origin: 0, offset: 0, index: 0 },
    functions: {},
    out: { push: batch => void out.push(...readRows(batch)) },
  })
}

function push(instance: OperatorInstance, rows: readonly Row[]): void {
  const batch = new Batch(SCHEMA)
  for (const row of rows) appendRow(batch, row, { at: row['at'] as number })
  instance.push(0, batch)
}

function flush(instance: OperatorInstance, frontierUs: number): void {
  instance.flush({ watermarkUs: frontierUs, frontierUs }, false)
}

const uuid = (n: number): string => `0000000${n % 10}-0000-4000-8000-${String(n).padStart(12, '0')}`
const row = (n: number, at: number): Row => ({ id: uuid(n), name: null, shop: null, at })

function randomRow(random: Random, at: number): Row {
  return {
    id: uuid(random.int(30)),
    name: random.next() < 0.2 ? null : (['', 'a', 'ab', 'b'][random.int(4)] as string),
    shop:
      random.next() < 0.3 ? null : ([1n, -1n, 2n ** 62n, 2n ** 62n + 1n][random.int(4)] as bigint),
    at,
  }
}

const keyOf = (by: readonly string[], entry: Row): string =>
  [...by, 'at'].map(name => String(entry[name])).join('|')

for (const by of [['id'], ['name'], ['shop'], ['name', 'shop'], ['id', 'name']]) {
  test(`dedupe by ${by.join(' and ')} keeps the first of each, through restarts`, () => {
    const random = seededRandom(by.length * 7 + 1)
    const out: Row[] = []
    const expected: Row[] = []
    const seen = new Set<string>()
    let instance = makeDedupe(by, out)
    let state: [Uint8Array, 'snapshot' | 'delta'][] = []
    let clock = -100_000_000
    let pushed = 0
    for (let epoch = 0; epoch < 150; epoch++) {
      clock += random.int(3) * 4_000_000
      const rows = Array.from({ length: random.int(30) }, () =>
        randomRow(random, clock - random.int(6) * 4_000_000),
      )
      for (const entry of rows) {
        if (!seen.has(keyOf(by, entry))) expected.push(entry)
        seen.add(keyOf(by, entry))
      }
      pushed += rows.length
      push(instance, rows)
      flush(instance, clock - 20_000_000)
      assert.deepEqual(out, expected)
      if (random.next() < 0.1) state = [[instance.snapshot(), 'snapshot']]
      else {
        const bytes = instance.delta()
        if (bytes !== undefined) state.push([bytes, 'delta'])
      }
      if (random.next() < 0.2) {
        instance = makeDedupe(by, out)
        for (const [bytes, kind] of state) instance.restore(bytes, kind)
      }
    }
    assert.ok(expected.length < pushed, 'some were copies')
    assert.ok(instance.stats.keys < expected.length / 2, 'old rows are forgotten')
    flush(instance, Infinity)
    assert.equal(instance.stats.keys, 0)
  })
}

test('a row is kept while the frontier stands at its time', () => {
  const out: Row[] = []
  const instance = makeDedupe(['id'], out)
  const last = 16_000_000 - 1
  push(instance, [row(1, last)])
  flush(instance, last)
  push(instance, [row(1, last)])
  assert.equal(out.length, 1)
  assert.equal(instance.stats['duplicates'], 1)
  flush(instance, last + 1)
  assert.equal(instance.stats.keys, 0)
  assert.throws(() => push(instance, [row(1, last)]), InvariantError)
})

test('the same id at another time is another row, and counted', () => {
  const out: Row[] = []
  const instance = makeDedupe(['id'], out)
  push(instance, [row(1, -5), row(1, -4), row(1, -5), row(2, -5)])
  assert.equal(out.length, 3)
  assert.equal(instance.stats['otherTimes'], 1)
  assert.equal(instance.stats['duplicates'], 1)
})

test('rows that are not selected are never remembered', () => {
  const out: Row[] = []
  const instance = makeDedupe(['id'], out)
  const batch = new Batch(SCHEMA)
  appendRow(batch, row(1, 1), { at: 1 })
  batch.selected = 0
  instance.push(0, batch)
  push(instance, [row(1, 1)])
  assert.equal(out.length, 1)
})
