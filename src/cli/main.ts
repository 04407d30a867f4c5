/** The command line: `millrace …`. What each command does is in the file it imports. */

import { once } from 'node:events'
import { Command, CommanderError, Option } from 'commander'
import { systemClock } from '#base'
import { STANDARD_INPUT } from '#feed'
import { bench, benchNames } from './bench-command.ts'
import { carryOutOn, command, type DataOptions, platformOptions } from './commands.ts'
import { DEBUG } from './config.ts'
import { doctor } from './doctor.ts'
import { oneStandardInput } from './ingest-command.ts'
import { batchRows, bytes, input, PARALLELISM_DEFAULT, port, wholeNumber } from './option-values.ts'
import { parityCommand } from './parity/parity-command.ts'
import { openPlatform, requireData } from './platform.ts'
import { runCommand } from './run-command.ts'
import { startCommand } from './running/start-command.ts'
import { type Context, describeFailure } from './terminal.ts'
import { usage, usageError } from './usage.ts'
import { loadApplication } from './user-application.ts'
import { verifyCommand } from './verify-command.ts'

const VERSION = '0.1.0'
const STORE_MEMORY_BYTES = 1_000_000_000
const STORE_PORT = 8123
/** With what workers take, Ctrl-C ends the platform within ten seconds. */
const STORE_STOP_MS = 6_000

/** Ends long work: the first signal asks, a second one insists. */
const stop = new AbortController()
let exitCode = 0

function contextOf(options: { readonly json?: boolean }): Context {
  return {
    directory: process.cwd(),
    json: options.json === true,
    interactive: process.stderr.isTTY === true,
    signal: stop.signal,
    out: part => void process.stdout.write(part),
    say: text => void process.stderr.write(text),
    ready: async () => {
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
    },
    input: standardInput(),
  }
}

/** Standard input until its end or the first signal: a terminal that nobody types at never ends. */
async function* standardInput(): AsyncGenerator<Uint8Array> {
  const chunks = process.stdin[Symbol.asyncIterator]()
  const stopped = stop.signal.aborted ? Promise.resolve([]) : once(stop.signal, 'abort')
  const end = stopped.then(() => ({ done: true, value: undefined }) as const)
  for (;;) {
    const next = await Promise.race([chunks.next(), end])
    if (next.done === true) return
    yield next.value as Uint8Array
  }
}

/** Options of commands on a data directory. */
function onData(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory', '.millrace')
    .option('--store-memory <size>', 'memory the store may use', bytes, STORE_MEMORY_BYTES)
    .option('--disk-reserve <size>', 'free disk below which nothing is taken', bytes)
    .addOption(
      new Option('--log-level <level>', 'how much is said of the inside')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('warn'),
    )
    .option('--json', 'print one JSON document')
}

type Options = Readonly<Record<string, unknown>>

function dataOptions(options: Options): DataOptions {
  return {
    data: String(options['data']),
    storeMemoryBytes: Number(options['storeMemory']),
    logLevel: options['logLevel'] as DataOptions['logLevel'],
    ...(options['diskReserve'] === undefined
      ? {}
      : { diskReserveBytes: Number(options['diskReserve']) }),
    ...(options['storeNativePort'] === undefined
      ? {}
      : { storeNativePort: Number(options['storeNativePort']) }),
  }
}

const program = new Command('millrace')
  .description(
    'A data platform in which a plan has one answer: the same rows as a stream and as a batch.',
  )
  .version(VERSION)
  .exitOverride()
  // What is wrong is said once, by `failed`, in the form that was asked for.
  .configureOutput({ outputError: () => undefined })

