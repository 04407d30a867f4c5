/** Random rows through aggregates of every kind, killed and restored, against the naive model. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '#base'
import { appendRow, Batch, readRow } from '#columns'
import type { Emit, Row, Window } from '#plan'
import type { OperatorInstance, Progress } from '../operator.ts'
import { createAggregate } from './aggregate.ts'
import {
  decimalText,
  INPUT,
  type InputRow,
  makeOperator,
  model,
  type Shape,
  show,
} from './naive-model.test.ts'

const PAGES = ['/', '/a', '/é', '/basket', '/a-page-with-a-long-name', '/ab', '/abc', '/abcd', '']
const USERS = ['u1', 'user-two', '', 'ü', 'a rather long name of a user', null]

function randomRow(random: Random, at: number): Row {
  const maybe = <T>(value: T): T | null => (random.next() < 0.2 ? null : value)
  const pick = <T>(from: readonly T[]): T => from[random.int(from.length)] as T
  const hex = random.int(4).toString(16).repeat(8)
  return {
    user: pick(USERS),
    shop: maybe(random.int(2) - 1),
    at,
    seq: maybe(random.int(4)),
    amount: maybe(decimalText(BigInt(random.int(40_000) - 20_000), 2)),
    big: maybe(
      pick([
        1n,
        -3n,
        7n,
        2n ** 53n,
        -(2n ** 60n),
        2n ** 62n + 1n,
        2n ** 62n,
        BigInt(random.int(9)),
      ]),
    ),
    ratio: maybe((random.next() - 0.5) * 10 ** (random.int(40) - 20) || 1),
    page: maybe(pick(PAGES)),
    id: maybe(`${hex}-0000-4000-8000-00000000000${random.int(3)}`),
    good: maybe(random.next() < 0.5),
  }
}

/** Rows out of an instance, netted: a row taken back goes, and must have been there. */
class Collector {
  readonly rows = new Map<string, number>()
  /** Rows that settled, which are never taken back; those of a final flush may be. */
  readonly #settled = new Set<string>()
  final = false
  given = 0

  push(batch: Batch): void {
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      const values = readRow(batch, row)
      const shown = show(values)
      const weight = batch.weight[row] as number
      const count = (this.rows.get(shown) ?? 0) + weight
      assert.ok(count >= 0, `taken back but never given: ${shown}`)
      if (weight < 0) assert.ok(!this.#settled.has(shown), `taken back when settled: ${shown}`)
      else this.given++
      if (weight > 0 && batch.settled[row] === 1 && !this.final) this.#settled.add(shown)
      if (count === 0) this.rows.delete(shown)
      else this.rows.set(shown, count)
    }
  }

  sorted(): string[] {
    for (const [row, count] of this.rows) assert.equal(count, 1, row)
    return [...this.rows.keys()].sort()
  }
}

/** A keyed table fed without images: the last change of a key wins. */
class Table {
  readonly rows = new Map<string, string>()
  final = false

  push(batch: Batch): void {
    for (let k = 0; k < batch.selected; k++) {
      const row = batch.selection[k] as number
      const values = readRow(batch, row)
      const key = show({
        user: values['user'] ?? null,
        shop: values['shop'] ?? null,
        from: values['from'] ?? null,
      })
      if ((batch.weight[row] as number) > 0) this.rows.set(key, show(values))
      else assert.ok(this.rows.delete(key), `taken back but never given: ${key}`)
    }
  }

  sorted(): string[] {
    return [...this.rows.values()].sort()
  }
}

interface Drive extends Shape {
  readonly emit: Emit
  readonly generated: boolean
  readonly images: boolean
  readonly retracting?: boolean
}

/** An instance that can be killed and restored. */
class Driven {
  readonly #make: () => OperatorInstance
  #state: { readonly bytes: Uint8Array; readonly kind: 'snapshot' | 'delta' }[] = []
  instance: OperatorInstance

  constructor(drive: Drive, out: { push(batch: Batch): void }) {
    const operator = makeOperator(drive)
    const context = {
      generated: drive.generated,
      emit: drive.emit,
      retracting: drive.retracting ?? false,
      images: drive.images,
      position: { origin: 0, offset: 0, index: 0 },
      functions: {},
      out,
    }
    this.#make = () => createAggregate(operator, context)
    this.instance = this.#make()
  }

  commit(random: Random): void {
    if (random.next() < 0.15) {
      this.#state = [{ bytes: this.instance.snapshot(), kind: 'snapshot' }]
      return
    }
    const bytes = this.instance.delta()
    if (bytes !== undefined) this.#state.push({ bytes, kind: 'delta' })
  }

