/**
 * The spool: bytes of units on their way to the store, one file an epoch, flushed before the epoch
 * is committed.
 */

import { closeSync, fsyncSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { invariant, PlatformError } from '#base'
import { crc32c } from '#format'
import type { Unit } from '#ports'

const NAME = /^epoch-[0-9]+\.native$/

/** Where the bytes of each unit lie in the file that was written. */
export interface SpooledFile {
  /** Base name, as a manifest keeps it. */
  readonly name: string
  /** First byte of each of the given parts. */
  readonly at: readonly number[]
}

export class Spool {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /**
   * Writes the bytes of an epoch's units one after the other; returns when file and directory are
   * on disk. A file that an attempt before left is overwritten.
   *
   * @throws PlatformError `disk.full`
   */
  write(epoch: number, parts: readonly Uint8Array[]): SpooledFile {
    const name = `epoch-${epoch}.native`
    const at: number[] = []
    const file = openSync(join(this.path, name), 'w')
    try {
      let position = 0
      for (const part of parts) {
        at.push(position)
        writeAll(file, part)
        position += part.length
      }
      fsyncSync(file)
    } catch (error) {
      throw writeError(error, name)
    } finally {
      closeSync(file)
    }
    syncDirectory(this.path)
    return { name, at }
  }

  /** The bytes of a unit. @throws PlatformError `spool.corrupt` where they are not those written */
  read(name: string, unit: Unit): Uint8Array {
    invariant(NAME.test(name), `"${name}" is the name of a spool file`)
    const bytes = Buffer.allocUnsafeSlow(unit.bytes)
    let file: number
    try {
      file = openSync(join(this.path, name), 'r')
    } catch (error) {
      throw spoolCorrupt(name, unit, 'the file cannot be opened', error)
    }
    try {
      if (readAll(file, bytes, unit.at) < bytes.length) {
        throw spoolCorrupt(name, unit, 'the file ends before it')
      }
    } finally {
      closeSync(file)
    }
    if (crc32c(bytes) !== unit.crc32c) throw spoolCorrupt(name, unit, 'a wrong checksum')
    return bytes
  }

  /** Base names of the files there. */
  names(): string[] {
    return readdirSync(this.path).filter(name => NAME.test(name))
  }

  /** Removes files; those that are gone already are no error. */
  remove(names: readonly string[]): void {
    for (const name of names) {
      invariant(NAME.test(name) && basename(name) === name, `"${name}" is a spool file`)
      rmSync(join(this.path, name), { force: true })
    }
  }
}

/** Makes the entries of a directory durable: a file that was flushed may still have no name. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at)
}

function readAll(file: number, bytes: Uint8Array, from: number): number {
  let at = 0
  while (at < bytes.length) {
    const count = readSync(file, bytes, at, bytes.length - at, from + at)
    if (count === 0) break
    at += count
  }
  return at
}

function writeError(error: unknown, name: string): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) return error
  return new PlatformError('disk.full', `the disk has no room for spool file "${name}"`, {
    hint: 'Free space on the disk of the data directory.',
    cause: error,
  })
}

function spoolCorrupt(name: string, unit: Unit, fault: string, cause?: unknown): PlatformError {
  const place = `unit "${unit.id}" in spool file "${name}" at byte ${unit.at}`
  return new PlatformError('spool.corrupt', `${place}: ${fault}`, {
    hint: 'Nothing was dropped. Run "millrace verify" for all findings, then restore the data directory from a copy.',
    cause,
  })
}