onData(program.command('start'))
  .description('run the platform: store, applications, queries; Ctrl-C stops it')
  .option('--apps <list>', 'applications by name or file, separated by commas', 'demo')
  .option('--no-demo', 'without made-up input')
  .option('--store-port <port>', "port for queries in ClickHouse's HTTP protocol", port, STORE_PORT)
  .option(
    '--store-native-port <port>',
    "port for ClickHouse's native protocol; needs credentials",
    port,
  )
  .option('--parallelism <n>', 'engine workers', wholeNumber(1, 64), PARALLELISM_DEFAULT)
  .option('--allow-destructive', 'apply changes to tables that lose rows')
  .action(async (options: Options) => {
    const context = contextOf(options)
    const start = {
      apps: String(options['apps']).split(',').filter(Boolean),
      storePort: Number(options['storePort']),
      demo: options['demo'] === true,
      parallelism: Number(options['parallelism']),
      destructive: options['allowDestructive'] === true,
    }
    const opened = { ...platformOptions(dataOptions(options)), storeStopMs: STORE_STOP_MS }
    await startCommand(() => openPlatform(context.directory, opened), start, context, carryOutOn)
  })

onData(program.command('run'))
  .description('run the pipelines of an application over what the log holds, and the inputs')
  .argument('<app>', 'a name, or a file such as ./my-app.ts')
  .option('--input <topic=file>', 'add a file to a topic first; repeatable', input, [])
  .option('--bounded', 'end where the log ends, and publish what it gives')
  .option('--again', 'add files that are there already once more')
  .option('--explain', 'print the plan and end')
  .option('--parallelism <n>', 'engine workers', wholeNumber(1, 64), PARALLELISM_DEFAULT)
  .option('--batch-rows <n>', 'rows of a batch, or "random"; never changes the answer', batchRows)
  .option('--epoch-rows <n>', 'records of an epoch', wholeNumber(1, 500_000))
  .option('--epoch-ms <n>', 'greatest age of an epoch', wholeNumber(1, 3_600_000))
  .option('--no-codegen', 'interpret plans instead of generating code; never changes the answer')
  .option('--allow-destructive', 'apply changes to tables that lose rows')
  .action(async (app: string, options: Options) => {
    const context = contextOf(options)
    const pick = (from: string, to: string) =>
      options[from] === undefined ? {} : { [to]: options[from] }
    const run = {
      app,
      inputs: options['input'] as { topic: string; file: string }[],
      again: options['again'] === true,
      bounded: options['bounded'] === true,
      explain: options['explain'] === true,
      parallelism: Number(options['parallelism']),
      destructive: options['allowDestructive'] === true,
      tuning: {
        ...pick('batchRows', 'batchRows'),
        ...pick('epochRows', 'epochRows'),
        ...pick('epochMs', 'epochMs'),
        generated: options['codegen'] !== false,
      },
    }
    const opened = { ...platformOptions(dataOptions(options)), storeStopMs: 0 }
    await runCommand(() => openPlatform(context.directory, opened), run, context)
  })

onData(program.command('ingest'))
  .description('add records of files, or of standard input, to a topic')
  .argument('<topic>', 'the topic')
  .argument(
    '<file...>',
    'JSON lines, CSV, TSV or logs, also gzip, xz or zstd of these; "-" is standard input',
  )
  .option('--app <app>', 'the application that declares the topic, where the log does not know it')
  .option('--again', 'add files that are there already once more')
  .action(async (topic: string, files: string[], options: Options) => {
    const { app } = options
    if (files.filter(file => file === STANDARD_INPUT).length > 1) throw oneStandardInput()
    const call = { topic, files, again: options['again'] === true, ...(app ? { app } : {}) }
    exitCode = await command('ingest', dataOptions(options), call, contextOf(options))
  })

onData(program.command('query'))
  .description('read the tables with SQL of ClickHouse')
  .argument('<sql>', 'one statement')
  .option('--format <format>', 'Pretty, JSON, JSONEachRow, CSV, TSV, Parquet …', 'Pretty')
  .action(async (sql: string, options: Options) => {
    const call = { sql, format: options['format'] }
    exitCode = await command('query', dataOptions(options), call, contextOf(options))
  })

