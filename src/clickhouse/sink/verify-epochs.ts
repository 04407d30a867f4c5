/**
 * Step C8 for all epochs that wait for it: one read-back a table, a check of the files of the parts
 * that hold them, no part set aside as broken, and the table's directory forced to disk.
 *
 * An acknowledged insert may have failed to write its files (facts: E3); reading columns finds few
 * such parts, `CHECK TABLE` found all. The engine forces a part's directory to disk but not the
 * table's, in which the part has its name (E8).
 */

import type { Manifest, Unit } from '#ports'
import { engineCode, type StoreClient } from '../client.ts'
import { DATABASE, quoteTable } from '../tables/table-ddl.ts'
import type { BrokenParts } from './broken-parts.ts'
import {
  coverageError,
  explainRows,
  keysCovered,
  STORED,
  type StoredRows,
  storedRows,
} from './coverage.ts'
import type { SinkTable } from './sink.ts'

export interface Verifier {
  /**
   * The units of the epoch that are not there; none when it is verified.
   *
   * @throws PlatformError `store.coverage`, and what the client throws
   */
  verify(manifest: Manifest): Promise<readonly Unit[]>
}

export interface VerifierOptions {
  readonly client: StoreClient
  readonly syncDirectory: (path: string) => Promise<void>
  readonly table: (name: string) => SinkTable
  readonly readUnit: (manifest: Manifest, unit: Unit) => Promise<Uint8Array>
  readonly brokenParts: BrokenParts
}

interface Waiting {
  readonly manifest: Manifest
  readonly resolve: (missing: readonly Unit[]) => void
  readonly reject: (error: unknown) => void
}

/** Epochs of one round; their numbers stand in one statement. */
const EPOCHS_MAX = 200
const PART_GONE = new Set([232, 233])

export function createVerifier(options: VerifierOptions): Verifier {
  const waiting: Waiting[] = []
  const directories = new Map<string, readonly string[]>()
  let running = false

  const rounds = async (): Promise<void> => {
    running = true
    while (waiting.length > 0) {
      const round = waiting.splice(0, EPOCHS_MAX)
      const missing = new Map<Manifest, Unit[]>()
      try {
        const names = new Set(round.flatMap(({ manifest }) => manifest.units.map(u => u.table)))
        for (const name of names) await verifyTable(options, directories, name, round, missing)
        for (const { manifest, resolve } of round) resolve(missing.get(manifest) ?? [])
      } catch (error) {
        for (const { reject } of round) reject(error)
      }
    }
    running = false
  }

  return {
    verify(manifest) {
      return new Promise((resolve, reject) => {
        waiting.push({ manifest, resolve, reject })
        // A failure is given to each epoch of its round.
        if (!running) void rounds()
      })
    },
  }
}

async function verifyTable(
  options: VerifierOptions,
  directories: Map<string, readonly string[]>,
  name: string,
  round: readonly Waiting[],
  missing: Map<Manifest, Unit[]>,
): Promise<void> {
  const { client } = options
  const manifests = round
    .map(entry => entry.manifest)
    .filter(manifest => manifest.units.some(unit => unit.table === name))
  for (let again = true; again; ) {
    const epochs = manifests.map(manifest => manifest.epoch)
    const stored = await storedRows(client, name, epochs)
    again = !(await partsWhole(client, name, stored))
    if (again) continue
    for (const manifest of manifests) {
      const lost = await unitsMissing(options, manifest, name, stored)
      if (lost.length > 0) missing.set(manifest, [...(missing.get(manifest) ?? []), ...lost])
    }
  }
  const lost = manifests.flatMap(manifest => missing.get(manifest) ?? [])
  const units = lost.filter(unit => unit.table === name)
  await options.brokenParts.clear(name, units)
  const paths = directories.get(name) ?? (await dataPaths(client, name))
  directories.set(name, paths)
  for (const path of paths) await options.syncDirectory(path)
}

async function unitsMissing(
  options: VerifierOptions,
  manifest: Manifest,
  name: string,
  stored: readonly StoredRows[],
): Promise<readonly Unit[]> {
  const table = options.table(name)
  const units = manifest.units.filter(unit => unit.table === name)
  const own = stored.filter(group => group.epoch === manifest.epoch)
  const { covered, unexplained, split } = explainRows(units, own)
  const ids = units.map(unit => unit.id).join('", "')
  const torn = split[0]
  if (torn !== undefined) {
    throw coverageError(ids, `its rows lie in ${torn.parts.length} parts: ${torn.parts.join(', ')}`)
  }
  const strange = unexplained[0]
  if (strange !== undefined && !table.upsert) {
    throw coverageError(
      ids,
      `table "${name}" has ${strange.rows} rows of epoch ${manifest.epoch} in partition ${strange.partition} that are not those of the manifest`,
    )
  }
  const missing: Unit[] = []
  for (const unit of units) {
    if (covered.has(unit)) continue
    if (table.upsert) {
      const bytes = await options.readUnit(manifest, unit)
      if (await keysCovered(options.client, table, manifest.epoch, bytes)) continue
    }
    missing.push(unit)
  }
  return missing
}

/** Checks the files of the parts; false when a merge has taken one away in the meantime. */
async function partsWhole(
  client: StoreClient,
  name: string,
  stored: readonly StoredRows[],
): Promise<boolean> {
  for (const part of new Set(stored.flatMap(group => group.parts))) {
    try {
      const found = await client.rows(`CHECK TABLE ${quoteTable(name)} PART '${part}'`, {
        settings: { ...STORED, check_query_single_value_result: 0 },
      })
      const bad = found.find(row => row[1] !== 1 && row[1] !== true)
      if (bad !== undefined) throw brokenPart(name, part, String(bad[2]))
    } catch (error) {
      if (!PART_GONE.has(engineCode(error) ?? 0)) throw error
      return false
    }
  }
  return true
}

function brokenPart(table: string, part: string, what: string): Error {
  return coverageError(
    `${table}/${part}`,
    `the files of the part are damaged: ${what}`,
    'Start again: the store sets the part aside then, and the sink inserts its rows from the spool.',
  )
}

async function dataPaths(client: StoreClient, name: string): Promise<readonly string[]> {
  const found = await client.rows(
    `SELECT arrayJoin(data_paths) FROM system.tables WHERE database = '${DATABASE}' AND name = {table:String}`,
    { params: { table: name } },
  )
  return found.map(row => String(row[0]))
}
