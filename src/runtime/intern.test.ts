import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { entryWords, hashEntry, InternTable } from './intern.ts'
import { Timers } from './timers.ts'

/** An entry of text. */
function entry(text: string): Int32Array {
  const bytes = Buffer.from(text)
  const words = new Int32Array(1 + Math.ceil(bytes.length / 4))
  words[0] = bytes.length
  new Uint8Array(words.buffer).set(bytes, 4)
  return words
}

function textOf(table: InternTable, id: number): string {
  const place = table.place(id)
  const length = table.words[place] as number
  const words = table.words.slice(place + 1, place + entryWords(length))
  return Buffer.from(words.buffer, 0, length).toString()
}

test('interned entries keep their ids and bodies while others come, go and move', () => {
  const random = seededRandom(3)
  const table = new InternTable(4)
  const known = new Map<string, number>()
  let compacted = 0
  for (let round = 0; round < 30_000; round++) {
    const long = round > 15_000 ? 600 : 12
    const text = `${random.int(600)}${'x'.repeat(random.int(long))}`
    const words = entry(text)
    const before = table.words
    const id = known.get(text)
    if (id === undefined) {
      assert.equal(table.find(words, 0, hashEntry(words, 0)), -1)
      known.set(text, table.add(words, 0, hashEntry(words, 0), 7))
    } else {
      assert.equal(table.intern(words, 0, hashEntry(words, 0), 7), id)
      if (random.next() < 0.9) {
        table.remove(id)
        known.delete(text)
      }
    }
    if (known.size > 400) {
      const [oldest, gone] = [...known][0] as [string, number]
      table.remove(gone)
      known.delete(oldest)
    }
    if (table.words !== before && table.words.length < before.length * 1.2) compacted++
  }
  assert.equal(table.live, known.size)
  assert.ok(compacted > 0, 'the arena was written anew without its holes')
  for (const [text, id] of known) {
    assert.equal(textOf(table, id), text)
    assert.equal(table.user(id), 7)
    const words = entry(text)
    assert.equal(table.find(words, 0, hashEntry(words, 0)), id)
  }
  assert.ok(table.bytes < 3_000_000, `${table.bytes} bytes`)
})

test('an entry is found by its bytes where its hash is that of others', () => {
  const table = new InternTable()
  const ids = ['a', 'b', 'c', 'd'].map(text => table.add(entry(text), 0, -1, 0))
  assert.deepEqual(ids, [0, 1, 2, 3])
  for (const [k, text] of ['a', 'b', 'c', 'd'].entries()) {
    assert.equal(table.find(entry(text), 0, -1), k)
  }
  assert.equal(table.find(entry('e'), 0, -1), -1)
})

test('each id is due once, at the first clock at or past its time, however often it was moved', () => {
  const random = seededRandom(9)
  for (const width of [1, 10, 1000]) {
    const timers = new Timers(width)
    const due = new Map<number, number>()
    let now = -5_000
    for (let round = 0; round < 4_000; round++) {
      const id = random.int(200)
      const time = now + 1 + random.int(300)
      if (!due.has(id)) {
        due.set(id, time)
        timers.file(id, time)
      } else if (random.next() < 0.3) due.set(id, Math.max(time, due.get(id) as number))
      else if (random.next() < 0.1) due.delete(id)
      if (random.next() < 0.2) now += random.int(40)
      const fired: number[] = []
      timers.advance(
        now,
        fileId => due.get(fileId) ?? Infinity,
        fileId => void fired.push(fileId),
      )
      const expected = [...due].filter(([, at]) => at <= now).map(([fileId]) => fileId)
      assert.deepEqual(fired.sort(), expected.sort(), `width ${width}, round ${round}`)
      for (const fileId of fired) due.delete(fileId)
    }
    assert.ok(timers.bytes < 100_000, 'blocks are reused')
  }
})

test('what is due at exactly the clock is due, and not 1 µs before', () => {
  const timers = new Timers(10)
  timers.file(1, -20)
  const fired: number[] = []
  const advance = (now: number): void =>
    timers.advance(
      now,
      () => -20,
      id => void fired.push(id),
    )
  advance(-21)
  assert.deepEqual(fired, [])
  advance(-20)
  assert.deepEqual(fired, [1])
  advance(Infinity)
  assert.deepEqual(fired, [1])
})
