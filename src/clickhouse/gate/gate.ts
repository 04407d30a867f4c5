/**
 * The port that clients of the store talk to: ClickHouse's own HTTP, with a thin gate in front.
 *
 * A request with generated credentials is passed on as it is. One without runs as `console`: its
 * statement is checked on what the engine reads (`statement-check.ts`), its settings by a list, and
 * it is killed one second after its limit or when its client goes away. Answers stream through
 * untouched. Web pages of other origins get nothing. The boundary is the account's rights and the
 * sandbox; the gate is in front of them.
 */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, type Logger, PlatformError } from '#base'
import { CONSOLE_SECONDS_MAX } from '../engine/accounts.ts'
import type { Store } from '../engine/store.ts'
import { createSlots, type Slots } from '../slots.ts'
import { type AuditEntry, auditOf } from './gate-audit.ts'
import { type Body, readBody, readError } from './gate-body.ts'
import { callerOf, passedParameters, refuseOrigin } from './gate-request.ts'
import { checkStatement } from './statement-check.ts'

export interface GateOptions {
  readonly store: Store
  /** 8123 by default; 0 takes a free one. */
  readonly port?: number
  /** Names besides those of loopback that a `Host` header may have, with their port. */
  readonly hosts?: readonly string[]
  readonly clock: Clock
  readonly log: Logger
  /** Called for each statement when it has ended. */
  readonly audit?: (entry: AuditEntry) => void
}

export interface Gate extends AsyncDisposable {
  readonly port: number
  close(): Promise<void>
}

interface Running {
  readonly options: GateOptions
  readonly agent: Agent
  readonly console: Slots
  readonly hosts: ReadonlySet<string>
}

/** Free SQL at once, and how many more wait. */
const CONSOLE_SLOTS = 16
const CONSOLE_WAITING_MAX = 64
const HEADER_BYTES_MAX = 1_048_576

/**
 * Opens the gate on loopback.
 *
 * @throws PlatformError `port.in_use`
 */
export async function openGate(options: GateOptions): Promise<Gate> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const hosts = new Set(options.hosts ?? [])
  const running: Running = { options, agent, console: createSlots(CONSOLE_SLOTS), hosts }
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (incoming, outgoing) => {
    handle(running, incoming, outgoing).catch((error: unknown) => {
      options.log.warn('a request failed at the gate', { error: String(error) })
      const message = error instanceof PlatformError ? error.message : 'the request failed'
      refuse(outgoing, { status: 503, code: 210, name: 'NETWORK_ERROR', message })
    })
  })
  // A writer may stream an insert for as long as it likes; `console`'s bodies have a limit of their own.
  Object.assign(server, { headersTimeout: 10_000, requestTimeout: 0, keepAliveTimeout: 30_000 })
  server.maxConnections = 512
  await listen(server, options.port ?? 8123)
  const { port } = server.address() as AddressInfo
  for (const name of ['localhost', '127.0.0.1', '[::1]']) hosts.add(`${name}:${port}`)
  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
    agent.destroy()
  }
  return { port, close, [Symbol.asyncDispose]: close }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new PlatformError('port.in_use', `port ${port} is in use`, {
      hint: 'Choose another one with --store-port, or stop what listens there.',
      cause,
    })
  }
}

