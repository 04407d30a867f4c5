/**
 * The kill test: runs of one application over one input, killed again and again at random times and
 * at named points of main, worker and store, each continued by the next; what the tables hold in
 * the end must be what the model says.
 *
 * A data directory is used until a run of it ends; then its tables are compared and a new one with
 * a new input begins. A kill counts when it hit a run that had not ended.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '#base'
import { childrenOf, millrace, ROOT, start } from '../support/millrace.ts'
import { app } from '../support/shop-app.ts'
import { shopEvents } from '../support/shop-events.ts'
import { expectedTables } from './expected.ts'

const APP = join(ROOT, 'test/support/shop-app.ts')
const RECORDS = 12_000

/** Named points, by the process that passes them (reliability.md, C3 to C9). */
export const POINTS: readonly (readonly ['main' | 'worker' | 'store', string])[] = [
  ['worker', 'C3'],
  ['worker', 'C4.spooled'],
  ['worker', 'C5.committed'],
  ['main', 'C6.before'],
  ['main', 'C6.between'],
  ['main', 'C6.after'],
  ['main', 'C8.before'],
  ['main', 'C8.after'],
  ['main', 'C9'],
  ['store', 'C6.before'],
  ['store', 'C6.between'],
  ['store', 'C6.after'],
  ['store', 'C8.before'],
]

export interface KillReport {
  /** Kills that hit a run under way, by what was killed and where. */
  readonly hits: ReadonlyMap<string, number>
  readonly kills: number
  /** Data directories whose tables were compared. */
  readonly compared: number
}

/** Kills until `kills` have hit; throws where a table differs, or where a run fails by itself. */
export async function killAndCompare(options: {
  readonly kills: number
  readonly seed: number
  readonly say: (text: string) => void
}): Promise<KillReport> {
  const random = seededRandom(options.seed)
  const hits = new Map<string, number>()
  let kills = 0
  let compared = 0
  while (kills < options.kills) {
    const seed = options.seed * 1000 + compared
    const directory = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
    try {
      const lines = shopEvents({ seed, count: RECORDS, users: 300 })
      writeFileSync(join(directory, 'events.jsonl'), `${lines.join('\n')}\n`)
      const expected = await expectedTables(app, directory)
      // The later half of the kills of a directory comes while it recovers from the earlier.
      for (let ended = false; !ended; ) {
        const run: Killed =
          kills < options.kills ? await killedRun(directory, random) : await wholeRun(directory)
        ended = run.ended
        if (run.hit === undefined) continue
        kills++
        hits.set(run.hit, (hits.get(run.hit) ?? 0) + 1)
      }
      await compare(directory, expected, seed)
      compared++
      options.say(`${kills} kills, ${compared} directories compared`)
    } finally {
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 })
    }
  }
  return { hits, kills, compared }
}

function runArguments(parallelism: number): string[] {
  return [
    'run',
    APP,
    '--input',
    'events=events.jsonl',
    '--data',
    'data',
    '--bounded',
    '--json',
    '--epoch-rows',
    '700',
    '--parallelism',
    String(parallelism),
  ]
}

interface Killed {
  /** Whether the run came to its end: it survives the death of the store. */
  readonly ended: boolean
  /** What was killed and where, if the kill hit a run under way. */
  readonly hit: string | undefined
}

async function wholeRun(directory: string): Promise<Killed> {
  const { code, said } = await millrace(runArguments(2), directory)
  if (code !== 0) throw new Error(`a run that nobody killed failed with ${code}: ${said}`)
  return { ended: true, hit: undefined }
}

/** One run with one kill. */
async function killedRun(directory: string, random: Random): Promise<Killed> {
  const named = random.next() < 0.5
  const [target, point] = POINTS[random.int(POINTS.length)] ?? POINTS[0] ?? ['main', 'C9']
  const plan = `${target}:${point}:${1 + random.int(6)}`
  const run = start(
    runArguments(1 + random.int(2)),
    directory,
    named ? { MILLRACE_CRASH: plan } : {},
  )
  let over = false
  const finished = run.finished.then(result => {
    over = true
    return result
  })
  const victim = named ? target : ((['main', 'worker', 'store'] as const)[random.int(3)] ?? 'main')
  if (!named) {
    const until = Date.now() + 300 + random.int(4000)
    while (!over && Date.now() < until) await sleep(20)
    kill(run.child.pid ?? 0, victim)
  }
  const { code, signal, out, said } = await finished
  if (process.env['KDEBUG']) console.log(plan, named, victim, code, signal, said.slice(-200))
  const where = named ? `${target} at ${point}` : `${victim} at a random time`
  if (code === 0) {
    // The store is started again within the run, which says so.
    const hit = victim === 'store' && said.includes('the store went down')
    return { ended: true, hit: hit ? where : undefined }
  }
  const killed =
    signal === 'SIGKILL' || /worker\.failed|store\.unavailable|store\.start/.test(out + said)
  if (!killed) throw new Error(`a run failed by itself (${plan}, named ${named}): ${out}${said}`)
  return { ended: false, hit: where }
}

function kill(main: number, victim: 'main' | 'worker' | 'store'): void {
  const program = { worker: 'worker-process.ts', store: 'engine-process.ts' }
  const pids = victim === 'main' ? [main] : childrenOf(main, program[victim])
  for (const pid of pids.slice(0, 1)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

async function compare(
  directory: string,
  expected: ReadonlyMap<string, string>,
  seed: number,
): Promise<void> {
  const { code, out, said } = await millrace(runArguments(1), directory)
  if (code !== 0) throw new Error(`the last run failed: ${said}`)
  const { tables } = JSON.parse(out) as { tables: { table: string; sha256: string }[] }
  for (const { table, sha256 } of tables) {
    if (expected.get(table) !== sha256) {
      throw new Error(`table "${table}" is not what the model says (events of seed ${seed})`)
    }
  }
}
