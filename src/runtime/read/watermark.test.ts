import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Batch } from '#columns'
import { END_OF_TIME_US } from '#ports'
import { PartitionTime } from './watermark.ts'

interface Item {
  /** Rows of one record; a mark has one and `mark`. */
  readonly at: readonly number[]
  readonly mark: boolean
  readonly dead: boolean
}

type Verdict = 'onTime' | 'late' | 'tooLate'

/** The formula as it is written, over exact integers. */
function formula(items: readonly Item[], disorder: bigint, lateness: bigint): Verdict[] {
  const verdicts: Verdict[] = []
  let greatest: bigint | undefined
  for (const item of items) {
    if (item.dead) continue
    const watermark = greatest === undefined ? undefined : greatest - disorder
    for (const time of item.at) {
      const at = BigInt(time)
      let verdict: Verdict = 'onTime'
      if (!item.mark && watermark !== undefined) {
        if (at < watermark - lateness) verdict = 'tooLate'
        else if (at < watermark) verdict = 'late'
      }
      if (!item.mark) verdicts.push(verdict)
      if (verdict !== 'tooLate' && (greatest === undefined || at > greatest)) greatest = at
    }
  }
  return verdicts
}

/** The same through `classify`, rows cut into batches of `size`. */
function classified(
  items: readonly Item[],
  disorder: number,
  lateness: number,
  size: number,
): { verdicts: Verdict[]; late: number; time: PartitionTime } {
  const time = new PartitionTime(disorder, lateness)
  const batch = new Batch([], 64)
  const verdicts: Verdict[] = []
  let late = 0
  const flush = () => {
    if (batch.length === 0) return
    const before = [...batch.selection.subarray(0, batch.selected)]
    const tops = new Map(before.map(row => [row, row]))
    time.classify(batch)
    const kept = new Set(batch.selection.subarray(0, batch.selected))
    assert.deepEqual(
      [...tops.keys()].filter(row => !kept.has(row)),
      time.tooLateRows,
    )
    for (const row of before) verdicts.push(kept.has(row) ? 'onTime' : 'tooLate')
    late += time.late
    batch.clear()
  }
  let offset = 0
  for (const item of items) {
    offset += 3
    if (item.mark) {
      flush()
      time.mark(item.at[0] as number)
      continue
    }
    item.at.forEach((at, index) => {
      const row = batch.length++
      batch.at[row] = at
      batch.offset[row] = offset
      batch.index[row] = index
      if (!item.dead) batch.selection[batch.selected++] = row
      if (batch.length === size) flush()
    })
  }
  flush()
  return { verdicts, late, time }
}

const near = fc.integer({ min: -60, max: 60 })
const far = fc.constantFrom(Number.MAX_SAFE_INTEGER - 1, Number.MIN_SAFE_INTEGER, 0)
const item: fc.Arbitrary<Item> = fc
  .record({
    at: fc.array(fc.oneof({ weight: 20, arbitrary: near }, far), { minLength: 1, maxLength: 4 }),
    mark: fc.boolean().map(flag => flag),
    dead: fc.constantFrom(false, false, false, true),
  })
  .map(made => (made.mark ? { at: made.at.slice(0, 1), mark: true, dead: false } : made))

test('rows are judged as the formula says, whatever the batch size', () => {
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 40 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 20 }),
      fc.constantFrom(1, 2, 7, 64),
      (items, disorder, lateness, size) => {
        const wanted = formula(items, BigInt(disorder), BigInt(lateness))
        const got = classified(items, disorder, lateness, size)
        assert.deepEqual(
          got.verdicts,
          wanted.map(verdict => (verdict === 'late' ? 'onTime' : verdict)),
        )
        assert.equal(got.late, wanted.filter(verdict => verdict === 'late').length)
      },
    ),
    { seed: 42, numRuns: 2_000 },
  )
})

test('a row exactly at the watermark is on time, exactly at the frontier is late', () => {
  const records = [100, 90, 89, 80, 79].map(at => ({ at: [at], mark: false, dead: false }))
  const { verdicts, late } = classified(records, 10, 10, 64)
  assert.deepEqual(verdicts, ['onTime', 'onTime', 'onTime', 'onTime', 'tooLate'])
  assert.equal(late, 2)
})

test('rows of one record do not see each other', () => {
  const { verdicts } = classified([{ at: [100, 0, 50], mark: false, dead: false }], 5, 5, 1)
  assert.deepEqual(verdicts, ['onTime', 'onTime', 'onTime'])
})

test('a correction run includes everything', () => {
  const records = [100, -1_000_000].map(at => ({ at: [at], mark: false, dead: false }))
  assert.deepEqual(classified(records, 0, Infinity, 64).verdicts, ['onTime', 'onTime'])
})

test('progress is the watermark and the frontier, and endless after the end mark', () => {
  const time = new PartitionTime(10, 5)
  assert.deepEqual(time.progress, { watermarkUs: -Infinity, frontierUs: -Infinity })
  time.mark(100)
  time.mark(50)
  assert.deepEqual(time.progress, { watermarkUs: 90, frontierUs: 85 })
  time.mark(END_OF_TIME_US)
  assert.deepEqual(time.progress, { watermarkUs: Infinity, frontierUs: Infinity })
})
