/** `millrace doctor`: whether this machine can run the platform, and what to do where it cannot. */

import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { freemem, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { readRunFile } from './running/run-file.ts'
import { byteSize, type Context, printResult, textTable } from './terminal.ts'

export interface Check {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly found: string
  /** What to do; empty where nothing is. */
  readonly advice: string
}

export interface DoctorOptions {
  readonly data: string
  readonly storePort: number
  readonly storeMemoryBytes: number
}

const DISK_BYTES_MIN = 2 * 1024 ** 3
const ENGINE_BYTES = 1024 ** 3

/** Runs every check; fails where one failed. */
export async function doctor(options: DoctorOptions, context: Context): Promise<boolean> {
  const dataDir = resolve(context.directory, options.data)
  const checks = [
    runtime(),
    system(),
    disk(dataDir),
    permission(dataDir),
    memory(options.storeMemoryBytes),
    await port(options.storePort, dataDir),
    running(dataDir),
  ]
  printResult(context, { checks }, () =>
    textTable(
      ['check', 'state', 'found', 'what to do'],
      checks.map(({ check, state, found, advice }) => [check, state, found, advice]),
    ),
  )
  return checks.every(({ state }) => state !== 'failed')
}

function verdict(
  check: string,
  holds: boolean,
  found: string,
  advice: string,
  otherwise: 'warning' | 'failed' = 'failed',
): Check {
  return { check, state: holds ? 'ok' : otherwise, found, advice: holds ? '' : advice }
}

function runtime(): Check {
  const major = Number(process.versions.node.split('.')[0])
  return verdict('node', major >= 24, process.version, 'run "npm install" in the checkout')
}

function system(): Check {
  const found = `${process.platform} ${process.arch}`
  const supported = process.platform === 'linux' || process.platform === 'darwin'
  if (process.platform === 'darwin') {
    return verdict(
      'system',
      false,
      `${found}, no sandbox`,
      'do not open the store port to others',
      'warning',
    )
  }
  return verdict('system', supported, found, 'use Linux with glibc, or macOS')
}

/** The nearest directory above `path` that exists. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path))
}

function disk(dataDir: string): Check {
  const { bavail, bsize } = statfsSync(existing(dataDir))
  const free = bavail * bsize
  return verdict(
    'disk',
    free >= DISK_BYTES_MIN,
    `${byteSize(free)} free`,
    'free some space, or use --data on another disk',
  )
}

function permission(dataDir: string): Check {
  const directory = existing(dataDir)
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return verdict('data directory', true, dataDir, '')
  } catch {
    return verdict(
      'data directory',
      false,
      `${directory} is not writable`,
      'use --data with a directory of yours',
    )
  }
}

function memory(storeMemoryBytes: number): Check {
  const needed = storeMemoryBytes + ENGINE_BYTES
  const found = `${byteSize(freemem())} free of ${byteSize(totalmem())}`
  return verdict('memory', totalmem() >= needed, found, 'lower --store-memory', 'warning')
}

async function port(number: number, dataDir: string): Promise<Check> {
  const ours = readRunFile(dataDir)?.storePort === number
  const free = await new Promise<boolean>(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(number, '127.0.0.1', () => server.close(() => done(true)))
  })
  if (ours) return verdict('store port', true, `${number}, held by the running platform`, '')
  const found = `${number} ${free ? 'is free' : 'is in use'}`
  return verdict('store port', free, found, 'use --store-port with another number')
}

function running(dataDir: string): Check {
  const file = readRunFile(dataDir)
  const stale = file === undefined && existsSync(join(dataDir, 'run.json'))
  const found =
    file === undefined
      ? stale
        ? 'not running (was killed)'
        : 'not running'
      : `process ${file.pid}`
  return verdict('platform', true, found, '')
}
