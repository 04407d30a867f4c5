import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlatformError, seededRandom } from '#base'
import { planHash } from '#plan'
import { TOO_LATE } from '#runtime'
import {
  clickItems,
  engineApplication,
  type Item,
  type TableName,
  userItems,
} from './engine-application.ts'
import { classify, modelTables } from './engine-model.ts'
import { Crash, Engine, type EngineOptions } from './engine-run.ts'

const OPTIONS: EngineOptions = { batchRows: 1_024, epochRows: 500, workers: 1, generated: true }
const TABLES = Object.keys(modelTables([[]], [[]])) as TableName[]

function itemsOf(seed: number, records = 1_500) {
  const random = seededRandom(seed)
  const clicks = clickItems(random, records, 4)
  return { clicks, users: userItems(random, records / 20, 12, 2) }
}

function assertTables(engine: Engine, expected: ReturnType<typeof modelTables>, what: string) {
  for (const table of TABLES) {
    assert.deepEqual(engine.table(table), expected[table], `${table}, ${what}`)
  }
}

test('a bounded run gives what the naive model gives', async () => {
  const { clicks, users } = itemsOf(1)
  const expected = modelTables(clicks, users)
  for (const emit of ['update', 'settled', 'closed'] as const) {
    const engine = new Engine(engineApplication(emit), 7)
    engine.log.record('clicks', clicks)
    engine.log.record('users', users)
    const [summary] = await engine.run(OPTIONS)
    assertTables(engine, expected, emit)
    const verdicts = classify(clicks, 5_000_000, 10_000_000)
    const counts = summary?.counts['clicks']
    assert.ok(counts !== undefined)
    assert.equal(summary?.counts['users']?.records, users.flat().length)
    assert.equal(counts.late, verdicts.late)
    assert.equal(counts.tooLate, verdicts.tooLate)
    assert.equal(sumOf(counts.deadLetters), verdicts.dead)
    assert.equal(counts.accepted - counts.duplicates, expected.events.length)
    const kept = counts.accepted + sumOf(counts.filtered)
    assert.equal(counts.records, kept + counts.tooLate + verdicts.dead, 'every record is somewhere')
  }
})

test('what is rejected is in rejected_records, once, with its bytes and the reason', async () => {
  const { clicks, users } = itemsOf(5)
  const engine = new Engine(engineApplication('update'), 11)
  engine.log.record('clicks', clicks)
  engine.log.record('users', users)
  await engine.run({ ...OPTIONS, workers: 2 })
  const rejected = engine.published('rejected_records')
  const places = new Set(
    rejected.map(row => `${row['topic']} ${row['partition']} ${row['offset']}`),
  )
  assert.equal(places.size, rejected.length)
  for (const [topic, items, disorder] of [
    ['clicks', clicks, 5_000_000],
    ['users', users, 20_000_000],
  ] as const) {
    const { tooLate, dead } = classify(items, disorder, 10_000_000)
    const own = rejected.filter(row => row['topic'] === topic)
    assert.equal(own.filter(row => row['reason'] === TOO_LATE).length, tooLate, topic)
    assert.equal(own.length, tooLate + dead, topic)
    const values = new Set(items.flat().map(item => (item.kind === 'record' ? item.value : '')))
    for (const row of own) assert.ok(values.has(String(row['value'])), String(row['value']))
  }
  assert.ok(rejected.length > 20)
})

test('rows behind a rekey have the position of their repartition record', async () => {
  const { clicks, users } = itemsOf(6)
  const engine = new Engine(engineApplication('update'), 12)
  engine.log.record('clicks', clicks)
  engine.log.record('users', users)
  await engine.run(OPTIONS)
  const rows = engine.published('moved')
  assert.equal(new Set(rows.map(row => `${row['_p']} ${row['_o']}`)).size, rows.length)
  assert.ok(rows.every(row => Number(row['_p']) < 3))
  assert.ok(engine.published('events').some(row => row['_p'] === 3))
})

