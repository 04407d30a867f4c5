/**
 * A situation of docs/errors.md and the test of it: the row says what must happen, and the test
 * makes it happen to the real command in a directory of its own.
 *
 * A row's hint is a part of the real one, in which `…` stands for any text.
 */

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finished, millrace, ROOT, type Started, start } from '../support/millrace.ts'
import { shopEvents } from '../support/shop-events.ts'

export const SHOP = join(ROOT, 'test/support/shop-app.ts')

/** What is waited for a command on a busy machine before it counts as hanging. */
const HANGS_MS = 120_000

export interface Row {
  readonly title: string
  readonly exit: number
  /** Error codes, or reasons of dead letters; empty where nothing fails. */
  readonly codes: readonly string[]
  readonly hint: string
}

/** The rows of the situations table. */
export function rows(): readonly Row[] {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  const table = text.slice(text.indexOf('\n## Situations'), text.indexOf('\n## Dead letters'))
  return [...table.matchAll(/^\| ([^|]+?) +\| +(\d) +\| ([^|]*?) *\| ([^|]*?) *\|$/gm)].map(
    ([, title = '', exit, codes = '', hint = '']) => ({
      title,
      exit: Number(exit),
      codes: [...codes.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? ''),
      hint: hint.replaceAll('`', ''),
    }),
  )
}

export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly retryable: boolean
}

/** Where a situation happens. */
export class Place {
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-fault-'))
  readonly row: Row
  readonly #started: Started[] = []

  constructor(row: Row) {
    this.row = row
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  write(name: string, contents: string | Uint8Array): string {
    writeFileSync(this.path(name), contents)
    return name
  }

  /** `count` records of the shop application as a file. */
  events(name: string, count: number, seed = 1): string {
    return this.write(name, `${shopEvents({ seed, count, users: 40 }).join('\n')}\n`)
  }

  start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    input?: string,
  ): Started {
    const started = start(args, this.directory, environment, input)
    this.#started.push(started)
    return started
  }

  /** Ends what a failed test has left, and removes the directory. */
  async leave(): Promise<void> {
    for (const { child, finished } of this.#started) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await finished
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 })
  }

  /** Gives it the data directory `data` of a run over a few events. */
  async seed(): Promise<void> {
    seeded ??= seedOnce()
    cpSync(await seeded, this.path('data'), { recursive: true })
  }

  /** Runs a command to its end. */
  run(args: readonly string[], input?: string): Promise<Finished> {
    return inTime(this.start(args, {}, input).finished, args.join(' '))
  }

  /** Runs a command that must succeed; its JSON document. */
  async succeeds(args: readonly string[], input?: string): Promise<Record<string, unknown>> {
    const finished = await this.run([...args, '--json'], input)
    assert.equal(finished.code, 0, finished.out + finished.said)
    assertClean(finished)
    return JSON.parse(finished.out) as Record<string, unknown>
  }

  /** Runs a command that must fail as the row says. */
  async fails(args: readonly string[], input?: string): Promise<Failure> {
    return this.check(await this.run([...args, '--json'], input))
  }

  /** Holds the end of a command with `--json` against the row. */
  check(finished: Finished): Failure {
    const { exit, codes } = this.row
    assertClean(finished)
    assert.equal(finished.code, exit, finished.out + finished.said)
    const { error } = JSON.parse(finished.out) as { readonly error?: Failure }
    assert.ok(error !== undefined, finished.out)
    assert.ok(codes.includes(error.code), finished.out)
    assert.match(error.hint, this.hint())
    assert.ok(error.message.length > 0 && typeof error.retryable === 'boolean')
    return error
  }

  /** What the hint of the row matches. */
  hint(): RegExp {
    const parts = this.row.hint.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(parts.join('.*'), 's')
  }

  /** Records of a topic, and of them those that are in the log. */
  async records(topic: string, data = 'data'): Promise<number> {
    const { topics } = (await this.succeeds(['topics', '--data', data])) as {
      readonly topics: readonly { readonly topic: string; readonly records: number }[]
    }
    return topics.find(one => one.topic === topic)?.records ?? 0
  }
}

/** A data directory that tests of a file copy. */
let seeded: Promise<string> | undefined

async function seedOnce(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-seed-'))
  // A hook made within a test would end with it.
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const lines = shopEvents({ seed: 1, count: 200, users: 40 })
  writeFileSync(join(directory, 'events.jsonl'), `${lines.join('\n')}\n`)
  const run = ['run', SHOP, '--bounded', '--data', 'data', '--input', 'events=events.jsonl']
  const { code, said } = await millrace(run, directory)
  assert.equal(code, 0, said)
  return join(directory, 'data')
}

/** No stack trace, and nothing that we call a bug. */
export function assertClean({ out, said }: Finished): void {
  assert.doesNotMatch(out + said, /^\s+at .*[:(]\S+:\d+/m)
  assert.doesNotMatch(out + said, /This is a bug|node:internal|triggerUncaughtException/)
}

/** What comes of `promise`, unless it hangs. */
export async function inTime<T>(promise: Promise<T>, what: string, ms = HANGS_MS): Promise<T> {
  const stop = new AbortController()
  const hangs = sleep(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`no end after ${ms} ms: ${what}`)
  })
  hangs.catch(() => undefined)
  try {
    return await Promise.race([promise, hangs])
  } finally {
    stop.abort()
  }
}

/** Tests the row of the situations table that has this title. */
export function situation(
  title: string,
  body: (place: Place) => Promise<void>,
  options: { readonly skip?: string | false } = {},
): void {
  test(title, { skip: options.skip ?? false }, async () => {
    const row = rows().find(one => one.title === title)
    assert.ok(row !== undefined, `docs/errors.md has no situation "${title}"`)
    const place = new Place(row)
    try {
      await body(place)
    } finally {
      await place.leave()
    }
  })
}
