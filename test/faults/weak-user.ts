/** The command as a user without rights: tests run as root in CI, and root may do everything. */

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Finished, ROOT } from '../support/millrace.ts'
import type { Place } from './situation.ts'

const NOBODY = 65_534

/** False where a test may switch users, else why it may not. */
export function canSwitchUser(): string | false {
  if (process.getuid?.() !== 0) return 'only root can run a command as another user'
  const tried = spawnSync(process.execPath, ['--version'], { uid: NOBODY, gid: NOBODY })
  return tried.status === 0 ? false : 'the user nobody may not run node here'
}

/** Runs `millrace …args` as nobody. */
export function asNobody(args: readonly string[], place: Place): Promise<Finished> {
  const child = spawn(process.execPath, [join(ROOT, 'bin/millrace.js'), ...args], {
    cwd: place.directory,
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise(resolve => {
    child.on('close', (code, signal) => resolve({ code, signal, out, said }))
  })
}
