/**
 * Runs the stages of `npm test` one after the other and ends with one summary of all of them.
 *
 * A stage that fails does not stop the next ones: one run shows everything that is wrong. No test
 * is retried: a flake is a bug with a seed.
 *
 *     node test/stages.ts [stage …]
 */

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

interface Stage {
  readonly name: string
  /** Test files of the stage; none where `command` is run instead. */
  readonly files: readonly string[]
  readonly command?: readonly [string, ...string[]]
  /** Files at a time: those that measure or start servers run alone. */
  readonly concurrency: number
}

const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name)

const STAGES: readonly Stage[] = [
  { name: 'types', files: [], command: [bin('tsc')], concurrency: 1 },
  { name: 'lint', files: [], command: [bin('biome'), 'check', '.'], concurrency: 1 },
  { name: 'tidy', files: ['test/tidy.test.ts'], concurrency: 1 },
  { name: 'unit', files: ['src/**/*.test.ts', 'model/*.test.ts'], concurrency: 2 },
  { name: 'conformance', files: ['test/conformance/*.test.ts'], concurrency: 2 },
  { name: 'mutants', files: ['test/mutants/*.test.ts'], concurrency: 1 },
  { name: 'parity', files: ['test/parity/*.test.ts'], concurrency: 2 },
  { name: 'simulation', files: ['test/simulation/*.test.ts'], concurrency: 2 },
  { name: 'faults', files: ['test/faults/*.test.ts'], concurrency: 2 },
  { name: 'docs', files: ['test/docs/*.test.ts'], concurrency: 1 },
  { name: 'integration', files: ['test/integration/**/*.test.ts'], concurrency: 1 },
]

/** The stages of `npm run check`: under a minute, no server. */
const CHECK = ['types', 'lint', 'tidy', 'unit']

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** Runs one command; gives its exit code and what it printed. */
function execute(command: readonly [string, ...string[]]): Promise<{ code: number; out: string }> {
  return new Promise(resolve => {
    const child = spawn(command[0], command.slice(1), {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      process.stdout.write(text)
    })
    child.on('close', code => resolve({ code: code ?? 1, out }))
  })
}

/** The number behind the last `name` of the runner's summary. */
function counted(out: string, name: string): number {
  const found = [...out.matchAll(new RegExp(`^(?:ℹ|#) ${name} (\\d+)$`, 'gm'))]
  return Number(found.at(-1)?.[1] ?? 0)
}

async function run(stage: Stage): Promise<Counts> {
  if (stage.command !== undefined) {
    const { code } = await execute(stage.command)
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
  }
  const files = stage.files.flatMap(pattern => globSync(pattern, { cwd: ROOT })).sort()
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 }
  const { code, out } = await execute([
    bin('node'),
    '--test',
    `--test-concurrency=${stage.concurrency}`,
    '--test-reporter=spec',
    ...files,
  ])
  const failed = counted(out, 'fail') + counted(out, 'cancelled')
  return {
    passed: counted(out, 'pass'),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: counted(out, 'skipped'),
  }
}

const asked = process.argv.slice(2).flatMap(name => (name === 'check' ? CHECK : [name]))
const unknown = asked.filter(name => !STAGES.some(stage => stage.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `no stage "${unknown[0]}"; there are ${STAGES.map(s => s.name).join(', ')}\n`,
  )
  process.exit(2)
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const lines: string[] = []
for (const stage of STAGES.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const begin = performance.now()
  const counts = await run(stage)
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  lines.push(
    `${stage.name.padEnd(12)} ${seconds.padStart(7)} s  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
  )
  for (const name of ['passed', 'failed', 'skipped'] as const) total[name] += counts[name]
}
process.stdout.write(`\n${lines.join('\n')}\n\n`)
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1)
