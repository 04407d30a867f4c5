/** The command as tests run it: a real process, its output, its exit code, and its children. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly said: string
}

export interface Started {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
}

/** Starts `millrace …args` in `directory`. */
export function start(
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>> = {},
  input?: string,
): Started {
  const child = spawn(process.execPath, [join(ROOT, 'bin/millrace.js'), ...args], {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input ?? '')
  let out = ''
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const finished = new Promise<Finished>(resolve => {
    child.on('close', (code, signal) => resolve({ code, signal, out, said }))
  })
  return { child, finished }
}

/** Runs `millrace …args` to its end. */
export function millrace(
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Finished> {
  return start(args, directory, environment, input).finished
}

/** Process ids of the children of `pid` whose command line names `program`. */
export function childrenOf(pid: number, program: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(child => {
      try {
        const status = readFileSync(`/proc/${child}/stat`, 'utf8')
        const parent = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1])
        return parent === pid && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(program)
      } catch {
        return false
      }
    })
}
