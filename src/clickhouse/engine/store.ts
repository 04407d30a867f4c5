/**
 * The embedded store: ClickHouse's own server in a supervised child process, one a data directory.
 *
 * It listens on loopback ports of its own. It is up when it answers and has passed a self-test;
 * when it dies it is started again with a growing delay, and clients meet `store.unavailable`
 * meanwhile. It stops when its standard input closes, so also when this process dies.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, type Logger, PlatformError } from '#base'
import { connectStore, EngineRefusal, type StoreClient } from '../client.ts'
import { type AccountName, type Accounts, openAccounts } from './accounts.ts'
import {
  type EngineSettings,
  engineLibrary,
  engineStart,
  muslLibc,
  removeUsersXml,
  storePaths,
  writeEngineFiles,
} from './engine-files.ts'
import { type SelfTest, selfTest } from './self-test.ts'

export interface StoreOptions {
  /** The platform's data directory; the store takes `store/` and `credentials.json` in it. */
  readonly dataDir: string
  /** Private port of HTTP on loopback; a free one by default. */
  readonly httpPort?: number
  /** Port of native TCP on loopback, for generated credentials only; closed by default. */
  readonly nativePort?: number
  /** What the engine may use in all; 1 GB by default. */
  readonly memoryBytes?: number
  /** Free bytes of the disk below which inserts are refused (`disk.full`); 0 by default. */
  readonly diskReserveBytes?: number
  /** TCP ports the engine may connect to; none by default. */
  readonly connectPorts?: readonly number[]
  readonly clock: Clock
  readonly log: Logger
  /**
   * How long the engine may take to stop before it is killed; 10 s by default. A kill loses nothing
   * that was acknowledged (docs/decisions/0014), and a clean stop takes 4 s.
   */
  readonly stopMs?: number
  /** Called on each change after the first start. */
  readonly onChange?: (change: StoreChange) => void
}

export interface StoreChange {
  readonly state: 'up' | 'down'
  /** Last words of the engine where it went down; empty where it said nothing. */
  readonly reason: string
}

export interface Store extends AsyncDisposable {
  /** Port of HTTP; stays the same over restarts. */
  readonly port: number
  readonly accounts: Accounts
  /** Process id of the engine; undefined while it is down. */
  readonly pid: number | undefined
  readonly state: 'up' | 'down' | 'closed'
  /** Of the last start. */
  readonly test: SelfTest
  /** Milliseconds from spawning the process to passing the self-test, of the last start. */
  readonly startMs: number
  readonly restarts: number
  /** A client for `account`, the same one each time; closed with the store. */
  client(account: AccountName): StoreClient
  /** Resolves when the store is up. @throws PlatformError `store.unavailable` when it is closed */
  whenUp(): Promise<void>
  /** Closes standard input, waits `stopMs`, then kills. */
  close(): Promise<void>
}

const START_MS_MAX = 60_000
const LOCK_MS_MAX = 30_000
const STOP_MS = 10_000
const RESTART_DELAY_MS_MAX = 5_000
const STDERR_BYTES_KEPT = 16_384
/** How long a failing engine may take to say why. */
const REASON_MS_MAX = 2_000

/** What the engine says when it cannot start, and then it ends. */
const LOCKED = /Cannot lock file/
const PORT_TAKEN = /Address already in use|\(NETWORK_ERROR\)|Code: 210\b/
const REFUSES = new RegExp(`${LOCKED.source}|Listen \\[.*failed`)

/** A child that runs, and what it has said. */
interface Engine {
  readonly child: ChildProcess
  /** Resolves when the child has ended. */
  readonly ended: Promise<void>
  readonly said: () => string
  /** Kernel's Landlock version; known once the child has put the sandbox on. */
  readonly landlock: () => number
}

/**
 * Starts the store of `dataDir` and waits until it is up (0.5 to 2 s).
 *
 * @throws PlatformError `store.platform`, `store.start`, `port.in_use`, `data.locked`
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const library = engineLibrary(process.platform, process.arch, muslLibc())
  const dataDir = resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true })
  const supervisor = new Supervisor(options, {
    library,
    accounts: openAccounts(join(dataDir, 'credentials.json')),
    canary: join(dataDir, 'credentials.json'),
    settings: {
      paths: storePaths(dataDir),
      httpPort: options.httpPort ?? (await freePort()),
      nativePort: options.nativePort ?? null,
      memoryBytes: options.memoryBytes ?? 1_000_000_000,
      diskReserveBytes: options.diskReserveBytes ?? 0,
      connectPorts: options.connectPorts ?? [],
    },
  })
  await supervisor.start()
  return supervisor
}

interface Fixed {
  readonly library: string
  readonly accounts: Accounts
  /** A file that the engine must not be able to read. */
  readonly canary: string
  readonly settings: EngineSettings
}

