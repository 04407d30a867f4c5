import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from './data-samples.test.ts'

const SCRIPT = `
import { writeSync } from 'node:fs'
import { openData } from '${join(import.meta.dirname, 'data-directory.ts')}'
import { blockOf, commitOf } from '${join(import.meta.dirname, './data-samples.test.ts')}'
const clock = { nowUs: () => 0, monotonicMs: () => 0 }
const data = openData(process.argv[1], { clock, diskReserveBytes: 0 })
await data.log.ensureTopic({ name: 't', partitions: 1, source: null, logBytesMax: null })
for (let i = 0; i < 3; i++) {
  writeSync(1, 'BEGIN append')
  await data.log.append('t', [blockOf(['x'.repeat(9000)])])
  writeSync(1, 'END append')
  const epoch = data.state.reserveEpoch()
  writeSync(1, 'BEGIN spool')
  data.spool.write(epoch, [new Uint8Array(10)])
  writeSync(1, 'END spool')
  writeSync(1, 'BEGIN commit')
  await data.state.commit(commitOf(epoch, { state: [{ operator: 'o', bytes: Buffer.alloc(9000, 7) }] }))
  writeSync(1, 'END commit')
}
await data.close()
`

test('nothing is acknowledged before it is synced', context => {
  using directory = temporaryDirectory()
  const trace = join(directory.path, 'trace')
  const calls = 'trace=openat,write,pwrite64,writev,pwritev,fdatasync,fsync'
  const run = spawnSync('strace', [
    ...['-f', '-o', trace, '-e', calls, process.execPath, '--input-type=module', '-e', SCRIPT],
    join(directory.path, 'data'),
  ])
  if (run.error !== undefined) {
    context.skip(`strace cannot be run: ${run.error.message}`)
    return
  }
  assert.equal(run.status, 0, run.stderr.toString())
  const lines = readFileSync(trace, 'utf8').split('\n')
  const synced = lines.find(line => line.includes('data.mdb"') && line.includes('O_DSYNC'))
  const meta = / = ([0-9]+)$/.exec(synced ?? '')?.[1]
  assert.ok(meta !== undefined, 'the meta page is written through a descriptor that syncs')
  for (const step of ['append', 'commit', 'spool']) {
    const begins = lines.flatMap((line, i) => (line.includes(`"BEGIN ${step}"`) ? [i] : []))
    assert.equal(begins.length, 3)
    for (const begin of begins) {
      const end = lines.findIndex((line, i) => i > begin && line.includes(`"END ${step}"`))
      const within = lines.slice(begin + 1, end)
      if (step === 'spool') {
        assert.equal(within.filter(line => line.includes('fsync(')).length, 2, 'file and directory')
        continue
      }
      const pages = within.findIndex(line => /(pwrite64|pwritev|writev)\(/.test(line))
      const sync = within.findIndex(line => line.includes('fdatasync('))
      const metaPage = within.findIndex(line => line.includes(`pwrite64(${meta},`))
      assert.ok(
        pages >= 0 && pages < sync && sync < metaPage,
        `${step}: pages, sync, meta page, then the answer`,
      )
      const early = within.slice(0, sync).some(line => /pwrite64\(.*, 128, (40|4136)\)/.test(line))
      assert.ok(!early, 'no meta page is written before the pages it speaks of are synced')
      const after = within
        .slice(sync + 1, metaPage)
        .some(line => /(pwrite64|pwritev|writev)\(/.test(line))
      assert.ok(!after, 'no page is written between the sync and the meta page')
    }
  }
})
