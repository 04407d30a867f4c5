/**
 * A sandbox for this process, from Linux's Landlock: no privilege needed, and no code of ours in C.
 *
 * What is not listed cannot be opened, bound or connected to, by this thread and every thread it
 * starts later. It cannot be taken off again. So it is put on before the engine's library is
 * loaded: the library's threads inherit it.
 *
 * The system calls go through the C library's `syscall`, numbers being those that all 64-bit
 * architectures share. Kernels differ in what they can restrict (`abi`): 1 files, 4 TCP ports,
 * 6 signals to other processes.
 */

import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { DataType, load, open } from 'ffi-rs'
import { invariant } from '#base'

export interface SandboxRules {
  /** Files and directories that may be read, written, made and removed. */
  readonly write: readonly string[]
  /** Files and directories that may be read and executed. Those that do not exist are left out. */
  readonly read: readonly string[]
  /** TCP ports that may be listened on. */
  readonly bind: readonly number[]
  /** TCP ports that may be connected to, on any host. */
  readonly connect: readonly number[]
}

const CREATE_RULESET = 444
const ADD_RULE = 445
const RESTRICT_SELF = 446
const NO_NEW_PRIVILEGES = 38
const PARENT_DEATH_SIGNAL = 1
const SIGKILL = 9
/** Opens a name without its content; `node:fs` has no constant for it. */
const PATH_ONLY = 0o10000000

const READ_AND_EXECUTE = 0b1101n
/** Execute, write, read, truncate: what applies to a file that is no directory. */
const FILE_RIGHTS = 0x4007n
const BIND = 1n
const CONNECT = 2n

/** Puts the sandbox on. Returns the kernel's Landlock version; 0 where it has none and nothing holds. */
export function restrictSelf(rules: SandboxRules): number {
  open({ library: 'libc', path: 'libc.so.6' })
  const abi = systemCall([CREATE_RULESET, 0, 0, 1])
  if (abi < 1) return 0
  const handled = handledRights(abi)
  const attributes = Buffer.alloc(24)
  attributes.writeBigUInt64LE(handled, 0)
  attributes.writeBigUInt64LE(abi >= 4 ? BIND | CONNECT : 0n, 8)
  attributes.writeBigUInt64LE(abi >= 6 ? 3n : 0n, 16)
  const size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8
  const ruleset = systemCallOn([CREATE_RULESET], attributes, [size, 0])
  invariant(ruleset >= 0, 'the kernel takes the rule set')
  for (const path of rules.write) allowPath(ruleset, path, handled)
  for (const path of rules.read) allowPath(ruleset, path, handled & READ_AND_EXECUTE)
  if (abi >= 4) {
    for (const port of rules.bind) allowPort(ruleset, port, BIND)
    for (const port of rules.connect) allowPort(ruleset, port, CONNECT)
  }
  const prctl = call('prctl', DataType.I32, [NO_NEW_PRIVILEGES, 1, 0, 0, 0])
  invariant(prctl === 0, 'the process gives up new privileges')
  invariant(systemCall([RESTRICT_SELF, ruleset, 0]) === 0, 'the sandbox is on')
  closeSync(ruleset)
  return abi
}

/**
 * Has the kernel kill this process when `parent` dies. The engine ends by itself when its input
 * closes, but its shutdown was seen to hang, and then nobody is left to kill it. To the tables it
 * is a crash like any other.
 */
export function dieWithParent(parent: number): void {
  open({ library: 'libc', path: 'libc.so.6' })
  const set = call('prctl', DataType.I32, [PARENT_DEATH_SIGNAL, SIGKILL, 0, 0, 0])
  invariant(set === 0, 'the kernel takes the signal')
  // It may have died before the kernel was asked.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}

/** All file rights the kernel knows: 13 at first, then moving between directories, then truncating. */
function handledRights(abi: number): bigint {
  if (abi === 1) return (1n << 13n) - 1n
  if (abi === 2) return (1n << 14n) - 1n
  return (1n << 15n) - 1n
}

function allowPath(ruleset: number, path: string, rights: bigint): void {
  if (!existsSync(path)) return
  const file = openSync(path, PATH_ONLY | constants.O_RDONLY)
  const rule = Buffer.alloc(12)
  rule.writeBigUInt64LE(statSync(path).isDirectory() ? rights : rights & FILE_RIGHTS, 0)
  rule.writeInt32LE(file, 8)
  invariant(systemCallOn([ADD_RULE, ruleset, 1], rule, [0]) === 0, `a rule for "${path}"`)
  closeSync(file)
}

function allowPort(ruleset: number, port: number, rights: bigint): void {
  const rule = Buffer.alloc(16)
  rule.writeBigUInt64LE(rights, 0)
  rule.writeBigUInt64LE(BigInt(port), 8)
  invariant(systemCallOn([ADD_RULE, ruleset, 2], rule, [0]) === 0, `a rule for port ${port}`)
}

function call(name: string, result: DataType.I32 | DataType.I64, values: number[]): number {
  return load({
    library: 'libc',
    funcName: name,
    retType: result,
    paramsType: values.map(() => DataType.I64),
    paramsValue: values,
  })
}

function systemCall(values: number[]): number {
  return call('syscall', DataType.I64, values)
}

function systemCallOn(before: number[], structure: Buffer, after: number[]): number {
  return load({
    library: 'libc',
    funcName: 'syscall',
    retType: DataType.I64,
    paramsType: [
      ...before.map(() => DataType.I64),
      DataType.U8Array,
      ...after.map(() => DataType.I64),
    ],
    paramsValue: [...before, structure, ...after],
  })
}