class Supervisor implements Store {
  readonly port: number
  readonly accounts: Accounts
  state: 'up' | 'down' | 'closed' = 'down'
  test: SelfTest = { version: '', landlock: 0, freeSql: false, reason: 'not started' }
  startMs = 0
  restarts = 0
  private engine: Engine | undefined
  private readonly clients = new Map<AccountName, StoreClient>()
  private readonly options: StoreOptions
  private readonly fixed: Fixed
  private waiting: (() => void)[] = []
  private closing: Promise<void> | undefined
  private stopped = new AbortController()

  constructor(options: StoreOptions, fixed: Fixed) {
    this.options = options
    this.fixed = fixed
    this.port = fixed.settings.httpPort
    this.accounts = fixed.accounts
  }

  get pid(): number | undefined {
    return this.state === 'up' ? this.engine?.child.pid : undefined
  }

  client(account: AccountName): StoreClient {
    const found = this.clients.get(account)
    if (found !== undefined) return found
    const made = connectStore({ port: this.port, account: this.accounts[account] })
    this.clients.set(account, made)
    return made
  }

  async whenUp(): Promise<void> {
    if (this.state === 'down') await new Promise<void>(done => this.waiting.push(done))
    if (this.state === 'closed') {
      throw new PlatformError('store.unavailable', 'the store is closed')
    }
  }

  /** Starts the engine, waiting for one that still holds the directory. */
  async start(): Promise<void> {
    const { clock, log } = this.options
    const lockedUntil = clock.monotonicMs() + LOCK_MS_MAX
    for (;;) {
      try {
        return await this.startOnce()
      } catch (error) {
        const locked = error instanceof PlatformError && error.code === 'data.locked'
        if (!locked || clock.monotonicMs() > lockedUntil || this.stopped.signal.aborted) throw error
        log.info('waiting for another store process to leave the directory')
        await sleep(200)
      }
    }
  }

  private async startOnce(): Promise<void> {
    const { settings, accounts, library, canary } = this.fixed
    const began = this.options.clock.monotonicMs()
    writeEngineFiles(settings, accounts)
    const engine = launch(engineStart(settings, library, process.platform), this.options.log)
    this.engine = engine
    try {
      await this.answers(engine, began)
      const admin = this.client('admin')
      await admin.read('CREATE DATABASE IF NOT EXISTS app', { settings: { database: 'system' } })
      // Makes the tables of the engine's own logs, so that asking for them is refused by grant.
      admin.read('SYSTEM FLUSH LOGS').catch((error: unknown) => {
        this.options.log.debug('the logs of the store were not made', { error: String(error) })
      })
      this.test = await selfTest({
        admin,
        console: this.client('console'),
        canary,
        landlock: engine.landlock(),
      })
    } catch (error) {
      await this.reason(engine)
      await end(engine, 0)
      throw error instanceof PlatformError && error.code !== 'store.unavailable'
        ? error
        : startFailure(engine.said(), settings, error)
    }
    removeUsersXml(settings.paths)
    this.startMs = this.options.clock.monotonicMs() - began
    this.state = 'up'
    for (const done of this.waiting.splice(0)) done()
    void engine.ended.then(() => this.fell(engine))
  }

  /**
   * Waits a moment for an engine that does not answer any more to say why: one whose native port is
   * in use has answered `/ping` before it finds out.
   */
  private async reason(engine: Engine): Promise<void> {
    let ended = false
    void engine.ended.then(() => {
      ended = true
    })
    for (let waited = 0; waited < REASON_MS_MAX; waited += 10) {
      if (ended || this.stopped.signal.aborted || REFUSES.test(engine.said())) return
      await sleep(10)
    }
  }

