/**
 * `DIR/run.json`: where a running platform is reached, for commands on the directory it holds.
 *
 * The file is readable by its owner only, since its token lets a command act as the operator. It
 * is removed by a clean stop; after a kill it is stale, which the lock of the directory tells.
 */

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockOwner } from '#local'

export interface RunFile {
  readonly pid: number
  /** Loopback port of the command endpoint, and what a caller must show. */
  readonly controlPort: number
  readonly token: string
  /** Port of the store's gate, where it is open. */
  readonly storePort: number | null
}

const pathOf = (dataDir: string): string => join(dataDir, 'run.json')

export function writeRunFile(dataDir: string, file: RunFile): void {
  const path = pathOf(dataDir)
  // A left one may have other rights, and a reader must not see half of a new one.
  rmSync(`${path}.new`, { force: true })
  writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeRunFile(dataDir: string): void {
  rmSync(pathOf(dataDir), { force: true })
}

/**
 * The running platform of `dataDir`; undefined where none runs, a stale file included. Whether it
 * runs is what the directory's lock says: a process id alone may be another process's by now.
 */
export function readRunFile(dataDir: string): RunFile | undefined {
  const path = pathOf(dataDir)
  if (!existsSync(path)) return undefined
  let file: RunFile
  try {
    file = JSON.parse(readFileSync(path, 'utf8')) as RunFile
  } catch (error) {
    // Another user's, or removed meanwhile, or damaged: the lock will say who holds the directory.
    if (error instanceof SyntaxError || 'code' in (error as object)) return undefined
    throw error
  }
  return lockOwner(join(dataDir, 'LOCK'), dataDir) === file.pid ? file : undefined
}
