/**
 * `millrace start`: the store, its gate, and the applications, until stopped.
 *
 * Commands on the directory meanwhile come through `run.json` and are carried out here.
 */

import { once } from 'node:events'
import { openGate } from '#clickhouse'
import type { Application } from '#plan'
import type { Platform } from '../platform.ts'
import { type RunCommandOptions, runApplication, together } from '../run-command.ts'
import type { Context } from '../terminal.ts'
import { loadApplication, loadDemo } from '../user-application.ts'
import { type CommandCall, listenForCommands } from './control.ts'
import { type DemoFeed, feedDemo } from './demo-feed.ts'
import { removeRunFile, writeRunFile } from './run-file.ts'

export interface StartOptions {
  readonly apps: readonly string[]
  readonly storePort: number
  readonly demo: boolean
  readonly parallelism: number
  readonly destructive: boolean
}

export async function startCommand(
  open: () => Platform,
  options: StartOptions,
  context: Context,
  carryOutOn: (platform: Platform) => (call: CommandCall, context: Context) => Promise<void>,
): Promise<void> {
  const loaded = await Promise.all(
    options.apps.map(async name => ({
      name,
      application: await loadApplication(name, context.directory),
      demo: options.demo ? await loadDemo(name, context.directory) : undefined,
    })),
  )
  await using platform = open()
  const { clock, logger } = platform.options
  context.say(`data         ${platform.data.path}\n`)
  const store = await platform.store()
  context.say(
    `store        ClickHouse ${store.test.version}, up after ${Math.round(store.startMs)} ms\n`,
  )
  if (!store.test.freeSql) context.say(`             free SQL is off: ${store.test.reason}\n`)
  await using gate = await openGate({ store, port: options.storePort, clock, log: logger })
  await using control = await listenForCommands(carryOutOn(platform))
  writeRunFile(platform.data.path, {
    pid: process.pid,
    controlPort: control.port,
    token: control.token,
    storePort: gate.port,
  })
  try {
    context.say(`queries      http://127.0.0.1:${gate.port}  (read only without credentials)\n`)
    for (const { application } of loaded) {
      context.say(`application  ${application.name}: ${tableNames(application)}\n`)
    }
    context.say(
      tryNext(
        loaded.map(({ application }) => application),
        gate.port,
      ),
    )
    await together(
      context,
      loaded.map(app => inner => runOne(platform, app, options, inner)),
    )
    // Without an application there is the store alone, until stopped.
    if (!context.signal.aborted) await once(context.signal, 'abort')
  } finally {
    removeRunFile(platform.data.path)
    context.say('\nstopping\n')
  }
}

interface Loaded {
  readonly name: string
  readonly application: Application
  readonly demo: DemoFeed | undefined
}

async function runOne(
  platform: Platform,
  { name, application, demo }: Loaded,
  options: StartOptions,
  context: Context,
): Promise<void> {
  const run: RunCommandOptions = {
    app: name,
    inputs: [],
    again: false,
    bounded: false,
    explain: false,
    parallelism: options.parallelism,
    destructive: options.destructive,
    tuning: {},
  }
  await together<unknown>(context, [
    inner => runApplication(platform, application, run, inner),
    async inner => {
      if (demo !== undefined) await feedDemo(platform, application, demo, inner)
    },
  ])
}

function tableNames(application: Application): string {
  return application.tables.map(({ name }) => name).join(', ')
}

function tryNext(applications: readonly Application[], port: number): string {
  const table = applications[0]?.tables[0]?.name
  if (table === undefined) return ''
  return `
Try, in another terminal:
  npx millrace query "SELECT * FROM ${table} LIMIT 5"
  curl 'http://127.0.0.1:${port}/?query=SELECT+count()+FROM+${table}'
  npx millrace topics

Ctrl-C stops it; started again it goes on where it was.
`
}
