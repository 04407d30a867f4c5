/**
 * The program of the store process: ClickHouse's own server out of the package's library.
 *
 * Started by `openStore` with one argument, an `EngineStart` as JSON; it holds no secret. Puts the
 * sandbox on, writes one line of JSON with the kernel's Landlock version, and then blocks in the
 * engine, whose last query reads standard input: it ends when the parent closes the pipe or dies.
 */

import { DataType, load, open } from 'ffi-rs'
import { dieWithParent, restrictSelf, type SandboxRules } from './landlock.ts'

export interface EngineStart {
  /** Absolute path of `libchdb.so`. */
  readonly library: string
  /** Command line of the engine, its own name first. */
  readonly args: readonly string[]
  /** Process id of who starts it; with it the child dies. */
  readonly parent: number
  /** Absent where the platform has no sandbox. */
  readonly sandbox?: SandboxRules
}

const start = JSON.parse(process.argv[2] ?? '{}') as EngineStart
if (process.platform === 'linux') dieWithParent(start.parent)
const landlock = start.sandbox === undefined ? 0 : restrictSelf(start.sandbox)
process.stdout.write(`${JSON.stringify({ landlock })}\n`)

open({ library: 'chdb', path: start.library })
const result = load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [start.args.length, start.args],
})
const failure: string | null = load({
  library: 'chdb',
  funcName: 'chdb_result_error',
  retType: DataType.String,
  paramsType: [DataType.External],
  paramsValue: [result],
})
if (failure) {
  process.stderr.write(`${failure}\n`)
  process.exitCode = 1
}
