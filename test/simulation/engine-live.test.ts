import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '#base'
import { END_OF_TIME_US } from '#ports'
import {
  clickItems,
  engineApplication,
  type Item,
  type TableName,
  userItems,
} from './engine-application.ts'
import { modelTables } from './engine-model.ts'
import { Engine, type EngineOptions } from './engine-run.ts'

const OPTIONS: EngineOptions = { batchRows: 64, epochRows: 100, workers: 2, generated: true }

function itemsOf(seed: number) {
  const random = seededRandom(seed)
  return { clicks: clickItems(random, 600, 4), users: userItems(random, 40, 12, 2) }
}

const part = (items: Item[][], from: number, to: number): Item[][] =>
  items.map(list => list.slice(Math.floor(list.length * from), Math.floor(list.length * to)))
const ended = (partitions: number): Item[][] =>
  Array.from({ length: partitions }, () => [{ kind: 'mark', at: END_OF_TIME_US }])

test('an endless run over a log that grows ends at the end marks, with everything settled', async () => {
  const { clicks, users } = itemsOf(21)
  const expected = modelTables(clicks, users)
  for (const emit of ['update', 'closed', 'settled'] as const) {
    const engine = new Engine(engineApplication(emit), 22)
    engine.log.record('clicks', part(clicks, 0, 0.3))
    engine.log.record('users', part(users, 0, 0))
    const run = engine.run({ ...OPTIONS, endless: new AbortController().signal })
    await sleep(5)
    engine.log.record('users', part(users, 0, 1))
    engine.log.record('clicks', part(clicks, 0.3, 1))
    await sleep(5)
    engine.log.record('clicks', ended(4))
    engine.log.record('users', ended(2))
    const summaries = await run
    for (const table of Object.keys(expected) as TableName[]) {
      assert.deepEqual(engine.table(table), expected[table], `${table}, ${emit}`)
    }
    const waiting = summaries.reduce((n, { keys }) => n + keys, 0)
    assert.ok(waiting <= 12 + 4 * 12, `${waiting} keys are left: states, and a version of each`)
  }
})

test('an aborted run commits what it read, and the next goes on', async () => {
  const { clicks, users } = itemsOf(23)
  const expected = modelTables(clicks, users)
  const engine = new Engine(engineApplication('update'), 24)
  engine.log.record('clicks', part(clicks, 0, 0.5))
  engine.log.record('users', part(users, 0, 0.5))
  for (let turn = 0; turn < 3; turn++) {
    const controller = new AbortController()
    const run = engine.run({ ...OPTIONS, workers: 1 + turn, endless: controller.signal })
    await sleep(2)
    controller.abort()
    const summaries = await run
    assert.ok(turn > 0 || summaries.some(({ records }) => records > 0))
  }
  engine.log.record('clicks', part(clicks, 0.5, 1))
  engine.log.record('users', part(users, 0.5, 1))
  await engine.run(OPTIONS)
  for (const table of Object.keys(expected) as TableName[]) {
    assert.deepEqual(engine.table(table), expected[table], table)
  }
})
