/** Where CPU time goes: a V8 profile of some work, its self time by stage of the engine. */

import { Session } from 'node:inspector/promises'

/**
 * By stage: what files belong to it. The first that fits counts; what fits none, as tables of keys,
 * packed bytes and native functions, belongs to its caller.
 */
const STAGES: readonly (readonly [stage: string, files: RegExp])[] = [
  ['log read, LZ4, checksum', /log-block|lmdb-log|log-partition/],
  ['decode and validate', /format\/json|compile-codec/],
  ['classify, dispatch', /watermark|worker\.ts|task\.ts|runtime\/read|fan-out/],
  ['dedupe', /dedupe\.ts/],
  ['state delta', /aggregate-persistence|snapshot-schedule/],
  ['sessions', /aggregate\/(aggregate|session|hop)|timers\.ts/],
  ['encode', /native-(writer|column)|rowbinary|table-sink|unit-writer/],
  ['commit, spool, fsync', /epoch\.ts|spool\.ts|lmdb|environment\.ts|state-chain|sealed-value/],
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

/** Share of the busy time of `work`, by stage, the greatest first. */
export async function cpuShares(
  work: () => Promise<void>,
): Promise<Readonly<Record<string, number>>> {
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

function sharesOf({
  nodes,
  samples = [],
  timeDeltas = [],
}: Profile): Readonly<Record<string, number>> {
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
  let busy = 0
  for (const [i, id] of samples.entries()) {
    const us = timeDeltas[i] ?? 0
    if (byId.get(id)?.callFrame.functionName === '(idle)') continue
    busy += us
    const stage = stageOf.get(id) ?? 'other'
    stages.set(stage, (stages.get(stage) ?? 0) + us)
  }
  const shares = [...stages].sort((a, b) => b[1] - a[1])
  return Object.fromEntries(shares.map(([name, us]) => [name, Number((us / busy).toFixed(3))]))
}

/** The stage of a frame itself; undefined where it is its caller's. */
function ownStage({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (url === '' && /^\((root|program)\)$/.test(functionName)) return 'other'
  return STAGES.find(([, files]) => files.test(url))?.[0]
}
