import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#base'
import { Batch, type BatchColumn } from '#columns'
import type { Schema } from '#plan'
import type { Reject } from './codec.ts'
import {
  ALL_TYPES,
  type FuzzField,
  type Members,
  type Mode,
  NASTY_VALUES,
  producer,
  record,
  render,
  SOME_OPTIONAL,
  valid,
} from './json/mutated-records.test.ts'
import { compileJsonDecoder, type JsonDecoder } from './json-decoder.ts'

/** What a row holds, exactly: −0 and every byte can be seen. */
function cell(batch: Batch, column: BatchColumn, row: number): string {
  switch (column.kind) {
    case 'num':
    case 'wide': {
      const value = column.values[row] as number
      if (Object.is(value, -0)) return '-0'
      return column.kind === 'wide' && !Number.isFinite(value) && !Number.isNaN(value)
        ? `${value}=${column.beyond.get(row)}`
        : String(value)
    }
    case 'text': {
      const from = column.offsets[row] as number
      const length = column.lengths[row] as number
      return length < 0 ? 'null' : batch.arena.buffer.toString('latin1', from, from + length)
    }
    case 'uuid':
      return column.nulls[row] === 1 ? 'null' : column.words.slice(row * 4, row * 4 + 4).join()
    case 'list': {
      const from = column.offsets[row] as number
      const length = column.lengths[row] as number
      if (length < 0) return 'null'
      return `[${Array.from({ length }, (_, i) => cell(batch, column.items, from + i)).join('|')}]`
    }
  }
}

interface Decoded {
  readonly batch: Batch
  readonly rejects: Reject[]
}

function decode(decoder: JsonDecoder, batch: Batch, records: readonly Buffer[]): Decoded {
  batch.clear()
  const starts = new Int32Array(records.length)
  const ends = new Int32Array(records.length)
  for (const [i, bytes] of records.entries()) {
    starts[i] = batch.arena.append(bytes)
    ends[i] = batch.arena.used
  }
  const rejects: Reject[] = []
  decoder.decode(batch, { starts, ends, count: records.length }, rejects)
  return { batch, rejects }
}

function decoders(fields: readonly FuzzField[], unknown: 'skip' | 'reject') {
  const raw: Schema = fields.map(({ path, type }) => ({ name: path.join('_'), type }))
  const format = {
    kind: 'json',
    unknown,
    fields: fields.map(({ path, type: _type, value: _value, optional = false, ...rest }) => ({
      path,
      column: path.join('_'),
      optional,
      ...rest,
    })),
  } as const
  const generated = compileJsonDecoder(format, raw, { generated: true })
  return { generated, plain: compileJsonDecoder(format, raw, { generated: false }), raw }
}

export interface FuzzResult {
  readonly records: number
  readonly rejected: number
  /** Records that the fast path took, of those that were accepted. */
  readonly fastShare: number
  readonly reasons: ReadonlySet<string>
}

/** Decodes mutated records both ways and holds every answer equal. */
export function fuzzJson(options: {
  readonly records: number
  readonly mode: Mode
  readonly seed: number
}): FuzzResult {
  const random = seededRandom(options.seed)
  const reasons = new Set<string>()
  let records = 0
  let accepted = 0
  let fast = 0
  for (let round = 0; records < options.records; round++) {
    const fields = round % 4 === 3 ? SOME_OPTIONAL : ALL_TYPES
    const unknown = round % 3 === 0 ? 'reject' : 'skip'
    const { generated, plain, raw } = decoders(fields, unknown)
    const producers = Array.from({ length: 1 + random.int(4) }, (_, i) =>
      producer(random, fields, i === 0 || unknown === 'reject'),
    )
    const batches = [new Batch(raw, 256), new Batch(raw, 256)] as const
    for (let i = 0; i < 10 && records < options.records; i++) {
      const texts = Array.from({ length: 256 }, () => record(random, producers, options.mode))
      const a = decode(generated, batches[0], texts)
      const b = decode(plain, batches[1], texts)
      compare(texts, a, b)
      records += texts.length
      accepted += a.batch.selected
      for (const { reason } of a.rejects) reasons.add(reason)
    }
    fast += generated.stats.rows - generated.stats.fallbackRows
    assert.equal(plain.stats.fallbackRows, plain.stats.rows)
  }
  return { records, rejected: records - accepted, fastShare: fast / accepted, reasons }
}

function compare(texts: readonly Buffer[], a: Decoded, b: Decoded): void {
  const selection = ({ batch }: Decoded): number[] => [
    ...batch.selection.subarray(0, batch.selected),
  ]
  assert.deepEqual(a.rejects, b.rejects)
  // Both decode the same strings behind the text, so neither leaves scraps there.
  assert.equal(a.batch.arena.used, b.batch.arena.used)
  const first = selection(a).find((row, i) => selection(b)[i] !== row)
  assert.deepEqual(selection(a), selection(b), `first differing row: ${texts[first ?? 0]}`)
  for (let row = 0; row < texts.length; row++) {
    for (const [at, { name }] of a.batch.schema.entries()) {
      const fast = cell(a.batch, a.batch.columns[at] as BatchColumn, row)
      const slow = cell(b.batch, b.batch.columns[at] as BatchColumn, row)
      if (fast !== slow) assert.fail(`${name}: fast "${fast}", slow "${slow}" of ${texts[row]}`)
    }
  }
}

test('generated and plain decoders give one answer for every border value in every field', () => {
  const random = seededRandom(7)
  const declared = producer(random, ALL_TYPES, true)
  const { generated, plain, raw } = decoders(ALL_TYPES, 'reject')
  const batches = [new Batch(raw), new Batch(raw)] as const
  for (const field of ALL_TYPES) {
    const texts = NASTY_VALUES.map(value => {
      const members = valid(random, { ...declared, presence: 1 })
      let object = members
      for (const key of field.path.slice(0, -1)) {
        object = object.find(member => member[0] === key)?.[1] as Members
      }
      const member = object.find(each => each[0] === field.path.at(-1))
      assert.ok(member !== undefined)
      member[1] = value
      return Buffer.from(render(members, 'compact'))
    })
    // The same twice: what the first batch left behind must not show in the second.
    for (let i = 0; i < 2; i++) {
      compare(texts, decode(generated, batches[0], texts), decode(plain, batches[1], texts))
      texts.reverse()
    }
  }
})

for (const mode of ['values', 'anything'] as const) {
  test(`generated and plain decoders give one answer for records mutated in ${mode}`, context => {
    const result = fuzzJson({ records: 10_000, mode, seed: 11 })
    context.diagnostic(
      `${result.records} records, ${result.rejected} rejected, fast share of accepted ${result.fastShare.toFixed(3)}`,
    )
    assert.ok(result.fastShare > (mode === 'values' ? 0.3 : 0.1), String(result.fastShare))
    assert.ok(result.rejected > result.records / 10)
    const wanted = ['json.type', 'json.rule', 'json.missing', 'json.syntax']
    for (const reason of wanted) assert.ok(result.reasons.has(reason), reason)
  })
}
