/** The part of the disk that is never given to new records, so that what was accepted can finish. */

import { statfsSync } from 'node:fs'
import { PlatformError } from '#base'

const RESERVE_BYTES_MAX = 2 * 1024 ** 3
const RESERVE_SHARE = 0.02

export class DiskSpace {
  readonly #path: string
  readonly reserveBytes: number

  /** The reserve is the smaller of 2 GiB and 2 % of the disk unless it is given. */
  constructor(path: string, reserveBytes: number | undefined) {
    const { blocks, bsize } = statfsSync(path)
    this.#path = path
    this.reserveBytes = reserveBytes ?? Math.min(RESERVE_BYTES_MAX, blocks * bsize * RESERVE_SHARE)
  }

  /** @throws PlatformError `disk.full` where `bytes` more would reach into the reserve */
  require(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.#path)
    const free = bavail * bsize
    if (free - bytes >= this.reserveBytes) return
    throw new PlatformError(
      'disk.full',
      `${megabytes(free)} are free on the disk, of which ${megabytes(this.reserveBytes)} are kept`,
      { hint: 'Free space on the disk of the data directory; what was acknowledged is kept.' },
    )
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