test('state of another plan is refused, and both plans are named', async () => {
  const { clicks, users } = itemsOf(7, 100)
  const engine = new Engine(engineApplication('update'), 13)
  engine.log.record('clicks', clicks)
  engine.log.record('users', users)
  await engine.run(OPTIONS)
  const before = engine.application
  engine.application = { ...before, version: '2' }
  await assert.rejects(engine.run(OPTIONS), (error: PlatformError) => {
    assert.equal(error.code, 'plan.changed')
    assert.ok(error.message.includes(planHash(before)), error.message)
    return error.message.includes(planHash(engine.application))
  })
})

test('batch size, workers and generated code change nothing', async () => {
  const { clicks, users } = itemsOf(2)
  const expected = modelTables(clicks, users)
  for (const options of [
    { ...OPTIONS, batchRows: 1, epochRows: 97 },
    { ...OPTIONS, batchRows: 7, workers: 2, generated: false },
    { ...OPTIONS, batchRows: 'random', workers: 3, epochRows: 50 },
  ] as const) {
    for (const emit of ['update', 'settled'] as const) {
      const engine = new Engine(engineApplication(emit), 8)
      engine.log.record('clicks', clicks)
      engine.log.record('users', users)
      await engine.run(options)
      assertTables(engine, expected, JSON.stringify({ ...options, emit }))
    }
  }
})

test('a crash at each named point loses nothing and repeats nothing', async () => {
  const { clicks, users } = itemsOf(3, 700)
  const expected = modelTables(clicks, users)
  for (const point of ['C3', 'C4.spooled', 'C5.committed'] as const) {
    for (const workers of [1, 2]) {
      const engine = new Engine(engineApplication('update'), 9)
      engine.log.record('clicks', clicks)
      engine.log.record('users', users)
      const options = { ...OPTIONS, epochRows: 100, workers }
      let crashes = 0
      for (let pass = 0; pass < 6; pass++) {
        await engine.run(options, { point, pass }).catch((error: unknown) => {
          if (!(error instanceof Crash)) throw error
          crashes++
        })
      }
      assert.ok(crashes >= 4, `${crashes} crashes at ${point}`)
      await engine.run(options)
      assertTables(engine, expected, `${point}, ${workers} workers`)
    }
  }
})

test('bounded runs over a growing log end where one run over all of it does', async () => {
  const { clicks, users } = itemsOf(4)
  const expected = modelTables(clicks, users)
  for (const emit of ['update', 'settled', 'closed'] as const) {
    const engine = new Engine(engineApplication(emit), 10)
    for (let part = 0; part < 5; part++) {
      engine.log.record(
        'clicks',
        clicks.map(list => slice(list, part, 5)),
      )
      engine.log.record(
        'users',
        users.map(list => slice(list, part, 5)),
      )
      const summaries = await engine.run({ ...OPTIONS, workers: 1 + (part % 3) })
      const [seenClicks, seenUsers] = [clicks, users].map(items =>
        items.map(list => list.slice(0, Math.ceil((list.length * (part + 1)) / 5))),
      )
      assertTables(engine, modelTables(seenClicks ?? [], seenUsers ?? []), `${emit}, part ${part}`)
      const read = summaries.reduce((n, { counts }) => n + (counts['clicks']?.records ?? 0), 0)
      assert.equal(read, seenClicks?.flat().filter(item => item.kind === 'record').length)
    }
    assertTables(engine, expected, emit)
  }
})

test('a restart knows how far time had come', async () => {
  const engine = new Engine(engineApplication('update'), 14)
  const record = (at: number, seq: number): Item => {
    const row = { user: 'u0', seq, at, amount: 1, kind: 'view' }
    return { kind: 'record', value: JSON.stringify(row), row }
  }
  engine.log.record('users', [[], []])
  for (const [seq, at] of [100, 85, 84].entries()) {
    engine.log.record('clicks', [[record(at * 1_000_000, seq)], [], [], []])
    await engine.run(OPTIONS)
  }
  assert.equal(engine.table('events').length, 2)
  assert.equal(engine.published('rejected_records').length, 1)
})

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Part `part` of `parts` of a list. */
function slice<T>(list: readonly T[], part: number, parts: number): T[] {
  const end = (k: number) => Math.ceil((list.length * k) / parts)
  return list.slice(end(part), end(part + 1))
}
