/**
 * The commands that work on a data directory: done here, or by the platform that holds it.
 *
 * Each takes plain options, so that it travels as JSON.
 */

import { resolve } from 'node:path'
import { PlatformError, systemClock } from '#base'
import { createLogger, createMetrics } from '#observe'
import { type IngestCommandOptions, ingestCommand } from './ingest-command.ts'
import { checkpointsCommand, stateCommand, tablesCommand, topicsCommand } from './list-commands.ts'
import { openPlatform, type Platform, type PlatformOptions, requireData } from './platform.ts'
import { type QueryCommandOptions, queryCommand } from './query-command.ts'
import { sendCommand } from './running/control.ts'
import { readRunFile } from './running/run-file.ts'
import type { Context } from './terminal.ts'
import { loadApplication } from './user-application.ts'

type Command = (platform: Platform, options: never, context: Context) => Promise<void>

/** By name; `options` is what `main.ts` made of the command line. */
const COMMANDS: Readonly<Record<string, Command>> = {
  ingest: (platform, options: IngestCommandOptions, context) =>
    ingestCommand(platform, options, context),
  query: (platform, options: QueryCommandOptions, context) =>
    queryCommand(platform, options, context),
  topics: (platform, options: { end?: string }, context) =>
    topicsCommand(platform, options, context),
  tables: (platform, _, context) => tablesCommand(platform, context),
  state: (platform, _, context) => stateCommand(platform, context),
  checkpoints: (platform, _, context) => checkpointsCommand(platform, context),
}

/** What every command takes. */
export interface DataOptions {
  readonly data: string
  readonly storeMemoryBytes: number
  readonly storeNativePort?: number
  readonly diskReserveBytes?: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export function platformOptions(options: DataOptions): PlatformOptions {
  const { data, storeMemoryBytes, storeNativePort, diskReserveBytes, logLevel } = options
  return {
    data,
    storeMemoryBytes,
    ...(storeNativePort === undefined ? {} : { storeNativePort }),
    ...(diskReserveBytes === undefined ? {} : { diskReserveBytes }),
    clock: systemClock,
    logger: createLogger({ level: logLevel }),
    metrics: createMetrics(),
  }
}

/** Carries out `name` on an open platform. */
export function carryOutOn(
  platform: Platform,
): (
  call: { name: string; options: Readonly<Record<string, unknown>> },
  context: Context,
) => Promise<void> {
  return async ({ name, options }, context) => {
    const command = COMMANDS[name]
    if (command === undefined) {
      throw new PlatformError('usage', `a running platform does not carry out "${name}"`, {
        hint: 'Stop it first, or use another data directory.',
      })
    }
    await command(platform, options as never, context)
  }
}

/** Carries out `name` here, or has the running platform of the directory do it; the exit code. */
export async function command(
  name: string,
  data: DataOptions,
  options: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<number> {
  const running = readRunFile(resolve(context.directory, data.data))
  if (running !== undefined) {
    const call = { name, options, directory: context.directory, json: context.json }
    return sendCommand(running, call, context, name === 'ingest')
  }
  // Only an application brings what a new directory needs.
  if (options['app'] === undefined) requireData(context.directory, data.data)
  else await loadApplication(String(options['app']), context.directory)
  await using platform = openPlatform(context.directory, {
    ...platformOptions(data),
    storeStopMs: 0,
  })
  await carryOutOn(platform)({ name, options }, context)
  return 0
}
