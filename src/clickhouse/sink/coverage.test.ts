import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Unit } from '#ports'
import { explainRows, type StoredRows } from './coverage.ts'

function unit(id: string, rows: number, positionHash: number, first: number, last: number): Unit {
  const ranges = [[0, first, last]] as const
  return { id, table: 't', upsert: false, rows, positionHash, at: 0, bytes: 1, crc32c: 0, ranges }
}

function stored(partition: string, of: readonly Unit[], parts: readonly string[]): StoredRows {
  return {
    epoch: 1,
    partition,
    parts,
    rows: of.reduce((sum, entry) => sum + entry.rows, 0),
    positionHash: of.reduce((sum, entry) => sum + entry.positionHash, 0),
    extents: new Map([
      [
        0,
        [
          Math.min(...of.map(entry => entry.ranges[0]?.[1] ?? 0)),
          Math.max(...of.map(entry => entry.ranges[0]?.[2] ?? 0)),
        ],
      ],
    ]),
  }
}

const a = unit('a', 3, 111, 0, 2)
const b = unit('b', 3, 222, 3, 5)
const c = unit('c', 5, 333, 6, 10)

test('rows of several units in one partition are told apart from those that are missing', () => {
  const { covered, unexplained } = explainRows([a, b, c], [stored('p', [a, c], ['x', 'y'])])
  assert.deepEqual([...covered], [a, c])
  assert.deepEqual(unexplained, [])
})

test('a number that fits with a hash that does not, explains nothing', () => {
  const wrong = { ...stored('p', [a], ['x']), positionHash: 112 }
  assert.deepEqual(explainRows([a, b], [wrong]).unexplained, [wrong])
  const moved = { ...stored('p', [a], ['x']), extents: new Map([[0, [0, 3] as const]]) }
  assert.deepEqual(explainRows([a, b], [moved]).unexplained, [moved])
})

test('a unit that is there twice is not covered', () => {
  const twice = { ...stored('p', [a, a], ['x', 'y']), positionHash: 222, rows: 6 }
  assert.equal(explainRows([a], [twice]).covered.size, 0)
})

test('a unit in more parts than one is torn; one merged into a larger part is not', () => {
  assert.equal(explainRows([a], [stored('p', [a], ['x', 'y'])]).split.length, 1)
  assert.equal(explainRows([a, b], [stored('p', [a, b], ['merged'])]).split.length, 0)
})

test('units of the same rows in two partitions explain one partition each', () => {
  const { covered } = explainRows([a, b], [stored('p', [b], ['x']), stored('q', [a], ['y'])])
  assert.equal(covered.size, 2)
})
