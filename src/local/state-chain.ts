/**
 * The state of a task as it lies in LMDB: a chain of links, one per commit that changed it.
 *
 * ```
 * tasks   task                          → latest commit: epoch, plan hash, positions, last link
 * state   task, epoch                   → link: kind, the link before it, and its entries
 * state   task, epoch, entry, chunk     → bytes of an entry, 16 MiB at most each
 * ```
 * A snapshot begins a new chain and removes the old one in its transaction. Every link names the one
 * before it and the checksum of each chunk, so that nothing can be missing unseen.
 */

import type { Key } from 'lmdb'
import { invariant } from '#base'
import { crc32c, placeSeed } from '#format'
import type { StateEntry, TaskCommit, TaskId, TaskRestore } from '#ports'
import { type Environment, getBytes, putValue, removeValue } from './environment.ts'
import { openValue, sealText } from './sealed-value.ts'
import { stateCorrupt } from './topic-rules.ts'

/** Of a value in LMDB: large enough to be cheap, small enough to find room between others. */
export const CHUNK_BYTES = 16 * 1024 * 1024

/** The latest commit of a task. */
export interface TaskHead {
  readonly epoch: number
  readonly planHash: string
  readonly positions: string
  /** Epoch of the last link of its chain; null where it has no state. */
  readonly link: number | null
}

interface ChainLink {
  readonly kind: TaskCommit['kind']
  readonly previous: number | null
  readonly entries: readonly {
    readonly operator: string
    readonly bytes: number
    /** CRC32C of each chunk, which starts from its place. */
    readonly chunks: readonly number[]
  }[]
}

export function headPlace(task: TaskId): string {
  return `task/${task}`
}

export function linkPlace(task: TaskId, epoch: number): string {
  return `state/${task}/${epoch}`
}

function chunkSeed(task: TaskId, epoch: number, entry: number, chunk: number): number {
  return placeSeed(`${linkPlace(task, epoch)}/${entry}/${chunk}`)
}

/** @throws PlatformError `state.corrupt` */
export function readHead(environment: Environment, task: TaskId): TaskHead | undefined {
  const sealed = getBytes(environment.tasks, task)
  if (sealed === undefined) return undefined
  const bytes = openValue(headPlace(task), sealed)
  if (bytes === undefined) throw stateCorrupt(`the commit of task "${task}"`, 'a wrong checksum')
  return JSON.parse(bytes.toString())
}

/** Writes what a task commits in epoch `epoch`; within a write transaction. */
export function writeTask(
  environment: Environment,
  commit: TaskCommit,
  epoch: number,
  planHash: string,
): void {
  const { task, positions, kind } = commit
  const head = readHead(environment, task)
  let link = head?.link ?? null
  if (kind === 'snapshot' || commit.state.length > 0) {
    if (kind === 'snapshot') removeChain(environment, task)
    writeLink(environment, commit, epoch, kind === 'snapshot' ? null : link)
    link = epoch
  }
  const next: TaskHead = { epoch, planHash, positions, link }
  putValue(environment.tasks, task, sealText(headPlace(task), JSON.stringify(next)))
}

/** What a restart finds of a task. @throws PlatformError `state.corrupt` */
export function readTask(environment: Environment, task: TaskId): TaskRestore | undefined {
  const head = readHead(environment, task)
  if (head === undefined) return undefined
  const state: StateEntry[][] = []
  for (let epoch = head.link; epoch !== null; ) {
    const link = readLink(environment, task, epoch)
    state.unshift(readEntries(environment, task, epoch, link))
    epoch = link.previous
  }
  return { epoch: head.epoch, planHash: head.planHash, positions: head.positions, state }
}

function writeLink(
  environment: Environment,
  commit: TaskCommit,
  epoch: number,
  previous: number | null,
): void {
  const { task, kind } = commit
  const entries = commit.state.map(({ operator, bytes }, entry) => {
    const chunks: number[] = []
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + at,
        Math.min(CHUNK_BYTES, bytes.length - at),
      )
      putValue(environment.state, [task, epoch, entry, chunks.length], chunk)
      chunks.push(crc32c(chunk, chunkSeed(task, epoch, entry, chunks.length)))
    }
    return { operator, bytes: bytes.length, chunks }
  })
  const link: ChainLink = { kind, previous, entries }
  putValue(environment.state, [task, epoch], sealText(linkPlace(task, epoch), JSON.stringify(link)))
}

function removeChain(environment: Environment, task: TaskId): void {
  const keys: Key[] = []
  for (const key of environment.state.getKeys({ start: [task] })) {
    if (!Array.isArray(key) || key[0] !== task) break
    keys.push(key)
  }
  for (const key of keys) removeValue(environment.state, key)
}

function readLink(environment: Environment, task: TaskId, epoch: number): ChainLink {
  const sealed = getBytes(environment.state, [task, epoch])
  const what = `state of task "${task}" in epoch ${epoch}`
  if (sealed === undefined) throw stateCorrupt(what, 'it is missing')
  const bytes = openValue(linkPlace(task, epoch), sealed)
  if (bytes === undefined) throw stateCorrupt(what, 'a wrong checksum')
  const link: ChainLink = JSON.parse(bytes.toString())
  invariant(link.previous === null || link.previous < epoch, 'a chain leads back')
  return link
}

function readEntries(
  environment: Environment,
  task: TaskId,
  epoch: number,
  link: ChainLink,
): StateEntry[] {
  return link.entries.map(({ operator, bytes: length, chunks }, entry) => {
    const bytes = new Uint8Array(length)
    chunks.forEach((checksum, index) => {
      const chunk = getBytes(environment.state, [task, epoch, entry, index])
      const at = index * CHUNK_BYTES
      const what = `state of task "${task}", operator "${operator}", epoch ${epoch}`
      if (chunk === undefined) throw stateCorrupt(what, 'it is missing')
      const lengthDue = Math.min(CHUNK_BYTES, length - at)
      if (chunk.length !== lengthDue) {
        throw stateCorrupt(what, `${chunk.length} bytes where ${lengthDue} were written`)
      }
      if (crc32c(chunk, chunkSeed(task, epoch, entry, index)) !== checksum) {
        throw stateCorrupt(what, 'a wrong checksum')
      }
      bytes.set(chunk, at)
    })
    return { operator, bytes }
  })
}
