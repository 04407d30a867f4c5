/**
 * Whether every key of the tables is one that was written.
 *
 * A value says by its checksum where it belongs, so a key that was damaged is found when its value
 * is read. But nobody reads what lies under a key that looks like no other: it would be gone in
 * silence. So the owner reads all keys, and the small values, when it opens the directory: about
 * 2 µs each. What blocks and state must be there is known from the partitions and the heads of the
 * tasks, and missed when it is read.
 */

import type { Key } from 'lmdb'
import { PlatformError } from '#base'
import type { TopicSpec } from '#ports'
import { type Environment, getBytes, type Table } from './environment.ts'
import { partitionPlace, progressPlace, topicPlace } from './lmdb-log.ts'
import { LAST_EPOCH, manifestPlace } from './lmdb-state.ts'
import { decodePartition } from './log-partition.ts'
import { openValue } from './sealed-value.ts'
import { headPlace } from './state-chain.ts'

/** How an entry of a table is called, where its key says it. */
const NAMES: Readonly<Record<string, (key: Key) => string | undefined>> = {
  topics: key => (typeof key === 'string' ? `the record of topic "${key}"` : undefined),
  partitions: key =>
    Array.isArray(key) && key.length === 2
      ? `the record of topic "${String(key[0])}", partition ${String(key[1])}`
      : undefined,
  progress: key => (typeof key === 'string' ? `the progress of "${key}"` : undefined),
  tasks: key => (typeof key === 'string' ? `the commit of task "${key}"` : undefined),
  manifests: key =>
    Array.isArray(key) && key.length === 2 ? `the manifest of epoch ${String(key[1])}` : undefined,
}

/** Calls `damaged` for each key that was not written so, or whose small value is damaged. */
export function checkKeys(environment: Environment, damaged: (error: PlatformError) => void): void {
  const fault = (code: 'log.corrupt' | 'state.corrupt', table: string, key: Key): void => {
    const message = `${NAMES[table]?.(key) ?? `an entry of table "${table}"`}: a wrong checksum`
    const hint = 'Nothing was dropped. Restore the data directory from a copy.'
    damaged(new PlatformError(code, message, { hint }))
  }
  const sealed = (table: Table, key: Key, place: string): Buffer | undefined => {
    const bytes = getBytes(table, key)
    return bytes === undefined ? undefined : openValue(place, bytes)
  }
  environment.read(() => {
    const partitions = new Map<string, number>()
    for (const key of keysOf(environment.topics)) {
      const bytes = sealed(environment.topics, key, topicPlace(String(key)))
      if (typeof key !== 'string' || bytes === undefined) fault('log.corrupt', 'topics', key)
      else partitions.set(key, (JSON.parse(bytes.toString()) as TopicSpec).partitions)
    }
    for (const key of keysOf(environment.partitions)) {
      const [topic, partition] = partsOf(key, 2)
      const bytes = getBytes(environment.partitions, key)
      const place = partitionPlace(String(topic), Number(partition))
      const good = bytes !== undefined && decodePartition(place, bytes) !== undefined
      if (!good || !partitions.has(String(topic))) fault('log.corrupt', 'partitions', key)
    }
    for (const key of keysOf(environment.blocks)) {
      const [topic, partition, offset] = partsOf(key, 3)
      const count = partitions.get(String(topic)) ?? 0
      const good = isOrdinal(partition) && partition < count && isOrdinal(offset)
      if (!good) fault('log.corrupt', 'blocks', key)
    }
    for (const key of keysOf(environment.progress)) {
      const bytes = sealed(environment.progress, key, progressPlace(String(key)))
      if (typeof key !== 'string' || bytes === undefined) fault('log.corrupt', 'progress', key)
    }
    for (const key of keysOf(environment.tasks)) {
      const bytes = sealed(environment.tasks, key, headPlace(String(key)))
      if (typeof key !== 'string' || bytes === undefined) fault('state.corrupt', 'tasks', key)
    }
    for (const key of keysOf(environment.state)) {
      const [task, ...numbers] = Array.isArray(key) ? key : []
      const known = typeof task === 'string' && environment.tasks.doesExist(task)
      const good =
        known && (numbers.length === 1 || numbers.length === 3) && numbers.every(isOrdinal)
      if (!good) fault('state.corrupt', 'state', key)
    }
    for (const key of keysOf(environment.manifests)) {
      const [status, epoch] = partsOf(key, 2)
      const single = key === LAST_EPOCH
      const good = single || ((status === 0 || status === 1) && isOrdinal(epoch))
      const place = single ? LAST_EPOCH : manifestPlace(status === 0 ? 0 : 1, Number(epoch))
      const bytes = sealed(environment.manifests, key, place)
      if (!good || bytes === undefined) fault('state.corrupt', 'manifests', key)
    }
  })
}

/** All keys, also those before the first that a key of ours can be. */
function keysOf(table: Table): Key[] {
  return Array.from(table.getKeys({ start: Buffer.from([0]) }))
}

function partsOf(key: Key, count: number): readonly unknown[] {
  return Array.isArray(key) && key.length === count ? key : []
}

function isOrdinal(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
