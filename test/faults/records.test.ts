/** Bad records are data: they become dead letters with a reason, and the rest goes on. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { click, clicksApp, SALES } from './applications.ts'
import { type Place, situation } from './situation.ts'

const APP = clicksApp(
  "clicks.into(table('seen', { key: ['user_id', 'at'] }))",
  ', count: t.int32().nullable()',
)

/** A click with fields changed, as a line. */
function changed(fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...JSON.parse(click(1)), ...fields })}\n`
}

interface Rejected {
  readonly reason: string
  readonly bytes: number
  readonly hex: string
}

/** Runs over `bad` among good records; what became of the bad ones, in the order of the log. */
async function rejected(place: Place, bad: readonly (string | Buffer)[]): Promise<Rejected[]> {
  place.write('app.ts', APP)
  const parts = bad.flatMap((line, j) => [Buffer.from(line), Buffer.from(click(j % 60, `u${j}`))])
  place.write('clicks.jsonl', Buffer.concat(parts))
  return runOver(place, 'clicks.jsonl', bad.length)
}

async function runOver(place: Place, file: string, count: number): Promise<Rejected[]> {
  const run = ['run', './app.ts', '--bounded', '--data', 'data', '--input', `clicks=${file}`]
  const { topics } = (await place.succeeds(run)) as {
    readonly topics: readonly { readonly records: number; readonly accepted: number }[]
  }
  assert.equal(topics[0]?.records, 2 * count)
  assert.equal(topics[0]?.accepted, count, 'the others go on')
  const sql =
    'SELECT reason, length(value) AS bytes, hex(substring(value, 1, 65536)) AS hex FROM rejected_records ORDER BY line'
  const { data } = (await place.succeeds(['query', sql, '--data', 'data'])) as {
    readonly data: readonly { reason: string; bytes: number | string; hex: string }[]
  }
  assert.equal(data.length, count)
  for (const { reason } of data) assert.ok(place.row.codes.includes(reason), reason)
  return data.map(({ reason, bytes, hex }) => ({ reason, bytes: Number(bytes), hex }))
}

/** The raw bytes of the bad records are kept. */
function assertKept(found: readonly Rejected[], sent: readonly (string | Buffer)[]): void {
  const lines = sent.map(line => Buffer.from(line).toString('hex').replace(/0a$/, '').toUpperCase())
  assert.deepEqual(
    found.map(({ hex }) => hex),
    lines,
  )
}

situation('lines that are no JSON', async place => {
  const bad = ['not json\n', '{"user_id":\n', `${click(1).trim()},\n`, '{"a":01}\n', '\u0000\n']
  assertKept(await rejected(place, bad), bad)
})

situation('bytes that are not UTF-8', async place => {
  const text = Buffer.from(changed({ page: 'A' }))
  const bad = [0xff, 0xc0, 0x80].map(byte => {
    const line = Buffer.from(text)
    line[text.indexOf('"A"') + 1] = byte
    return line
  })
  bad.push(Buffer.from(changed({ page: 'A' }).replace('"A"', '"\\ud800"')))
  assertKept(await rejected(place, bad), bad)
})

situation('JSON nested too deep', async place => {
  const bad = [65, 1000, 400_000].map(
    depth => `{"user_id":"u1","page":${'['.repeat(depth)}${']'.repeat(depth)}}\n`,
  )
  const found = await rejected(place, bad)
  assert.deepEqual(
    found.map(({ bytes }) => bytes),
    bad.map(line => line.length - 1),
  )
})

situation('a field of 100 MB', async place => {
  place.write('app.ts', APP)
  const file = createWriteStream(place.path('large.jsonl'))
  file.write('{"user_id":"')
  const part = 'x'.repeat(1_000_000)
  for (let j = 0; j < 100; j++) if (!file.write(part)) await once(file, 'drain')
  file.end(`"}\n${click(1)}`)
  await once(file, 'close')
  const [large] = await runOver(place, 'large.jsonl', 1)
  // Its first part is kept; the size and the checksum of all are in the headers.
  assert.equal(large?.bytes, 65_536)
  const sql = "SELECT JSONExtractString(headers, 'oversize') AS o FROM rejected_records"
  const { data } = (await place.succeeds(['query', sql, '--data', 'data'])) as {
    readonly data: readonly { readonly o: string }[]
  }
  assert.match(data[0]?.o ?? '', /"bytes":100000014\b.*"sha256":"[0-9a-f]{64}"/)
})

situation('a record over the limit of its topic', async place => {
  const bad = [changed({ page: 'x'.repeat(1_100_000) })]
  assert.equal((await rejected(place, bad))[0]?.bytes, (bad[0]?.length ?? 0) - 1)
})

situation('values of the wrong type', async place => {
  const bad = [
    changed({ user_id: 7 }),
    changed({ page: null }),
    changed({ page: { path: '/' } }),
    changed({ count: 'seven' }),
    changed({ count: 1.5 }),
    changed({ count: 2 ** 31 }),
    changed({ count: true }),
    changed({ at: 'yesterday' }),
    changed({ at: '2026-02-30T00:00:00Z' }),
    '{"user_id":"u1","page":"/"}\n',
    changed({ extra: 1 }),
    click(1).replace('{', '{"page":"a",'),
    '[1,2]\n',
    '"text"\n',
  ]
  assertKept(await rejected(place, bad), bad)
})

situation('a clock in the future', async place => {
  const bad = ['2100-01-01T00:00:00Z', '2199-12-31T23:59:59.999999Z'].map(at => changed({ at }))
  assertKept(await rejected(place, bad), bad)
})

situation('lines of a CSV that do not fit', async place => {
  place.write('app.ts', SALES)
  const bad = [
    '1,2\n',
    '2,x,2026-01-01T00:00:00Z\n',
    ',1,2026-01-01T00:00:00Z\n',
    '3,"1" ,2026-01-01T00:00:00Z\n',
  ]
  const good = '4,1.50,2026-01-01T00:00:00Z\n'
  place.write('sales.csv', `id,price,at\n${good}${bad.join('')}`)
  const run = ['run', './app.ts', '--bounded', '--data', 'data', '--input', 'sales=sales.csv']
  const { topics } = (await place.succeeds(run)) as {
    readonly topics: readonly {
      readonly accepted: number
      readonly deadLetters: Readonly<Record<string, number>>
    }[]
  }
  assert.equal(topics[0]?.accepted, 1)
  assert.deepEqual(Object.keys(topics[0]?.deadLetters ?? {}).sort(), [...place.row.codes].sort())
})

situation('records behind the frontier', async place => {
  place.write('app.ts', APP)
  const old = changed({ at: '2025-01-01T00:00:00Z' })
  place.write('clicks.jsonl', click(1) + old)
  const run = ['run', './app.ts', '--bounded', '--data', 'data', '--input', 'clicks=clicks.jsonl']
  const { topics } = (await place.succeeds(run)) as {
    readonly topics: readonly { readonly tooLate: number; readonly accepted: number }[]
  }
  assert.equal(topics[0]?.tooLate, 1)
  const sql = 'SELECT reason, value FROM rejected_records'
  const { data } = (await place.succeeds(['query', sql, '--data', 'data'])) as {
    readonly data: readonly unknown[]
  }
  assert.deepEqual(data, [{ reason: place.row.codes[0], value: old.trim() }])
})
