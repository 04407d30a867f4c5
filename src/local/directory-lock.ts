/**
 * The lock of a data directory: one owner, dropped by the kernel with the process.
 *
 * `LOCK` is an SQLite file whose write lock (a `fcntl` lock, which dies with its process however it
 * dies) the owner holds by a transaction that it never ends. The owner's pid is the file's
 * `user_version`, which others can read meanwhile. Node has no `flock`, and SQLite comes with it.
 */

import { DatabaseSync } from 'node:sqlite'
import { PlatformError } from '#base'

const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const SQLITE_NOT_A_DATABASE = 26
/** Contenders that take turns between the two transactions of `acquire`. */
const ATTEMPTS_MAX = 100

export interface DirectoryLock {
  release(): void
}

/**
 * Takes the lock file at `path`.
 *
 * @throws PlatformError `data.locked`, naming the owner's pid, `data.permission`
 */
export function lockDirectory(path: string, directory: string): DirectoryLock {
  const file = openLock(path, directory)
  try {
    acquire(file, directory)
  } catch (error) {
    file.close()
    throw error
  }
  return { release: () => file.close() }
}

/** The pid of the process that holds the lock at `path`, if any. */
export function lockOwner(path: string, directory: string): number | undefined {
  const file = openLock(path, directory)
  try {
    return begin(file, directory) ? undefined : pidOf(file)
  } finally {
    file.close()
  }
}

function openLock(path: string, directory: string): DatabaseSync {
  try {
    const file = new DatabaseSync(path)
    file.exec('PRAGMA busy_timeout = 0')
    return file
  } catch (error) {
    throw permissionError(directory, error)
  }
}

/**
 * Writes our pid, which ends the transaction, and takes the lock again; another that came between
 * has written its own pid, and then it is its turn or ours once more.
 */
function acquire(file: DatabaseSync, directory: string): void {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (!begin(file, directory)) break
    if (pidOf(file) === process.pid) return
    try {
      file.exec(`PRAGMA user_version = ${process.pid}`)
      file.exec('COMMIT')
    } catch (error) {
      throw permissionError(directory, error)
    }
  }
  const owner = pidOf(file)
  throw new PlatformError(
    'data.locked',
    `process ${owner} uses the data directory "${directory}"`,
    {
      hint: `Stop it (kill ${owner}), or give another directory with --data.`,
    },
  )
}

/** Whether the write lock was free, and is now ours. */
function begin(file: DatabaseSync, directory: string): boolean {
  try {
    file.exec('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw permissionError(directory, error)
  }
}

function pidOf(file: DatabaseSync): number {
  return Number(file.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
}

/** What a failure to make or write files of a data directory means. */
export function permissionError(directory: string, cause: unknown): PlatformError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const sqlite = cause instanceof Error && 'errcode' in cause ? cause.errcode : undefined
  if (code === 'ENOSPC' || sqlite === SQLITE_FULL) {
    return new PlatformError('disk.full', `no room for the data directory "${directory}"`, {
      hint: 'Free space on its disk, or give a directory on another one with --data.',
      cause,
    })
  }
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new PlatformError('data.permission', `"${directory}" is no directory`, {
      hint: 'Give a directory with --data; one that is not there is made.',
      cause,
    })
  }
  if (sqlite === SQLITE_NOT_A_DATABASE) {
    return new PlatformError('data.permission', `the lock file of "${directory}" is damaged`, {
      hint: 'Make sure that no process uses the directory, then remove its file LOCK.',
      cause,
    })
  }
  return new PlatformError('data.permission', `cannot write to the data directory "${directory}"`, {
    hint: 'Give this user the right to write there, or give another directory with --data.',
    cause,
  })
}
