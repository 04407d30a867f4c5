/** Where CPU time goes: a V8 profile of some work, its self time by stage of the engine. */

import { Session } from 'node:inspector/promises'

/** By stage: what files and native functions belong to it. The first that fits counts. */
const STAGES: readonly (readonly [stage: string, files: RegExp])[] = [
  ['log read, LZ4, checksum', /log-block|lmdb-log|log-partition|checksum\.ts|uncompressSync/],
  ['decode and validate', /format\/json|compile-codec|source-input|isUtf8/],
  ['classify, dispatch', /watermark|worker\.ts|task\.ts|input-choice|fan-out|counters|arena\.ts/],
  ['dedupe', /dedupe\.ts/],
  ['sessions', /aggregate|intern\.ts|state-records|state-pack|timers\.ts|row-key|copy-rows/],
  ['state delta', /state-bytes|aggregate-persistence|snapshot-schedule/],
  ['encode', /native-(writer|column)|rowbinary|table-sink|unit-writer|crc32c/],
  [
    'commit, spool, fsync',
    /epoch\.ts|spool\.ts|lmdb|environment|state-chain|sealed-value|fsync|write/,
  ],
]

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[] | undefined
}

interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples?: readonly number[] | undefined
  readonly timeDeltas?: readonly number[] | undefined
}

export interface Shares {
  /** Share of the busy time, by stage. */
  readonly stages: Readonly<Record<string, number>>
  /** Milliseconds by function, the greatest first. */
  readonly functions: readonly (readonly [name: string, ms: number])[]
}

/** Runs `work` under the profiler. */
export async function cpuShares(work: () => Promise<void>): Promise<Shares> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
  await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return sharesOf(profile)
}

function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profile): Shares {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const stageOf = new Map<number, string>()
  const visit = (node: ProfileNode, above: string): void => {
    const stage = ownStage(node) ?? above
    stageOf.set(node.id, stage)
    for (const child of node.children ?? []) {
      const found = byId.get(child)
      if (found !== undefined) visit(found, stage)
    }
  }
  const root = nodes[0]
  if (root !== undefined) visit(root, 'other')
  const stages = new Map<string, number>()
  const functions = new Map<string, number>()
  let busy = 0
  for (let i = 0; i < samples.length; i++) {
    const id = samples[i] ?? 0
    const us = timeDeltas[i] ?? 0
    const name = byId.get(id)?.callFrame
    if (name === undefined || name.functionName === '(idle)') continue
    busy += us
    const stage = stageOf.get(id) ?? 'other'
    stages.set(stage, (stages.get(stage) ?? 0) + us)
    const key = `${name.functionName || 'anonymous'} ${name.url.split('/').at(-1) ?? ''}`
    functions.set(key, (functions.get(key) ?? 0) + us)
  }
  const greatest = [...functions].sort((a, b) => b[1] - a[1]).slice(0, 40)
  return {
    stages: Object.fromEntries(
      [...stages].sort((a, b) => b[1] - a[1]).map(([k, us]) => [k, Number((us / busy).toFixed(3))]),
    ),
    functions: greatest.map(([name, us]) => [name, Math.round(us / 1000)]),
  }
}

/** The stage of a frame itself; undefined where it is its caller's. */
function ownStage({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (url === '' && /^\((root|program)\)$/.test(functionName)) return 'other'
  const name = url === '' ? functionName : url
  return STAGES.find(([, files]) => files.test(name))?.[0]
}
