/** Bytes of units out of the spool, and tables forced to disk: what the sink needs of files. */

import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PlatformError } from '#base'
import type { Manifest, Unit } from '#ports'

/**
 * Reads units from the files in `directory`.
 *
 * @throws PlatformError `spool.corrupt` where a file is missing or too short
 */
export function spoolReader(
  directory: string,
): (manifest: Manifest, unit: Unit) => Promise<Uint8Array> {
  return async (manifest, unit) => {
    const path = join(directory, manifest.spool ?? '')
    try {
      await using file = await open(path, 'r')
      const bytes = Buffer.allocUnsafe(unit.bytes)
      const { bytesRead } = await file.read(bytes, 0, unit.bytes, unit.at)
      if (bytesRead === unit.bytes) return bytes
    } catch (cause) {
      throw lost(path, unit, cause)
    }
    throw lost(path, unit, undefined)
  }
}

function lost(path: string, unit: Unit, cause: unknown): PlatformError {
  return new PlatformError('spool.corrupt', `unit "${unit.id}" is not in "${path}"`, {
    hint: 'Check the disk. The epoch can be made again from the log: run millrace verify.',
    cause,
  })
}

/**
 * Forces the names in a directory to disk. A failure is not tried again: a second call may succeed
 * for bytes that the first has lost.
 *
 * @throws PlatformError `process.failed`
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    await using directory = await open(path, 'r')
    await directory.sync()
  } catch (cause) {
    throw new PlatformError('process.failed', `"${path}" could not be forced to disk`, {
      hint: 'Check the disk, then start again: what was applied is read back.',
      cause,
    })
  }
}
