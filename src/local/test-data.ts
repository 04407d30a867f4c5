/** What the tests of this module share: directories that go away, blocks and manifests. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AppendBlock, EpochCommit, Manifest, TaskCommit } from '#plan'

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
