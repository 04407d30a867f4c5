/** Disks without room: what was acknowledged stays, and the same command goes on once there is room. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { type Place, SHOP, situation } from './situation.ts'

const APP = ['--app', SHOP]

/** False where a test may mount a file system of its own. */
function cannotMount(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a tmpfs'
  const tried = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])
  return tried.status === 0 ? false : 'mounting is not allowed here'
}

/** Runs `body` with a small file system at `disk`. */
async function withDisk(place: Place, megabytes: number, body: () => Promise<void>): Promise<void> {
  const disk = place.path('disk')
  mkdirSync(disk)
  const options = `size=${megabytes}m`
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk])
  assert.equal(mounted.status, 0, String(mounted.stderr))
  try {
    await body()
  } finally {
    spawnSync('umount', ['-l', disk])
  }
}

/** Fills the disk up to `leave` bytes. */
function fill(disk: string, leave: number): void {
  const { bavail, bsize } = statfsSync(disk)
  writeFileSync(`${disk}/filler`, Buffer.alloc(Math.max(0, bavail * bsize - leave)))
}

situation('less free disk than the reserve', async place => {
  place.events('events.jsonl', 1000)
  const ingest = ['ingest', 'events', 'events.jsonl', ...APP, '--data', 'data']
  await place.fails([...ingest, '--disk-reserve', '1000000GiB'])
  assert.equal(await place.records('events'), 0)
  await place.succeeds(ingest)
  const run = ['run', SHOP, '--bounded', '--data', 'data']
  await place.fails([...run, '--disk-reserve', '1000000GiB'])
  assert.equal(await place.records('events'), 1000)
  await place.succeeds(run)
})

situation(
  'a disk that fills while records are added',
  async place => {
    place.events('events.jsonl', 60_000)
    await withDisk(place, 64, async () => {
      fill(place.path('disk'), 3_000_000)
      const ingest = ['ingest', 'events', 'events.jsonl', ...APP, '--data', 'disk/data']
      await place.fails([...ingest, '--disk-reserve', '0'])
      const before = await place.records('events', 'disk/data')
      rmSync(place.path('disk/filler'))
      await place.succeeds(['verify', '--data', 'disk/data'])
      await place.succeeds(ingest)
      assert.ok(before < 60_000)
      assert.equal(await place.records('events', 'disk/data'), lines(place, 'events.jsonl'))
    })
  },
  { skip: cannotMount() },
)

situation(
  'a disk that fills while pipelines run',
  async place => {
    place.events('events.jsonl', 20_000)
    const input = ['--bounded', '--input', 'events=events.jsonl']
    const whole = await place.succeeds(['run', SHOP, ...input, '--data', 'data'])
    await withDisk(place, 256, async () => {
      const run = ['run', SHOP, ...input, '--data', 'disk/data', '--disk-reserve', '0']
      await place.succeeds(['ingest', 'events', 'events.jsonl', ...APP, '--data', 'disk/data'])
      fill(place.path('disk'), 3_500_000)
      await place.fails(run)
      rmSync(place.path('disk/filler'))
      assert.deepEqual((await place.succeeds(run))['tables'], whole['tables'])
    })
  },
  { skip: cannotMount() },
)

situation(
  'a disk that is full at the start',
  async place => {
    place.events('events.jsonl', 10)
    await withDisk(place, 4, async () => {
      fill(place.path('disk'), 0)
      await place.fails(['run', SHOP, '--bounded', '--data', 'disk/data'])
      await place.fails(['ingest', 'events', 'events.jsonl', ...APP, '--data', 'disk/data'])
    })
  },
  { skip: cannotMount() },
)

function lines(place: Place, name: string): number {
  return readFileSync(place.path(name), 'utf8').trimEnd().split('\n').length
}
