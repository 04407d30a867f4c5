/** Real public data beside the checkout; it may not be copied into it (`../shared/data/README.md`). */

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Finished, millrace, ROOT } from '../support/millrace.ts'

const DATA = join(ROOT, '../shared/data')

/** Options of tests on real data: skipped, with a message, where there is none. */
export const onRealData = { skip: !existsSync(DATA) && `the real data is not at ${DATA}` }

/** A file or folder of the data. */
export const realPath = (path: string): string => join(DATA, path)

/** The files of a folder of the data, by name. */
export function realFiles(folder: string, suffix: string): string[] {
  const names = readdirSync(realPath(folder)).filter(name => name.endsWith(suffix))
  return names.sort().map(name => join(DATA, folder, name))
}

export const appPath = (name: string): string => join(ROOT, `test/integration/apps/${name}.ts`)

interface TableResult {
  readonly table: string
  readonly rows: number
  readonly sha256: string
}

interface TopicResult {
  readonly topic: string
  readonly records: number
  readonly accepted: number
  readonly late: number
  readonly tooLate: number
  readonly filtered: Readonly<Record<string, number>>
  readonly deadLetters: Readonly<Record<string, number>>
}

export interface RunOutcome {
  readonly tables: readonly TableResult[]
  readonly topics: readonly TopicResult[]
}

/** A data directory, and the command on it as a user would type it. */
export class UserDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'millrace-real-'))

  /** Runs `millrace …args`; what it printed as JSON. Throws where it failed. */
  async run(...args: readonly string[]): Promise<unknown> {
    // Starting the command costs most of a small ingest; what is compiled once is kept.
    const cache = { NODE_COMPILE_CACHE: join(this.path, 'compiled') }
    const finished = await millrace([...args, '--data', 'data', '--json'], this.path, cache)
    return printed(args, finished)
  }

  async runApp(name: string, ...args: readonly string[]): Promise<RunOutcome> {
    return (await this.run('run', appPath(name), '--bounded', ...args)) as RunOutcome
  }

  /** Rows of a query, integers of 64 bits as text. */
  async query(sql: string): Promise<Readonly<Record<string, unknown>>[]> {
    const args = ['query', sql, '--format', 'JSONEachRow', '--data', 'data']
    const finished = await millrace(args, this.path)
    if (finished.code !== 0) throw new Error(`millrace query: ${finished.said}`)
    return finished.out
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Readonly<Record<string, unknown>>)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
  }
}

function printed(args: readonly string[], { code, out, said }: Finished): unknown {
  if (code !== 0) {
    const shown = args.map(arg => basename(arg)).join(' ')
    throw new Error(`millrace ${shown} ended with ${code}: ${said}${out}`)
  }
  return JSON.parse(out)
}

/** Hashes of an outcome's tables, by name. */
export function hashes({ tables }: RunOutcome): Record<string, string> {
  return Object.fromEntries(tables.map(({ table, sha256 }) => [table, sha256]))
}