  restart(): void {
    this.instance = this.#make()
    for (const { bytes, kind } of this.#state) this.instance.restore(bytes, kind)
  }
}

const DISORDER = 40
const LATENESS = 60
const END: Progress = { watermarkUs: Infinity, frontierUs: Infinity }

/** Drives random rows through an instance, and compares with the model wherever that is defined. */
function drive(options: Drive, seed: number, rowCount: number): void {
  const random = seededRandom(seed)
  const out = options.images ? new Collector() : new Table()
  const driven = new Driven(options, out)
  const kept: InputRow[] = []
  let clock = -3_000
  let greatest = -Infinity
  let offset = 0
  const partitions = options.order === 'rekey' ? 3 : 1
  const what = `${JSON.stringify(options)} seed ${seed}`
  while (kept.length < rowCount) {
    const batch = new Batch(INPUT)
    for (let k = random.int(40); k > 0; k--) {
      clock += random.next() < 0.1 ? random.int(120) : random.int(8)
      const at = clock - random.int(DISORDER + LATENESS)
      if (at < greatest - DISORDER - LATENESS) continue
      greatest = Math.max(greatest, at)
      const identity = {
        at,
        origin: random.int(partitions),
        offset: partitions > 1 ? random.int(1000) : offset++,
        index: partitions > 1 ? offset++ : 0,
      }
      const row = randomRow(random, at)
      kept.push({ row, ...identity })
      appendRow(batch, row, identity)
    }
    if (options.retracting === true) takeBackSome(random, batch, kept, greatest)
    driven.instance.push(0, batch)
    if (random.next() < 0.3) continue
    const watermarkUs = greatest - DISORDER
    const progress = { watermarkUs, frontierUs: watermarkUs - LATENESS }
    driven.instance.flush(progress, false)
    if (options.emit === 'update') same(out.sorted(), model(options, kept), what)
    if (random.next() < 0.15) {
      out.final = true
      driven.instance.flush(progress, true)
      out.final = false
      same(out.sorted(), model(options, kept), `final, ${what}`)
    }
    driven.commit(random)
    if (random.next() < 0.2) driven.restart()
  }
  driven.instance.flush(END, false)
  same(out.sorted(), model(options, kept), `end, ${what}`)
  assert.equal(driven.instance.stats.keys, 0, what)
  if (options.retracting === true) return
  assert.equal(driven.instance.stats['windows'], 0, what)
  assert.equal(driven.instance.stats['values'], 0, what)
}

/** Names the first row that only one side has. */
function same(actual: readonly string[], expected: readonly string[], what: string): void {
  const [left, right] = [new Set(actual), new Set(expected)]
  const extra = actual.find(row => !right.has(row))
  const missing = expected.find(row => !left.has(row))
  const first = extra ?? missing
  assert.ok(first === undefined, `${what}\n got     ${extra}\n wanted  ${missing}`)
  assert.equal(actual.length, expected.length, what)
}

/** Takes back rows that the frontier has not passed. */
function takeBackSome(random: Random, batch: Batch, kept: InputRow[], greatest: number): void {
  for (let k = random.int(12); k > 0; k--) {
    const from = Math.max(0, kept.length - 60)
    const at = from + random.int(kept.length - from)
    const gone = kept[at]
    if (gone === undefined || gone.at < greatest - DISORDER - LATENESS) continue
    kept.splice(at, 1)
    appendRow(batch, gone.row, { ...gone, weight: -1 })
  }
}

const WINDOWS: readonly Window[] = [
  { kind: 'session', gapUs: 30 },
  { kind: 'hop', sizeUs: 50, advanceUs: 50, offsetUs: 7 },
  { kind: 'hop', sizeUs: 90, advanceUs: 30, offsetUs: -11 },
  { kind: 'hop', sizeUs: 50, advanceUs: 20, offsetUs: 0 },
  { kind: 'all' },
]
const KEYS: readonly (readonly string[])[] = [['user'], ['user', 'shop'], ['shop'], []]
const EMITS: readonly Emit[] = ['update', 'closed', 'settled']

for (const window of WINDOWS) {
  for (const generated of [true, false]) {
    const mode = generated ? 'generated' : 'interpreted'
    test(`${JSON.stringify(window)} gives the model's rows, ${mode}`, () => {
      let seed = 1
      for (const order of ['arrival', 'ties', 'rekey'] as const) {
        for (const emit of EMITS) {
          for (const images of [true, false]) {
            const by = KEYS[seed % KEYS.length] as readonly string[]
            drive({ window, by, order, emit, generated, images }, seed++, 120)
          }
        }
      }
    })
  }

  test(`${JSON.stringify(window)} gives the model's rows where rows are taken back`, () => {
    let seed = 100
    for (const order of ['ties', 'rekey'] as const) {
      for (const emit of EMITS) {
        const by = KEYS[seed % KEYS.length] as readonly string[]
        const generated = seed % 2 === 0
        drive({ window, by, order, emit, generated, images: true, retracting: true }, seed++, 120)
      }
    }
  })
}