onData(program.command('topics'))
  .description('list topics, or end one for good')
  .argument('[end]', '"end TOPIC" writes end marks')
  .argument('[topic]')
  .action(async (verb: string | undefined, topic: string | undefined, options: Options) => {
    if (verb !== undefined && (verb !== 'end' || topic === undefined)) {
      throw usage('"topics" takes nothing, or "end TOPIC"', 'Use "topics" or "topics end TOPIC".')
    }
    const call = topic === undefined ? {} : { end: topic }
    exitCode = await command('topics', dataOptions(options), call, contextOf(options))
  })

for (const [name, what] of [
  ['tables', 'list tables with rows and size'],
  ['state', 'list tasks with their checkpoint'],
  ['checkpoints', 'list epochs that are kept, and whether they are applied'],
] as const) {
  onData(program.command(name))
    .description(what)
    .action(async (options: Options) => {
      exitCode = await command(name, dataOptions(options), {}, contextOf(options))
    })
}

onData(program.command('verify'))
  .description('check every checksum of log, state and spool')
  .action(async (options: Options) => {
    const context = contextOf(options)
    const directory = requireData(context.directory, String(options['data']))
    await verifyCommand(directory, systemClock, context)
  })

onData(program.command('doctor'))
  .description('check ports, disk, memory, versions and the data directory')
  .option('--store-port <port>', 'port to check', port, STORE_PORT)
  .action(async (options: Options) => {
    const { data, storeMemoryBytes } = dataOptions(options)
    const checked = { data, storeMemoryBytes, storePort: Number(options['storePort']) }
    exitCode = (await doctor(checked, contextOf(options))) ? 0 : 1
  })

onData(program.command('parity'))
  .description('run an application several ways over the recorded log, and compare the tables')
  .argument('<app>', 'a name, or a file such as ./my-app.ts')
  .option(
    '--runners <list>',
    'of stream, interpreted, model, clickhouse, spark',
    'stream,interpreted,model',
  )
  .option('--shuffle <seed>', 'shuffle arrival within the bound', wholeNumber(0, 2 ** 31))
  .option('--kill <seed>', 'kill and restore at random places', wholeNumber(0, 2 ** 31))
  .option('--parallelism <n>', 'workers of the stream', wholeNumber(1, 64), 1)
  .option('--batch-rows <n>', 'rows of a batch, or "random"', batchRows, 1024)
  .action(async (app: string, options: Options) => {
    const context = contextOf(options)
    await loadApplication(app, context.directory)
    const data = dataOptions(options)
    requireData(context.directory, data.data)
    await using platform = openPlatform(context.directory, platformOptions(data))
    const equal = await parityCommand(platform, app, options, context)
    exitCode = equal ? 0 : 1
  })

program
  .command('bench')
  .description(`measure one claim: ${benchNames().join(', ')}`)
  .argument('<name>', 'which')
  .option('--events <n>', 'how many events', wholeNumber(1, 1_000_000_000))
  .option('--json', 'print one JSON document')
  .action(async (name: string, options: Options) => {
    const events = options['events'] === undefined ? {} : { events: Number(options['events']) }
    await bench(name, events, contextOf(options))
  })

/** Prints a failure and says which exit code it gives. */
function failed(error: unknown, json: boolean): number {
  const failure = error instanceof CommanderError ? usageError(error, process.argv.slice(2)) : error
  if (failure === undefined) return 0
  if (DEBUG && failure instanceof Error) process.stderr.write(`${failure.stack}\n`)
  const { text, exit } = describeFailure(failure, json)
  ;(json ? process.stdout : process.stderr).write(text)
  return exit
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // An orderly exit may wait for a writer thread: who insists gets what a kill gives.
    if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL')
    stop.abort()
  })
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader such as `head` that has enough is no failure.
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

const json = process.argv.includes('--json')
// A bug outside of any command's own calls. What is committed stays; everything else ends here.
process.on('uncaughtException', error => process.exit(failed(error, json)))

try {
  await program.parseAsync(process.argv)
} catch (error) {
  exitCode = failed(error, json)
}
// Not left to the event loop: an application's file may have started timers of its own.
process.stdout.write('', () => process.exit(exitCode))
