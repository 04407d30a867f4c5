/** Files that are not what they were taken for: refused as a whole, and nothing of them is added. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { CLICKS, click, SALES } from './applications.ts'
import { assertClean, inTime, type Place, situation } from './situation.ts'
import { asNobody, canSwitchUser } from './weak-user.ts'

const ingest = (topic: string, file: string): string[] => [
  'ingest',
  topic,
  file,
  '--app',
  './app.ts',
  '--data',
  'data',
]

/** Ingests files that must be refused, each with its name; nothing of them is added. */
async function refused(
  place: Place,
  topic: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [file, contents] of Object.entries(files)) {
    place.write(file, contents)
    const { message } = await place.fails(ingest(topic, file))
    assert.ok(message.includes(file), message)
  }
  assert.equal(await place.records(topic), 0)
}

situation('a topic that the application does not have', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  await place.fails([...run, '--input', 'klicks=clicks.jsonl'])
  await place.fails(ingest('klicks', 'clicks.jsonl'))
})

situation('a topic that the directory does not have', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  await place.succeeds(ingest('clicks', 'clicks.jsonl'))
  await place.fails(['ingest', 'klicks', 'clicks.jsonl', '--data', 'data'])
  await place.fails(['topics', 'end', 'klicks', '--data', 'data'])
})

situation('a topic that was ended', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  await place.succeeds(ingest('clicks', 'clicks.jsonl'))
  await place.succeeds(['topics', 'end', 'clicks', '--data', 'data'])
  await place.fails(['ingest', 'clicks', place.write('more.jsonl', click(2)), '--data', 'data'])
  await place.fails(['topics', 'end', 'clicks', '--data', 'data'])
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  const { topics } = (await place.succeeds(run)) as {
    readonly topics: readonly { readonly accepted: number }[]
  }
  assert.equal(topics[0]?.accepted, 1)
})

situation('no such input file', async place => {
  place.write('app.ts', CLICKS)
  await place.fails(ingest('clicks', 'nope.jsonl'))
  const run = ['run', './app.ts', '--data', 'data', '--input', 'clicks=nope.jsonl']
  await place.fails([...run, '--bounded'])
  // Without an end the pipelines run already; they must end too.
  await place.fails(run)
})

situation('a directory as an input file', async place => {
  place.write('app.ts', CLICKS)
  mkdirSync(place.path('days'))
  await place.fails(ingest('clicks', 'days'))
  assert.equal(await place.records('clicks'), 0)
})

situation(
  'an input file that may not be read',
  async place => {
    place.write('app.ts', CLICKS)
    place.write('clicks.jsonl', click(1))
    chmodSync(place.path('clicks.jsonl'), 0o000)
    chmodSync(place.directory, 0o777)
    place.check(await inTime(asNobody([...ingest('clicks', 'clicks.jsonl'), '--json'], place), ''))
  },
  { skip: canSwitchUser() },
)

situation('a compressed file that was cut', async place => {
  place.write('app.ts', CLICKS)
  const text = Array.from({ length: 5000 }, (_, j) => click(j, `u${j * 7919}`)).join('')
  const xz = spawnSync('xz', ['-c'], { input: text }).stdout
  const files: Record<string, Uint8Array> = {}
  for (const [name, bytes] of Object.entries({
    'a.gz': gzipSync(text),
    'a.zst': zstdCompressSync(text),
    ...(xz?.length > 0 ? { 'a.xz': xz } : {}),
  })) {
    files[`cut-${name}`] = bytes.subarray(0, bytes.length - 9)
    const damaged = Buffer.from(bytes)
    damaged.fill(0x55, bytes.length / 2, bytes.length / 2 + 40)
    files[`damaged-${name}`] = damaged
  }
  await refused(place, 'clicks', files)
})

situation('a file of another kind', async place => {
  place.write('app.ts', CLICKS)
  await refused(place, 'clicks', {
    'table.parquet': Buffer.from('PAR1\x15\x04\x15\x10'),
    'clicks.zip': Buffer.from('PK\x03\x04\x14\x00\x00\x00'),
    noise: Uint8Array.from({ length: 4096 }, (_, j) => (j * 31) & 255),
    'page.html': '<!DOCTYPE html>\n<html><body>404</body></html>\n',
    'array.json': '[\n{"user_id":"u1"}\n]\n',
    'pretty.json': '{\n  "user_id": "u1"\n}\n',
    'wide.txt': Buffer.from(`\ufeff${click(1)}`, 'utf16le'),
  })
})

situation('a file of another topic', async place => {
  place.write('app.ts', CLICKS)
  const sales = place.write('sales.csv', 'id,price,at\n1,2.50,2026-01-01T00:00:00Z\n')
  const { code, out, said } = await place.run(ingest('clicks', sales))
  assert.equal(code, place.row.exit)
  assert.match(out, /0 accepted, 2 dead letters \(json\.syntax 2\)/)
  assert.match(said, /No record of "sales\.csv" was accepted: is it a file of this topic\?/)
})

situation('a declared column that the header lacks', async place => {
  place.write('app.ts', SALES)
  await refused(place, 'sales', {
    'other.csv': 'id,cost,at\n1,2.50,2026-01-01\n',
    'semicolons.csv': 'id;price;at\n1;2.50;2026-01-01\n',
    'twice.csv': 'id,price,price,at\n1,2.50,2.50,2026-01-01\n',
  })
})

situation('a header with quotes that do not end', async place => {
  place.write('app.ts', SALES)
  await refused(place, 'sales', { 'sales.csv': 'id,"price,at\n1,2.50,2026-01-01\n' })
})

situation('an empty file', async place => {
  place.write('app.ts', SALES)
  for (const contents of ['', '\n\n', gzipSync(''), 'id,price,at\n', '\ufeffid,price,at']) {
    const said = await place.succeeds(ingest('sales', place.write('sales.csv', contents)))
    assert.equal(said['records'], 0)
  }
  assert.equal((await place.succeeds(ingest('sales', '-'), ''))['records'], 0)
  const run = ['run', './app.ts', '--bounded', '--data', 'data', '--input', 'sales=sales.csv']
  const { tables } = (await place.succeeds(run)) as {
    readonly tables: readonly { readonly rows: number }[]
  }
  assert.deepEqual(
    tables.map(({ rows }) => rows),
    [0],
  )
})

situation('the same file again', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1) + click(2))
  await place.succeeds(ingest('clicks', 'clicks.jsonl'))
  const again = await place.run(ingest('clicks', 'clicks.jsonl'))
  assertClean(again)
  assert.equal(again.code, 0)
  assert.match(again.said, place.hint())
  assert.equal(await place.records('clicks'), 2)
})
