/**
 * The parts of a running platform, joined: data directory, store, and what commands need of both.
 *
 * The store starts when something first asks for it, since many commands never do.
 */

import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Clock, type Logger, PlatformError } from '#base'
import { openStore, type Store } from '#clickhouse'
import { type DataDirectory, openData } from '#local'
import type { Metrics } from '#observe'

export interface PlatformOptions {
  /** Path of the data directory. */
  readonly data: string
  readonly storeMemoryBytes: number
  readonly storeNativePort?: number
  /** How long the store may take to stop; commands that end at once do not wait (decision 14). */
  readonly storeStopMs?: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Free bytes below which nothing is taken; the default of module `local` where absent. */
  readonly diskReserveBytes?: number
}

export interface Platform extends AsyncDisposable {
  readonly options: PlatformOptions
  readonly data: DataDirectory
  /** The store, started on the first call. @throws PlatformError `store.start` … */
  store(): Promise<Store>
  /** The store's process, where it runs. */
  storePid(): number | undefined
}

/**
 * The data directory at `path`, absolute, for commands that read what is there: they do not make one.
 *
 * @throws PlatformError `data.not_found`
 */
export function requireData(directory: string, path: string): string {
  const found = resolve(directory, path)
  const file = existsSync(found) && !statSync(found).isDirectory()
  // A file is refused by who opens it, with a better word.
  if (file || existsSync(join(found, 'VERSION')) || existsSync(join(found, 'log'))) return found
  throw new PlatformError('data.not_found', `there is no data directory "${found}"`, {
    hint: 'Name it with --data DIR; "millrace run" and "millrace ingest TOPIC FILE --app APP" make one.',
  })
}

/** Opens the data directory and takes its lock. @throws PlatformError `data.locked` … */
export function openPlatform(directory: string, options: PlatformOptions): Platform {
  const { clock, logger, metrics } = options
  const data = openData(resolve(directory, options.data), {
    clock,
    ...(options.diskReserveBytes === undefined
      ? {}
      : { diskReserveBytes: options.diskReserveBytes }),
  })
  removeOrphans(data)
  let starting: Promise<Store> | undefined
  let started: Store | undefined
  return {
    options,
    data,
    store() {
      starting ??= openStore({
        dataDir: data.path,
        memoryBytes: options.storeMemoryBytes,
        ...(options.storeNativePort === undefined ? {} : { nativePort: options.storeNativePort }),
        ...(options.storeStopMs === undefined ? {} : { stopMs: options.storeStopMs }),
        ...(options.diskReserveBytes === undefined
          ? {}
          : { diskReserveBytes: options.diskReserveBytes }),
        clock,
        log: logger,
        onChange: ({ state }) => {
          metrics.set('millrace_store_up', state === 'up' ? 1 : 0)
          if (state === 'up') metrics.add('millrace_store_restarts_total', 1)
        },
      }).then(store => {
        metrics.set('millrace_store_up', 1)
        started = store
        return store
      })
      return starting
    },
    storePid: () => started?.pid,
    async [Symbol.asyncDispose]() {
      try {
        await (await starting?.catch(() => undefined))?.close()
      } finally {
        await data.close()
      }
    },
  }
}

/**
 * Spool files of epochs that never were committed. Before any worker runs: the file of an epoch that
 * is being committed looks the same.
 */
function removeOrphans({ state, spool }: DataDirectory): void {
  const named = new Set([...state.prepared(), ...state.applied()].map(manifest => manifest.spool))
  spool.remove(spool.names().filter(name => !named.has(name)))
}