async function handle(
  running: Running,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { store } = running.options
  const origin = refuseOrigin(incoming.headers, running.hosts)
  if (origin !== undefined) return refuse(outgoing, origin)
  const url = new URL(incoming.url ?? '/', 'http://store')
  if (url.pathname === '/ping' || url.pathname === '/replicas_status') {
    if (store.state !== 'up') return refuse(outgoing, DOWN)
    outgoing.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end('Ok.\n')
    return
  }
  if (url.pathname !== '/' || !['GET', 'POST', 'HEAD'].includes(incoming.method ?? '')) {
    const message = `There is no handle ${incoming.method} ${url.pathname}`
    return refuse(outgoing, { status: 404, code: 1, name: 'UNSUPPORTED_METHOD', message })
  }
  const caller = callerOf(incoming.headers, url.searchParams, store.accounts)
  if ('refused' in caller) return refuse(outgoing, caller.refused)
  if (store.state !== 'up') return refuse(outgoing, DOWN)
  const passed = passedParameters(url.searchParams, caller.account)
  if ('refused' in passed) return refuse(outgoing, passed.refused)
  const request: GateRequest = {
    incoming,
    outgoing,
    account: caller.account.name,
    url: passed.url,
    clientId: url.searchParams.get('query_id'),
    query: url.searchParams.get('query') ?? '',
  }
  const database = url.searchParams.get('database') ?? incoming.headers['x-clickhouse-database']
  const named = database !== undefined && database !== '' && database !== 'default'
  passed.url.set('database', named ? String(database) : 'app')
  if (caller.account.name !== 'console') {
    passed.url.set('query_id', request.clientId ?? randomUUID())
    await forward(running, request, { stream: incoming })
    return
  }
  if (running.console.waiting >= CONSOLE_WAITING_MAX) {
    outgoing.setHeader('retry-after', '1')
    return refuse(outgoing, BUSY)
  }
  await running.console.run(() => consoleRequest(running, request))
}

interface GateRequest {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly account: keyof Store['accounts']
  readonly url: URLSearchParams
  /** The id that the client gave its query. */
  readonly clientId: string | null
  readonly query: string
}

const DOWN = {
  status: 503,
  code: 210,
  name: 'NETWORK_ERROR',
  message: 'The store is not up; it is started again by itself',
}

const BUSY = {
  status: 429,
  code: 202,
  name: 'TOO_MANY_SIMULTANEOUS_QUERIES',
  message: 'Too many queries without credentials at once',
}

/** Reads and checks a statement of `console`, then sends exactly what was checked. */
async function consoleRequest(running: Running, asked: GateRequest): Promise<void> {
  const { incoming, outgoing, url } = asked
  if (outgoing.destroyed) return
  const { options } = running
  const audit = auditOf(options, asked.account)
  const body = await readBody(incoming)
  if ('refused' in body) return refuse(outgoing, body.refused)
  const parts = [asked.query, body.text].filter(part => part !== '')
  const statement = Buffer.from(parts.join('\n'))
  const params = [...url].filter(([name]) => name.startsWith('param_')).map(([, value]) => value)
  if (!options.store.test.freeSql) {
    const message = `Queries without credentials are off: ${options.store.test.reason}`
    return refuse(outgoing, { status: 403, code: 497, name: 'ACCESS_DENIED', message })
  }
  const checked = await checkStatement(options.store.client('reader'), statement, params)
  if ('refusal' in checked) {
    audit(statement.toString(), 'refused', checked.refusal.code)
    return refuse(outgoing, { ...checked.refusal, status: statusOf(checked.refusal.code) })
  }
  url.set('query_id', `console-${randomUUID()}`)
  const code = await forward(running, asked, { bytes: statement })
  audit(statement.toString(), 'run', code)
}

/** Headers of a connection, of credentials and of browsers: not passed on. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'cookie',
  'origin',
  'referer',
  'authorization',
  'x-clickhouse-user',
  'x-clickhouse-key',
  'x-clickhouse-database',
  'x-clickhouse-quota',
])

/** What of a request without credentials goes on: how the answer shall look. */
const CONSOLE_HEADERS = new Set(['accept-encoding', 'user-agent', 'x-clickhouse-format'])

/**
 * Sends the request to the store and streams the answer back. Resolves when the answer has ended,
 * with the engine's error number or 0; kills the query when its time is over or its client gone.
 */
