/** What the tests of this module share: directories that go away, blocks and manifests. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#base'
import type { AppendBlock, EpochCommit, Manifest, TaskCommit } from '#ports'
import { openData } from './data-directory.ts'

/** Where Linux keeps files in memory: tests of many small writes that no power failure ends. */
const MEMORY = '/dev/shm'

/** A directory of the caller's own, removed when it is disposed of; in memory if it may be. */
export function temporaryDirectory(
  options: { readonly inMemory?: boolean } = {},
): { readonly path: string } & Disposable {
  const parent = options.inMemory === true && existsSync(MEMORY) ? MEMORY : tmpdir()
  const path = mkdtempSync(join(parent, 'millrace-local-'))
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** A block of these texts. */
export function blockOf(
  values: readonly string[],
  given: Partial<Omit<AppendBlock, 'values' | 'ends' | 'count'>> = {},
): AppendBlock {
  const parts = values.map(value => Buffer.from(value))
  let end = 0
  const ends = Uint32Array.from(parts, part => {
    end += part.length
    return end
  })
  return {
    partition: 0,
    kind: 'data',
    markAt: 0,
    headers: {},
    lines: null,
    ...given,
    count: values.length,
    values: Buffer.concat(parts),
    ends,
  }
}

/** A mark of a partition. */
export function markOf(partition: number, markAt: number): AppendBlock {
  return { ...blockOf([''], { partition, kind: 'mark' }), markAt }
}

/** The texts of a block. */
export function textsOf(block: {
  readonly values: Uint8Array
  readonly ends: Uint32Array
}): string[] {
  return Array.from(block.ends, (end, i) =>
    Buffer.from(block.values.subarray(i === 0 ? 0 : block.ends[i - 1], end)).toString(),
  )
}

export function manifestOf(epoch: number, given: Partial<Manifest> = {}): Manifest {
  return {
    application: 'shop',
    planHash: 'hash',
    codeVersion: 'test',
    epoch,
    worker: 0,
    tasks: [],
    spool: null,
    units: [],
    ...given,
  }
}

/** A commit of one task and nothing else. */
export function commitOf(
  epoch: number,
  task: Partial<TaskCommit>,
  given: Partial<EpochCommit> = {},
): EpochCommit {
  const commit = { task: 'shop/0/0', positions: `at ${epoch}`, kind: 'delta', state: [] } as const
  return { manifest: manifestOf(epoch), tasks: [{ ...commit, ...task }], appends: [], ...given }
}

/** A process that runs `writeForEver`, to be killed. */
export function spawnWriter(directory: string, owner: boolean, partition: number) {
  const call = `writeForEver(${JSON.stringify(directory)}, ${owner}, ${partition})`
  const script = `import { writeForEver } from '${import.meta.filename}'\nawait ${call}`
  return spawn(process.execPath, ['--input-type=module', '-e', script])
}

/** Appends and commits without end, and says on standard output what was acknowledged. */
export async function writeForEver(
  directory: string,
  owner: boolean,
  partition: number,
): Promise<void> {
  const data = openData(directory, { clock: systemClock, diskReserveBytes: 0, lock: owner })
  const task = `shop/0/${partition}`
  const filler = 'x'.repeat(20_000)
  let next = data.log.topic('clicks').extents[partition]?.end ?? 0
  writeSync(1, 'ready\n')
  for (;;) {
    const values = Array.from({ length: 1 + (next % 7) }, (_, i) => `${next + i} ${filler}`)
    const progress = { key: `file/${partition}`, value: String(next + values.length) }
    const [base] = await data.log.append('clicks', [blockOf(values, { partition })], [progress])
    assert.equal(base, next)
    next += values.length
    writeSync(1, `offset ${next}\n`)
    const epoch = data.state.reserveEpoch()
    const state = [{ operator: 'o', bytes: Buffer.from(`${epoch} ${filler}`) }]
    const kind = epoch % 5 === 0 ? 'snapshot' : 'delta'
    await data.state.commit(commitOf(epoch, { task, kind, positions: String(next), state }))
    writeSync(1, `epoch ${epoch} ${next}\n`)
  }
}
