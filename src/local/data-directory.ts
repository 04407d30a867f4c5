/**
 * A data directory: `log/` (LMDB), `spool/`, `store/` (ClickHouse), `LOCK` and `VERSION`.
 *
 * Main opens it with its lock; the engine workers of that main open the same directory without.
 */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Clock, PlatformError } from '#base'
import { type DirectoryLock, lockDirectory, permissionError } from './directory-lock.ts'
import { DiskSpace } from './disk-space.ts'
import { Environment, TABLES } from './environment.ts'
import { checkKeys } from './key-check.ts'
import { LmdbLog } from './lmdb-log.ts'
import { LmdbState } from './lmdb-state.ts'
import { checkPages } from './page-check.ts'
import { Spool, syncDirectory } from './spool.ts'

/** Version of the layout that this program writes. */
export const DATA_VERSION = 1

/** From each older version, what makes the next one of a directory, in place, after a backup. */
const MIGRATIONS: Readonly<Record<number, (directory: string) => void>> = {}

export interface DataOptions {
  readonly clock: Clock
  /** Free bytes of the disk below which no record is taken; the smaller of 2 GiB and 2 %. */
  readonly diskReserveBytes?: number
  /** False for an engine worker of the main process that holds the lock. */
  readonly lock?: boolean
}

export interface DataDirectory {
  /** Absolute. */
  readonly path: string
  /** Where the store process keeps its files. */
  readonly storePath: string
  readonly log: LmdbLog
  readonly state: LmdbState
  readonly spool: Spool
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a data directory, and makes it where there is none.
 *
 * The owner also walks the pages of the LMDB file before LMDB does, so that a damaged one is an
 * error and not a crash, and then the keys.
 *
 * @throws PlatformError `data.locked`, `data.newer`, `data.older`, `data.permission`, `log.corrupt`
 */
export function openData(directory: string, options: DataOptions): DataDirectory {
  return openDirectory(directory, options, error => {
    throw error
  })
}

/** As `openData`; damage of single entries goes to `damaged`. */
export function openDirectory(
  directory: string,
  options: DataOptions,
  damaged: (error: PlatformError) => void,
): DataDirectory {
  makeDirectory(directory)
  const path = realpathSync(directory)
  const owner = options.lock !== false
  const lock = owner ? lockDirectory(join(path, 'LOCK'), path) : undefined
  try {
    checkVersion(path, owner)
    for (const name of ['log', 'spool', 'store']) makeDirectory(join(path, name))
    if (owner) {
      syncDirectory(path)
      refuseLostLog(path)
      checkPages(join(path, 'log', 'data.mdb'), TABLES)
    }
    return openLocked(path, options, lock, damaged)
  } catch (error) {
    lock?.release()
    throw error
  }
}

function openLocked(
  path: string,
  options: DataOptions,
  lock: DirectoryLock | undefined,
  damaged: (error: PlatformError) => void,
): DataDirectory {
  const environment = new Environment(join(path, 'log'))
  try {
    if (lock !== undefined) checkKeys(environment, damaged)
  } catch (error) {
    void environment.close()
    throw error
  }
  const space = new DiskSpace(path, options.diskReserveBytes)
  const log = new LmdbLog(environment, options.clock, space)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= environment.close().finally(() => lock?.release())
    return closing
  }
  return {
    path,
    storePath: join(path, 'store'),
    log,
    state: new LmdbState(environment, log),
    spool: new Spool(join(path, 'spool')),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw permissionError(path, error)
  }
}

function checkVersion(path: string, owner: boolean): void {
  const file = join(path, 'VERSION')
  if (!existsSync(file)) {
    if (existsSync(join(path, 'log', 'data.mdb')) || !owner) throw unknownVersion(path, 'none')
    writeVersion(path, DATA_VERSION)
    return
  }
  const text = readFileSync(file, 'utf8').trim()
  let version = /^[1-9][0-9]*$/.test(text) ? Number(text) : 0
  if (version > DATA_VERSION) {
    throw new PlatformError(
      'data.newer',
      `the data directory "${path}" has version ${version}, this program reads ${DATA_VERSION}`,
      { hint: 'Use the program that wrote it, or a newer one.' },
    )
  }
  for (; version < DATA_VERSION; version++) {
    const migrate = MIGRATIONS[version]
    if (migrate === undefined || !owner) throw unknownVersion(path, text)
    migrate(path)
    writeVersion(path, version + 1)
  }
}

/** A log that is gone while the tables made from it are there is a loss, and no new beginning. */
function refuseLostLog(path: string): void {
  const file = statSync(join(path, 'log', 'data.mdb'), { throwIfNoEntry: false })
  if (file !== undefined && file.size > 0) return
  const left = ['store', 'spool'].filter(name => readdirSync(join(path, name)).length > 0)
  if (left.length === 0) return
  throw new PlatformError(
    'log.corrupt',
    `the log of "${path}" is gone, while ${left.join(' and ')} hold what was made from it`,
    {
      hint: 'Nothing was dropped by this program. Restore the data directory from a copy, or use a new one.',
    },
  )
}

function unknownVersion(path: string, version: string): PlatformError {
  return new PlatformError(
    'data.older',
    `the data directory "${path}" has version "${version}", which this program cannot migrate`,
    { hint: 'Use the program that wrote it, or ingest its input into a new directory.' },
  )
}

function writeVersion(path: string, version: number): void {
  const temporary = join(path, 'VERSION.tmp')
  try {
    const file = openSync(temporary, 'w')
    writeSync(file, `${version}\n`)
    fsyncSync(file)
    closeSync(file)
    renameSync(temporary, join(path, 'VERSION'))
    syncDirectory(path)
  } catch (error) {
    throw permissionError(path, error)
  }
}
