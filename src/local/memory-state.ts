/** Checkpoints in memory: the same answers as the durable ones, and the same crash. */

import { invariant, PlatformError } from '#base'
import type { EpochCommit, Manifest, StateEntry, StateStore, TaskId, TaskRestore } from '#ports'
import type { MemoryDisk } from './memory-disk.ts'
import { copyBlocks, type MemoryLog } from './memory-log.ts'

interface MemoryTask {
  readonly restore: Omit<TaskRestore, 'state'>
  readonly state: readonly (readonly StateEntry[])[]
}

export class MemoryState implements StateStore {
  readonly #disk: MemoryDisk
  readonly #log: MemoryLog
  readonly #tasks = new Map<TaskId, MemoryTask>()
  readonly #prepared = new Map<number, Manifest>()
  readonly #applied = new Map<number, Manifest>()
  #epoch = 0

  constructor(log: MemoryLog, disk: MemoryDisk) {
    this.#log = log
    this.#disk = disk
  }

  restore(task: TaskId): TaskRestore | undefined {
    const found = this.#tasks.get(task)
    if (found === undefined) return undefined
    return { ...found.restore, state: found.state.map(entries => entries.map(copyEntry)) }
  }

  tasks(application?: string): readonly TaskId[] {
    const prefix = application === undefined ? '' : `${application}/`
    return Array.from(this.#tasks.keys())
      .filter(task => task.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  reserveEpoch(): number {
    this.#epoch++
    return this.#epoch
  }

  commit(commit: EpochCommit): Promise<void> {
    const { manifest } = commit
    const tasks = commit.tasks.map(task => ({ ...task, state: task.state.map(copyEntry) }))
    const appends = commit.appends.map(({ topic, blocks }) => ({
      topic,
      blocks: copyBlocks(blocks),
    }))
    return this.#disk.write(() => {
      for (const { task } of tasks) this.#checkOwner(task, manifest.epoch)
      for (const { topic, blocks } of appends) this.#log.checkAppend(topic, blocks)
      for (const { task, positions, kind, state } of tasks) {
        const before = kind === 'snapshot' ? [] : (this.#tasks.get(task)?.state ?? [])
        const { epoch, planHash } = manifest
        const changes = kind === 'snapshot' || state.length > 0 ? [state] : []
        this.#tasks.set(task, {
          restore: { epoch, planHash, positions },
          state: [...before, ...changes],
        })
      }
      for (const { topic, blocks } of appends) this.#log.appendNow(topic, blocks)
      this.#prepared.set(manifest.epoch, manifest)
    })
  }

  prepared(application?: string): readonly Manifest[] {
    return manifestsOf(this.#prepared, application)
  }

  applied(application?: string): readonly Manifest[] {
    return manifestsOf(this.#applied, application)
  }

  markApplied(epoch: number): Promise<void> {
    return this.#disk.write(() => {
      const manifest = this.#prepared.get(epoch) ?? this.#applied.get(epoch)
      invariant(manifest !== undefined, `epoch ${epoch} was committed`)
      this.#prepared.delete(epoch)
      this.#applied.set(epoch, manifest)
    })
  }

  trim(epoch: number): Promise<void> {
    return this.#disk.write(() => {
      invariant(!this.#prepared.has(epoch), `epoch ${epoch} is applied before it is trimmed`)
      this.#applied.delete(epoch)
    })
  }

  #checkOwner(task: TaskId, epoch: number): void {
    const last = this.#tasks.get(task)?.restore.epoch
    if (last === undefined || last < epoch) return
    throw new PlatformError(
      'worker.failed',
      `epoch ${epoch} of task "${task}" comes after epoch ${last} was committed`,
      { hint: 'Another worker has taken over the task; this one restarts from its last commit.' },
    )
  }
}

function manifestsOf(
  manifests: ReadonlyMap<number, Manifest>,
  application: string | undefined,
): readonly Manifest[] {
  return Array.from(manifests.values())
    .filter(manifest => application === undefined || manifest.application === application)
    .sort((a, b) => a.epoch - b.epoch)
}

function copyEntry(entry: StateEntry): StateEntry {
  return { operator: entry.operator, bytes: entry.bytes.slice() }
}
