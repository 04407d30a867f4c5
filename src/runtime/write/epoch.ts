/**
 * The epoch commit of a worker (reliability.md, C3 to C5): units to the spool, then one transaction
 * with the manifest, the read positions, the state and what goes to repartition topics.
 *
 * A crash before the transaction leaves bytes in the spool that nothing names; after it the epoch
 * is fixed and will be applied from the spool, by whoever starts next.
 */

import type { EpochCommit, Manifest, StateStore, Unit } from '#ports'
import type { EncodedUnit } from './unit-writer.ts'

/** Where the bytes of units wait until they are applied. */
export interface Spool {
  /** Writes `parts` as one file, flushed with its directory when it resolves. */
  write(epoch: number, parts: readonly Uint8Array[]): Promise<{ readonly name: string }>
}

/** The named places where a crash is tried, in the order they are passed. */
export type CrashPoint = 'C3' | 'C4.spooled' | 'C5.committed'

export interface CommitOptions {
  readonly application: string
  readonly planHash: string
  readonly codeVersion: string
  readonly worker: number
  readonly state: StateStore
  readonly spool: Spool
  /** Called with each prepared epoch; resolves once it is applied to the tables. */
  readonly onPrepared: (manifest: Manifest) => Promise<void>
  /** Epochs that may be prepared and not applied. */
  readonly preparedMax: number
  readonly at: (point: CrashPoint, epoch: number) => void
}

/** What the tasks of a worker did since the last commit. */
export interface EpochContents extends Omit<EpochCommit, 'manifest'> {
  readonly epoch: number
  readonly units: readonly EncodedUnit[]
}

export class EpochCommitter {
  readonly #options: CommitOptions
  readonly #applying = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(options: CommitOptions) {
    this.#options = options
  }

  /** Epochs that are prepared and not applied. */
  get applying(): number {
    return this.#applying.size
  }

  /** Resolves once the epoch is prepared, and no more than `preparedMax` epochs wait. */
  async commit({ epoch, units, tasks, appends }: EpochContents): Promise<void> {
    const { application, planHash, codeVersion, worker, state, spool, at } = this.#options
    at('C3', epoch)
    const parts = units.map(unit => unit.bytes)
    const file = parts.length === 0 ? null : await spool.write(epoch, parts)
    at('C4.spooled', epoch)
    const manifest: Manifest = {
      application,
      planHash,
      codeVersion,
      epoch,
      worker,
      tasks: tasks.map(task => task.task),
      spool: file?.name ?? null,
      units: placeUnits(units, epoch),
    }
    await state.commit({ manifest, tasks, appends })
    at('C5.committed', epoch)
    this.#handOver(manifest)
    await this.#backpressure()
  }

  /** Resolves once every prepared epoch is applied. */
  async settle(): Promise<void> {
    await Promise.all(this.#applying)
    this.#check()
  }

  #handOver(manifest: Manifest): void {
    const applying = this.#options
      .onPrepared(manifest)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#applying.delete(applying))
    this.#applying.add(applying)
  }

  async #backpressure(): Promise<void> {
    while (this.#applying.size >= this.#options.preparedMax) await Promise.race(this.#applying)
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** Units in the order in which their bytes stand in the spool file, from byte 0. */
function placeUnits(units: readonly EncodedUnit[], epoch: number): Unit[] {
  let at = 0
  return units.map(({ unit }, index) => {
    const placed = { ...unit, id: `${unit.table}:${epoch}:${index}`, at }
    at += unit.bytes
    return placed
  })
}