function forward(running: Running, asked: GateRequest, body: Body): Promise<number | undefined> {
  const { store } = running.options
  const { incoming, outgoing, account, url } = asked
  const queryId = url.get('query_id') ?? ''
  const headers: Record<string, string | string[] | number> = {
    ...keptHeaders(incoming.headers, account === 'console'),
    'x-clickhouse-user': account,
    'x-clickhouse-key': store.accounts[account].password,
  }
  if ('bytes' in body) headers['content-length'] = body.bytes.length
  const method = 'bytes' in body ? 'POST' : incoming.method
  return new Promise(resolve => {
    let ended = false
    const path = `/?${url.toString()}`
    const onward = request(
      { agent: running.agent, host: '127.0.0.1', port: store.port, method, path, headers },
      answer => {
        void respond(asked, answer).then(finish, finish)
      },
    )
    const finish = (code: unknown): void => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      if (!outgoing.writableEnded) outgoing.destroy()
      resolve(typeof code === 'number' ? code : undefined)
    }
    const kill = (): void => {
      if (ended) return
      const killed = store.client('admin').read('KILL QUERY WHERE query_id = {id:String} ASYNC', {
        params: { id: queryId },
      })
      killed.catch((error: unknown) => {
        running.options.log.warn('a query could not be killed', { queryId, error: String(error) })
      })
    }
    const timer = limitTimer(account, () => {
      kill()
      setTimeout(() => {
        if (ended) return
        if (!outgoing.headersSent) refuse(outgoing, TIMED_OUT)
        onward.destroy()
        finish(TIMED_OUT.code)
      }, 2_000).unref()
    })
    outgoing.on('close', () => {
      if (outgoing.writableFinished || ended) return
      kill()
      onward.destroy()
      finish(undefined)
    })
    onward.on('error', () => {
      if (!outgoing.headersSent) refuse(outgoing, DOWN)
      finish(undefined)
    })
    if ('bytes' in body) onward.end(body.bytes)
    else body.stream.pipe(onward)
  })
}

const TIMED_OUT = {
  status: 408,
  code: 159,
  name: 'TIMEOUT_EXCEEDED',
  message: `Timeout exceeded: maximum: ${CONSOLE_SECONDS_MAX} seconds`,
}

function limitTimer(account: string, over: () => void): NodeJS.Timeout | undefined {
  if (account !== 'console') return undefined
  return setTimeout(over, (CONSOLE_SECONDS_MAX + 1) * 1_000)
}

function keptHeaders(
  headers: IncomingHttpHeaders,
  console: boolean,
): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OWN_HEADERS.has(name)) continue
    if (!console || CONSOLE_HEADERS.has(name)) kept[name] = value
  }
  return kept
}

/** Copies the answer to the client. Resolves with the engine's error number, 0 without one. */
async function respond(asked: GateRequest, answer: IncomingMessage): Promise<number> {
  const { outgoing, account, clientId } = asked
  const headers: Record<string, string | string[]> = { 'x-content-type-options': 'nosniff' }
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === undefined || name.startsWith('access-control-')) continue
    if (name === 'connection' || name === 'keep-alive' || name === 'transfer-encoding') continue
    headers[name] = value
  }
  if (clientId !== null) headers['x-clickhouse-query-id'] = clientId
  const status = answer.statusCode ?? 502
  const code = Number(answer.headers['x-clickhouse-exception-code'] ?? 0)
  if (account === 'console' && status !== 200) {
    const text = await readError(answer)
    delete headers['content-encoding']
    delete headers['content-length']
    outgoing.writeHead(status, headers).end(text)
    return code
  }
  outgoing.writeHead(status, headers)
  answer.pipe(outgoing)
  await once(outgoing, 'finish')
  return code
}

const STATUS: Readonly<Record<number, number>> = { 46: 404, 62: 400, 497: 403, 511: 404 }

function statusOf(code: number): number {
  return STATUS[code] ?? 500
}

/** An error as the store itself would send it. */
function refuse(
  outgoing: ServerResponse,
  refused: {
    readonly status: number
    readonly code: number
    readonly name: string
    readonly message: string
  },
): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  const { status, code, name, message } = refused
  if (status === 401)
    outgoing.setHeader('www-authenticate', 'Basic realm="ClickHouse server HTTP API"')
  outgoing.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': String(code),
    'x-content-type-options': 'nosniff',
    // The rest of the request is not read.
    connection: 'close',
  })
  outgoing.end(`Code: ${code}. DB::Exception: ${message}. (${name})\n`)
}
