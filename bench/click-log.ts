/** A log of made-up clicks in a data directory of its own, for benches that begin at the log. */

import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clickEvents } from './click-events.ts'

/** Before any machine's clock, so that no click lies in the future. */
const START_MS = Date.UTC(2024, 2, 1, 8)
/** Copies come within the plan's minute of lateness, so that dedupe has to find them. */
const DUPLICATE_WITHIN = 2_500
/** A session then has about 1.8 clicks: closing one costs more than a click (facts/engine.md §7). */
const USERS = 150_000
const CHUNK_BYTES = 16 * 1024 * 1024

/** A directory that is removed when `work` has ended, however it ends. */
export async function inTemporaryDirectory<T>(work: (path: string) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    return await work(path)
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

export interface ClickFile {
  readonly path: string
  readonly bytes: number
  readonly events: number
  readonly duplicates: number
  readonly invalid: number
}

/** Writes clicks as JSON lines. The same number gives the same file. */
export function writeClicks(path: string, count: number): ClickFile {
  const { bytes, ends, duplicates, invalid } = clickEvents({
    events: count,
    startMs: START_MS,
    duplicateWithin: DUPLICATE_WITHIN,
    users: USERS,
  })
  const file = openSync(path, 'w')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let used = 0
  let start = 0
  for (const end of ends) {
    if (used + end - start + 1 > CHUNK_BYTES) {
      writeSync(file, chunk, 0, used)
      used = 0
    }
    chunk.set(bytes.subarray(start, end), used)
    used += end - start
    chunk[used++] = 10
    start = end
  }
  writeSync(file, chunk, 0, used)
  closeSync(file)
  return { path, bytes: statSync(path).size, events: count, duplicates, invalid }
}
