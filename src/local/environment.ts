/**
 * The LMDB environment of a data directory: the log, feed progress, keyed state and manifests.
 *
 * Main and the engine workers open the same one. Choices that matter, each seen in a trace of
 * system calls (`durability.test.ts`) or measured:
 *
 * - No overlapping sync: a write transaction is pages, `fdatasync`, then the meta page through a
 *   descriptor opened with `O_DSYNC`, and only then does its promise resolve. Readers never see
 *   what is not flushed. (Overlapping sync shows it before.)
 * - No write map: pages reach the file by `pwrite`, so a wild pointer cannot reach the log.
 * - 1 TiB of address space, of which the file takes what it uses; beyond it the map grows by itself.
 * - A read holds its snapshot for the call only, so that no reader keeps old pages from being used
 *   again.
 * - Writes run as child transactions: a body that throws leaves nothing behind.
 */

import { type Database, type Key, open, type RootDatabase } from 'lmdb'
import { PlatformError } from '#base'

const MAP_BYTES = 2 ** 40
/** Engine workers, main and tools; each takes a slot or two. */
const READERS_MAX = 512
const ENOSPC = 28

/** Names of the tables there are. */
export const TABLES = [
  'topics',
  'partitions',
  'blocks',
  'progress',
  'tasks',
  'state',
  'manifests',
] as const

export type Table = Database<Buffer, Key>

export class Environment {
  readonly topics: Table
  readonly partitions: Table
  readonly blocks: Table
  readonly progress: Table
  /** Latest commit per task. */
  readonly tasks: Table
  /** Links of the chains of state, and under each its chunks. */
  readonly state: Table
  readonly manifests: Table
  readonly #root: RootDatabase<Buffer, Key>
  #failure: unknown

  constructor(path: string) {
    const options = { encoding: 'binary', maxReaders: READERS_MAX, maxDbs: 16 } as const
    this.#root = damageNamed(() =>
      open<Buffer, Key>(path, { ...options, mapSize: MAP_BYTES, overlappingSync: false }),
    )
    const table = (name: (typeof TABLES)[number]): Table =>
      damageNamed(() => this.#root.openDB(name, { encoding: 'binary' }))
    this.topics = table('topics')
    this.partitions = table('partitions')
    this.blocks = table('blocks')
    this.progress = table('progress')
    this.tasks = table('tasks')
    this.state = table('state')
    this.manifests = table('manifests')
  }

  /** Runs reads over one snapshot, the newest, and lets go of it. */
  read<T>(body: () => T): T {
    try {
      return damageNamed(body)
    } finally {
      this.#root.resetReadTxn()
    }
  }

  /**
   * Runs `body` in a write transaction, all or nothing; resolves when it is flushed. Bodies of
   * several calls may share a transaction and one flush.
   *
   * @throws PlatformError `disk.full` where the disk has no room, `process.failed` for any other
   * failure of the disk, after which nothing is written any more: a sync that failed is not retried
   */
  async write<T>(body: () => T): Promise<T> {
    this.#check()
    let thrown: { readonly error: unknown } | undefined
    try {
      return await this.#root.childTransaction(() => {
        try {
          return body()
        } catch (error) {
          thrown = { error }
          throw error
        }
      })
    } catch (error) {
      if (thrown !== undefined) throw thrown.error
      throw this.#failed(await causeOf(error))
    }
  }

  /** As `write`, at once and blocking until it is flushed. */
  writeNow<T>(body: () => T): T {
    this.#check()
    let thrown: { readonly error: unknown } | undefined
    try {
      return this.#root.transactionSync(() => {
        try {
          return body()
        } catch (error) {
          thrown = { error }
          throw error
        }
      })
    } catch (error) {
      if (thrown !== undefined) throw thrown.error
      throw this.#failed(error)
    }
  }

  /** Frees the reader slots of processes that died, so that the pages they saw can be used again. */
  dropDeadReaders(): void {
    this.#root.readerCheck()
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failed(this.#failure)
  }

  #failed(cause: unknown): PlatformError {
    if (codeOf(cause) === ENOSPC) {
      return new PlatformError('disk.full', 'the disk has no room for the log', {
        hint: 'Free space on the disk of the data directory.',
        cause,
      })
    }
    this.#failure = cause
    return new PlatformError('process.failed', 'the log could not be written', {
      hint: 'The disk reported an error; look at the system log, then start again.',
      cause,
    })
  }
}

/** The bytes of a value, valid until the next read: without the copy that `getBinary` makes. */
export function getBytes(table: Table, key: Key): Uint8Array | undefined {
  const bytes = table.getBinaryFast(key)
  // The buffer is reused and says its length in a property; a plain view is what others may slice.
  return bytes === undefined
    ? undefined
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Puts a value, within a write transaction, in which LMDB answers at once. */
export function putValue(table: Table, key: Key, value: Buffer): void {
  void table.put(key, value)
}

/** Removes a value, within a write transaction. */
export function removeValue(table: Table, key: Key): void {
  void table.remove(key)
}

/** Runs what reads; an error of LMDB itself says that its pages are damaged. */
function damageNamed<T>(body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('MDB_')) throw error
    throw new PlatformError('log.corrupt', `the log file cannot be read: ${error.message}`, {
      hint: 'Nothing was dropped. Restore the data directory from a copy.',
      cause: error,
    })
  }
}

/** LMDB rejects with an error that holds a promise of the real one. */
async function causeOf(error: unknown): Promise<unknown> {
  if (error instanceof Error && 'commitError' in error) {
    try {
      await error.commitError
    } catch (cause) {
      return cause
    }
  }
  return error
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
