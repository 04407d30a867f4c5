/**
 * `DIR/run.json`: where a running platform is reached, for commands on the directory it holds.
 *
 * The file is readable by its owner only, since its token lets a command act as the operator. It
 * is removed by a clean stop; after a kill it is stale, which its process id tells.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

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
  writeFileSync(pathOf(dataDir), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
}

export function removeRunFile(dataDir: string): void {
  rmSync(pathOf(dataDir), { force: true })
}

/** The running platform of `dataDir`; undefined where none runs, a stale file included. */
export function readRunFile(dataDir: string): RunFile | undefined {
  let text: string
  try {
    text = readFileSync(pathOf(dataDir), 'utf8')
  } catch {
    return undefined
  }
  const file = JSON.parse(text) as RunFile
  return processRuns(file.pid) ? file : undefined
}

function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
