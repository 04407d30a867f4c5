import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochCommit, Manifest, StateStore } from '#ports'
import { EpochCommitter } from './epoch.ts'
import type { EncodedUnit } from './unit-writer.ts'

function unitOf(table: string, bytes: number): EncodedUnit {
  const unit = { table, upsert: false, rows: 1, positionHash: 0, bytes, crc32c: 0, ranges: [] }
  return { unit, bytes: new Uint8Array(bytes) }
}

function committerOf(preparedMax = 2) {
  const events: string[] = []
  const commits: EpochCommit[] = []
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const committer = new EpochCommitter({
    application: 'app',
    planHash: 'hash',
    codeVersion: '1',
    worker: 3,
    state: {
      commit: async (commit: EpochCommit) => {
        events.push('commit')
        commits.push(commit)
      },
    } as Partial<StateStore> as StateStore,
    spool: {
      write: async epoch => {
        events.push('spool')
        return { name: `e${epoch}` }
      },
    },
    onPrepared: (manifest: Manifest) => {
      events.push(`prepared ${manifest.epoch}`)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    preparedMax,
    at: point => events.push(point),
  })
  const commit = (epoch: number, units: EncodedUnit[] = []) =>
    committer.commit({ epoch, units, tasks: [], appends: [] })
  return { committer, commit, events, commits, waiting }
}

test('the spool is flushed before the commit, and the epoch is handed over after it', async () => {
  const { commit, events, commits } = committerOf()
  await commit(7, [unitOf('a', 10), unitOf('b', 5)])
  assert.deepEqual(events, ['C3', 'spool', 'C4.spooled', 'commit', 'C5.committed', 'prepared 7'])
  const manifest = commits[0]?.manifest
  assert.equal(manifest?.spool, 'e7')
  assert.deepEqual(
    manifest?.units.map(({ id, at, bytes }) => [id, at, bytes]),
    [
      ['a:7:0', 0, 10],
      ['b:7:1', 10, 5],
    ],
  )
})

test('an epoch without rows has no spool file', async () => {
  const { commit, commits, events } = committerOf()
  await commit(1)
  assert.equal(commits[0]?.manifest.spool, null)
  assert.ok(!events.includes('spool'))
})

test('no more epochs wait to be applied than may', async () => {
  const { commit, waiting, committer } = committerOf(2)
  await commit(1)
  let done = false
  const second = commit(2).then(() => {
    done = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(done, false)
  waiting[0]?.resolve()
  await second
  waiting[1]?.resolve()
  await committer.settle()
})

test('what fails when an epoch is applied stops the worker', async () => {
  const { commit, waiting, committer } = committerOf(3)
  await commit(1)
  waiting[0]?.reject(new Error('no store'))
  await assert.rejects(committer.settle(), /no store/)
  await assert.rejects(commit(2), /no store/)
})