  /** Resolves when the engine answers `/ping`; throws when it ends or takes too long. */
  private async answers(engine: Engine, began: number): Promise<void> {
    let ended = false
    void engine.ended.then(() => {
      ended = true
    })
    const url = `http://127.0.0.1:${this.port}/ping`
    for (;;) {
      // It has said why before it ends, which takes it seconds and was seen to hang.
      if (ended || this.stopped.signal.aborted || REFUSES.test(engine.said())) {
        throw startFailure(engine.said(), this.fixed.settings, undefined)
      }
      if (this.options.clock.monotonicMs() - began > START_MS_MAX) {
        throw new PlatformError(
          'store.start',
          `the store did not answer within ${START_MS_MAX} ms`,
          {
            hint: 'Look at the load and the free memory of the machine, then start again.',
          },
        )
      }
      const answer = await fetch(url, {
        signal: AbortSignal.timeout(1_000),
        headers: { connection: 'close' },
      }).catch(() => undefined)
      // Another server on the port would answer too: ours has said that its sandbox is on.
      if (answer?.ok && (await answer.text()) === 'Ok.\n' && !ended) return
      await sleep(10)
    }
  }

  private fell(engine: Engine): void {
    if (this.state !== 'up' || this.engine !== engine) return
    this.state = 'down'
    const reason = lastLine(engine.said())
    this.options.log.warn('the store went down', { reason })
    this.options.onChange?.({ state: 'down', reason })
    void this.restart()
  }

  private async restart(): Promise<void> {
    let delayMs = 50
    while (!this.stopped.signal.aborted) {
      this.restarts++
      try {
        await this.start()
        this.options.log.info('the store is up again', { startMs: Math.round(this.startMs) })
        this.options.onChange?.({ state: 'up', reason: '' })
        return
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.options.log.error('the store did not start', { reason })
        await sleep(delayMs)
        delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX)
      }
    }
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    this.state = 'closed'
    this.stopped.abort()
    for (const done of this.waiting.splice(0)) done()
    for (const client of this.clients.values()) client.close()
    if (this.engine !== undefined) await end(this.engine, this.options.stopMs ?? STOP_MS)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function launch(start: unknown, log: Logger): Engine {
  const program = fileURLToPath(new URL('./engine-process.ts', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', program, JSON.stringify(start)], {
    env: {},
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C on a terminal is for main, which stops the store when it is done.
    detached: true,
  })
  let said = ''
  let head = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_BYTES_KEPT)
    log.debug('store', { text: text.trimEnd() })
  })
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    head = (head + text).slice(0, 1_000)
  })
  child.stdin?.on('error', error => log.debug('store input closed', { error: error.message }))
  const ended = new Promise<void>(done => {
    child.once('close', () => done())
    child.once('error', error => {
      said += String(error)
      done()
    })
  })
  return {
    child,
    ended,
    said: () => said,
    landlock: () => Number(/"landlock":(\d+)/.exec(head)?.[1] ?? 0),
  }
}

/** Closes standard input, and kills what has not ended after `stopMs`. */
async function end(engine: Engine, stopMs: number): Promise<void> {
  engine.child.stdin?.end()
  const timer = setTimeout(() => engine.child.kill('SIGKILL'), stopMs)
  await engine.ended
  clearTimeout(timer)
}

function startFailure(said: string, settings: EngineSettings, cause: unknown): PlatformError {
  if (LOCKED.test(said)) {
    return new PlatformError('data.locked', 'another store process holds the data directory', {
      hint: 'Stop the other millrace on this directory, or name another one with --data.',
    })
  }
  if (PORT_TAKEN.test(said)) {
    const port =
      /\]:(\d+) failed/.exec(said)?.[1] ?? String(settings.nativePort ?? settings.httpPort)
    return new PlatformError('port.in_use', `port ${port} is in use`, {
      hint: 'Choose another port, or stop what listens there.',
    })
  }
  // It may have started and refused what every start asks of it, as where its memory is too little.
  const refused = cause instanceof PlatformError && cause.cause instanceof EngineRefusal
  const why = refused ? cause.message : lastLine(said)
  const hint = refused ? cause.hint : undefined
  return new PlatformError('store.start', `the store did not start: ${why}`, {
    hint: hint ?? 'Run millrace doctor; the whole text is in the log at level debug.',
    cause,
  })
}

/** The line that says most: the engine's exception where there is one. */
function lastLine(said: string): string {
  const lines = said.split('\n').filter(line => line.trim() !== '')
  return (lines.findLast(line => line.includes('Exception')) ?? lines.at(-1) ?? '').slice(0, 500)
}

/** A port of loopback that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function sleep(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms))
}
