/** Reads all that a data directory keeps, and lists what is damaged. */

import { type Clock, type ErrorCode, PlatformError } from '#base'
import { type DataDirectory, openDirectory } from './data-directory.ts'

export interface Finding {
  readonly code: ErrorCode
  /** What is damaged, where, and how. */
  readonly message: string
}

export interface VerifyReport {
  readonly blocks: number
  readonly records: number
  readonly tasks: number
  readonly manifests: number
  readonly units: number
  readonly findings: readonly Finding[]
}

type Counts = { -readonly [K in keyof Omit<VerifyReport, 'findings'>]: number }

/**
 * Verifies a directory that no process uses: the pages of the LMDB file, then every block, every
 * link of state, every manifest and the spooled bytes of every unit that is not yet applied.
 *
 * @throws PlatformError as `openData` does, but for `log.corrupt`, which is a finding
 */
export async function verifyData(directory: string, clock: Clock): Promise<VerifyReport> {
  const counts: Counts = { blocks: 0, records: 0, tasks: 0, manifests: 0, units: 0 }
  const findings: Finding[] = []
  const damaged = (error: PlatformError): void => {
    add(findings, error)
  }
  const options = { clock, diskReserveBytes: 0 }
  const data = attempt(findings, () => openDirectory(directory, options, damaged))
  if (data !== undefined) {
    try {
      verifyOpen(data, counts, findings)
    } finally {
      await data.close()
    }
  }
  return { ...counts, findings }
}

function verifyOpen(data: DataDirectory, counts: Counts, findings: Finding[]): void {
  for (const topic of attempt(findings, () => data.log.topics()) ?? []) {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const extent = topic.extents[partition]
      if (extent === undefined) continue
      verifyPartition(data, { topic: topic.name, partition, ...extent }, counts, findings)
    }
  }
  for (const task of attempt(findings, () => data.state.tasks()) ?? []) {
    attempt(findings, () => data.state.restore(task))
    counts.tasks++
  }
  attempt(findings, () => data.log.progressKeys('').map(key => data.log.progress(key)))
  attempt(findings, () => data.state.applied())
  for (const manifest of attempt(findings, () => data.state.prepared()) ?? []) {
    counts.manifests++
    const { spool } = manifest
    if (spool === null) continue
    for (const unit of manifest.units) {
      attempt(findings, () => data.spool.read(spool, unit))
      counts.units++
    }
  }
}

interface Extent {
  readonly topic: string
  readonly partition: number
  readonly start: number
  readonly end: number
}

/** Reads block after block; behind a damaged one it goes on at the next that there is. */
function verifyPartition(
  data: DataDirectory,
  extent: Extent,
  counts: Counts,
  findings: Finding[],
): void {
  let offset = extent.start
  while (offset < extent.end) {
    const at = offset
    const block = attempt(findings, () => data.log.read(extent.topic, extent.partition, at))
    if (block === undefined) {
      const next = data.log.nextBase(extent.topic, extent.partition, at)
      if (next === undefined) return
      offset = next
      continue
    }
    counts.blocks++
    counts.records += block.count
    offset = block.baseOffset + block.count
  }
}

/** Runs a check; what is corrupt becomes a finding, anything else is thrown on. */
function attempt<T>(findings: Finding[], check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof PlatformError) || !error.code.endsWith('.corrupt')) throw error
    add(findings, error)
    return undefined
  }
}

function add(findings: Finding[], { code, message }: PlatformError): void {
  if (!findings.some(finding => finding.message === message)) findings.push({ code, message })
}
