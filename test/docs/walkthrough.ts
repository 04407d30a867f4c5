/**
 * Runs a page of documentation as its reader would: writes the files it shows, types the commands
 * it shows, and compares what they print with what the page says they print.
 *
 * - a block whose first line is a comment with a file name (`// my-app.ts`, `# clicks.csv`) is a file;
 * - a `console` block holds commands after `$ `, each with the output that follows it;
 * - in outputs, `…` stands for any text within a line, and a line of `…` alone for any lines;
 * - other blocks are shown, not run.
 */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const COMMAND_MS_MAX = 120_000

export interface Step {
  readonly command: string
  readonly expected: string
  readonly printed: string
  readonly equal: boolean
}

/** Carries out the page at `path`, in a directory of its own. */
export async function walk(path: string): Promise<Step[]> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
  const commands = join(directory, '.bin')
  mkdirSync(commands)
  symlinkSync(join(ROOT, 'bin/millrace.js'), join(commands, 'millrace'))
  // `npx millrace` of the page is this checkout's command.
  writeFileSync(join(commands, 'npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  const steps: Step[] = []
  try {
    for (const block of blocks(readFileSync(join(ROOT, path), 'utf8'))) {
      if (block.file !== undefined) writeFileSync(join(directory, block.file), block.body)
      for (const { command, expected } of block.commands) {
        const printed = await type(command, directory, commands)
        steps.push({ command, expected, printed, equal: matches(printed, expected) })
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return steps
}

interface Block {
  readonly file: string | undefined
  readonly body: string
  readonly commands: readonly { readonly command: string; readonly expected: string }[]
}

function blocks(page: string): Block[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, body = '']) => {
    const named = /^(?:\/\/|#) ([\w.-]+\.\w+)\n/.exec(body)
    const file = language === 'console' ? undefined : named?.[1]
    // The name is a comment in a program, and no part of a data file.
    const text = named !== null && body.startsWith('#') ? body.slice(named[0].length) : body
    return { file, body: text, commands: language === 'console' ? transcript(body) : [] }
  })
}

function transcript(body: string): { command: string; expected: string }[] {
  return body
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const lines = part.split('\n')
      let last = 0
      while (lines[last]?.endsWith('\\')) last++
      const command = lines.slice(0, last + 1).join('\n')
      return { command, expected: lines.slice(last + 1).join('\n') }
    })
}

function type(command: string, directory: string, commands: string): Promise<string> {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  const path = [commands, join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
  return new Promise(resolve => {
    execFile(
      'bash',
      ['-c', command],
      {
        cwd: directory,
        env: { ...environment, PATH: path, MILLRACE: ROOT },
        timeout: COMMAND_MS_MAX,
      },
      (_, out, error) => resolve(out + error),
    )
  })
}

/** Whether `printed` is what the page says, blank lines and trailing spaces aside. */
export function matches(printed: string, expected: string): boolean {
  const tidy = (text: string): string[] =>
    text
      .split('\n')
      .map(line => line.trimEnd())
      .filter(line => line !== '')
  const pattern = tidy(expected)
    .map(line =>
      line.trim() === '…'
        ? '(?:.*\\n)*?'
        : `${line
            .split('…')
            .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
            .join('.*')}\\n`,
    )
    .join('')
  return new RegExp(`^${pattern}$`).test(
    tidy(printed)
      .map(line => `${line}\n`)
      .join(''),
  )
}
