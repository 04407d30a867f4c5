/**
 * Checkpoints in LMDB: a commit is one flushed transaction of positions, state, manifest and the
 * records for repartition topics.
 */

import { invariant, PlatformError } from '#base'
import type { EpochCommit, Manifest, StateStore, TaskId, TaskRestore } from '#ports'
import { type Environment, getBytes, putValue, removeValue } from './environment.ts'
import { type LmdbLog, packAll } from './lmdb-log.ts'
import { openValue, sealText } from './sealed-value.ts'
import { readHead, readTask, writeTask } from './state-chain.ts'
import { stateCorrupt } from './topic-rules.ts'

const PREPARED = 0
const APPLIED = 1
type ManifestStatus = typeof PREPARED | typeof APPLIED

/** Key of the last epoch that was handed out, before all manifests. */
export const LAST_EPOCH = 'epoch'

export class LmdbState implements StateStore {
  readonly #environment: Environment
  readonly #log: LmdbLog

  constructor(environment: Environment, log: LmdbLog) {
    this.#environment = environment
    this.#log = log
  }

  restore(task: TaskId): TaskRestore | undefined {
    return this.#environment.read(() => readTask(this.#environment, task))
  }

  tasks(application?: string): readonly TaskId[] {
    const prefix = application === undefined ? '' : `${application}/`
    return this.#environment.read(() =>
      Array.from(this.#environment.tasks.getKeys(), String).filter(task => task.startsWith(prefix)),
    )
  }

  reserveEpoch(): number {
    return this.#environment.writeNow(() => {
      const { manifests } = this.#environment
      const sealed = getBytes(manifests, LAST_EPOCH)
      const bytes = sealed === undefined ? Buffer.from('0') : openValue(LAST_EPOCH, sealed)
      if (bytes === undefined) throw stateCorrupt('the last epoch', 'a wrong checksum')
      const epoch = Number(bytes.toString()) + 1
      putValue(manifests, LAST_EPOCH, sealText(LAST_EPOCH, String(epoch)))
      return epoch
    })
  }

  async commit(commit: EpochCommit): Promise<void> {
    const { manifest, tasks } = commit
    const appends = commit.appends.map(({ topic, blocks }) => ({ topic, packed: packAll(blocks) }))
    await this.#environment.write(() => {
      for (const { task } of tasks) this.#checkOwner(task, manifest.epoch)
      for (const task of tasks) {
        writeTask(this.#environment, task, manifest.epoch, manifest.planHash)
      }
      for (const { topic, packed } of appends) this.#log.appendNow(topic, packed)
      this.#putManifest(manifest, PREPARED)
    })
  }

  prepared(application?: string): readonly Manifest[] {
    return this.#manifests(PREPARED, application)
  }

  applied(application?: string): readonly Manifest[] {
    return this.#manifests(APPLIED, application)
  }

  async markApplied(epoch: number): Promise<void> {
    await this.#environment.write(() => {
      const manifest = this.#manifest(PREPARED, epoch)
      if (manifest === undefined) {
        invariant(this.#manifest(APPLIED, epoch) !== undefined, `epoch ${epoch} was committed`)
        return
      }
      removeValue(this.#environment.manifests, [PREPARED, epoch])
      this.#putManifest(manifest, APPLIED)
    })
  }

  async trim(epoch: number): Promise<void> {
    await this.#environment.write(() => {
      const applied = this.#manifest(PREPARED, epoch) === undefined
      invariant(applied, `epoch ${epoch} is applied before it is trimmed`)
      removeValue(this.#environment.manifests, [APPLIED, epoch])
    })
  }

  /** An owner that was replaced while it worked must not overwrite what its successor committed. */
  #checkOwner(task: TaskId, epoch: number): void {
    const head = readHead(this.#environment, task)
    if (head === undefined || head.epoch < epoch) return
    throw new PlatformError(
      'worker.failed',
      `epoch ${epoch} of task "${task}" comes after epoch ${head.epoch} was committed`,
      { hint: 'Another worker has taken over the task; this one restarts from its last commit.' },
    )
  }

  #putManifest(manifest: Manifest, status: ManifestStatus): void {
    const { epoch } = manifest
    const sealed = sealText(manifestPlace(status, epoch), JSON.stringify(manifest))
    putValue(this.#environment.manifests, [status, epoch], sealed)
  }

  #manifest(status: ManifestStatus, epoch: number): Manifest | undefined {
    const sealed = getBytes(this.#environment.manifests, [status, epoch])
    if (sealed === undefined) return undefined
    const bytes = openValue(manifestPlace(status, epoch), sealed)
    if (bytes !== undefined) return JSON.parse(bytes.toString())
    throw stateCorrupt(`the manifest of epoch ${epoch}`, 'a wrong checksum')
  }

  #manifests(status: ManifestStatus, application: string | undefined): readonly Manifest[] {
    return this.#environment.read(() => {
      const epochs: number[] = []
      for (const key of this.#environment.manifests.getKeys({ start: [status] })) {
        if (!Array.isArray(key) || key[0] !== status) break
        epochs.push(Number(key[1]))
      }
      return epochs
        .map(epoch => this.#manifest(status, epoch))
        .filter(manifest => manifest !== undefined)
        .filter(manifest => application === undefined || manifest.application === application)
    })
  }
}

export function manifestPlace(status: ManifestStatus, epoch: number): string {
  return `manifest/${status}/${epoch}`
}
