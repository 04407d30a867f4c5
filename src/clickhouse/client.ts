/**
 * Requests to the store over HTTP, as one account: kept-alive connections, one request a query.
 *
 * Plain `node:http`, because the hot path is one POST of bytes that are encoded already.
 */

import { Agent, type IncomingMessage, request } from 'node:http'
import type { Readable } from 'node:stream'
import { type ErrorCode, PlatformError } from '#base'
import type { Account } from './engine/accounts.ts'

export interface QueryOptions {
  readonly queryId?: string
  readonly settings?: Readonly<Record<string, string | number>>
  /** Values of `{name:Type}` in the statement. */
  readonly params?: Readonly<Record<string, string | number>>
  /** Gives up after this long; what became of the query is then unknown. 60 s by default. */
  readonly timeoutMs?: number
}

/** What the engine said when it refused a query: `cause` of the errors that a client throws. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal'
  /** Number of the engine's own error table. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export interface StoreClient extends AsyncDisposable {
  /**
   * The whole result, in the format the statement names.
   *
   * @throws PlatformError `query.failed` and `store.refused` when the engine says no, `disk.full`,
   * `store.unavailable` when no answer came: what became of the query is then unknown
   */
  read(sql: string, options?: QueryOptions): Promise<Buffer>
  /** Rows of a statement without `FORMAT`; integers of 64 bits as text. Throws as `read`. */
  rows(sql: string, options?: QueryOptions): Promise<readonly (readonly unknown[])[]>
  /** The result as it comes. Destroying it closes the connection; the query runs on until killed. */
  stream(sql: string, options?: QueryOptions): Promise<Readable>
  /** One `INSERT … FORMAT …` with `bytes` behind it. Returns the rows the engine says it wrote. */
  insert(sql: string, bytes: Uint8Array, options?: QueryOptions): Promise<number>
  /** A SELECT that reads `bytes`, in Native format, as the table `unit` of columns `structure`. */
  readWith(
    sql: string,
    unit: { readonly structure: string; readonly bytes: Uint8Array },
    options?: QueryOptions,
  ): Promise<readonly (readonly unknown[])[]>
  /** Ends the query of this id and waits until the engine has no such query any more. */
  kill(queryId: string): Promise<void>
  close(): void
}

export interface ConnectOptions {
  readonly port: number
  readonly account: Account
  readonly connectionsMax?: number
}

interface Sent {
  readonly client: { readonly agent: Agent; readonly port: number; readonly account: Account }
  readonly url: URLSearchParams
  readonly body: readonly Uint8Array[]
  readonly timeoutMs: number
  readonly type?: string
}

/** Connects as `account`; opens no connection yet. */
export function connectStore(options: ConnectOptions): StoreClient {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connectionsMax ?? 16 })
  const client = { agent, port: options.port, account: options.account }
  const send = (url: URLSearchParams, body: readonly Uint8Array[], more: QueryOptions = {}) =>
    post({ client, url, body, timeoutMs: more.timeoutMs ?? 60_000 })
  const read = async (sql: string, more?: QueryOptions): Promise<Buffer> => {
    const url = urlOf(more)
    url.set('wait_end_of_query', '1')
    return collect(await send(url, [Buffer.from(sql)], more))
  }
  const self: StoreClient = {
    read,
    rows: async (sql, more) =>
      parseRows(await read(`${sql}\nFORMAT JSONCompactEachRow`, withWideText(more))),
    stream: async (sql, more) => send(urlOf(more), [Buffer.from(sql)], more),
    async insert(sql, bytes, more) {
      const url = urlOf(more)
      url.set('query', sql)
      url.set('wait_end_of_query', '1')
      const answer = await send(url, [bytes], more)
      const summary = answer.headers['x-clickhouse-summary']
      await collect(answer)
      const written = JSON.parse(typeof summary === 'string' ? summary : '{}') as {
        readonly written_rows?: string
      }
      return Number(written.written_rows ?? Number.NaN)
    },
    async readWith(sql, unit, more) {
      const url = urlOf(withWideText(more))
      url.set('query', `${sql}\nFORMAT JSONCompactEachRow`)
      url.set('wait_end_of_query', '1')
      url.set('unit_structure', unit.structure)
      url.set('unit_format', 'Native')
      const { body, type } = multipart(unit.bytes)
      const timeoutMs = more?.timeoutMs ?? 60_000
      return parseRows(await collect(await post({ client, url, body, timeoutMs, type })))
    },
    async kill(queryId) {
      await read('KILL QUERY WHERE query_id = {id:String} SYNC', { params: { id: queryId } })
      for (;;) {
        const left = await self.rows(
          'SELECT count() FROM system.processes WHERE query_id = {id:String}',
          { params: { id: queryId } },
        )
        if (Number(left[0]?.[0]) === 0) return
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    },
    close: () => agent.destroy(),
    async [Symbol.asyncDispose]() {
      agent.destroy()
    },
  }
  return self
}

function withWideText(options: QueryOptions = {}): QueryOptions {
  return {
    ...options,
    settings: { output_format_json_quote_64bit_integers: 1, ...options.settings },
  }
}

function urlOf(options: QueryOptions = {}): URLSearchParams {
  const url = new URLSearchParams({ database: 'app' })
  for (const [name, value] of Object.entries(options.settings ?? {})) url.set(name, String(value))
  for (const [name, value] of Object.entries(options.params ?? {})) {
    url.set(`param_${name}`, escapeParam(String(value)))
  }
  if (options.queryId !== undefined) url.set('query_id', options.queryId)
  return url
}

/** The engine reads a parameter as an escaped field of a TSV file. */
function escapeParam(text: string): string {
  return text.replace(/[\\\t\n\r\0\b\f]/g, found => `\\${ESCAPES[found] ?? found}`)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\t': 't',
  '\n': 'n',
  '\r': 'r',
  '\0': '0',
  '\b': 'b',
  '\f': 'f',
}

function multipart(bytes: Uint8Array): { body: Uint8Array[]; type: string } {
  const boundary = `millrace-${bytes.length.toString(36)}-b7c1e0f3a9d24586`
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="unit"; filename="unit"\r\nContent-Type: application/octet-stream\r\n\r\n`
  return {
    body: [Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)],
    type: `multipart/form-data; boundary=${boundary}`,
  }
}

/** Resolves with the answer's head when the engine says yes. */
function post(sent: Sent): Promise<IncomingMessage> {
  const { agent, port, account } = sent.client
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = {
      'x-clickhouse-user': account.name,
      'x-clickhouse-key': account.password,
      'content-length': sent.body.reduce((sum, part) => sum + part.length, 0),
    }
    if (sent.type !== undefined) headers['content-type'] = sent.type
    const path = `/?${sent.url.toString()}`
    const outgoing = request({ agent, host: '127.0.0.1', port, method: 'POST', path, headers })
    outgoing.setTimeout(sent.timeoutMs, () => {
      outgoing.destroy(new Error(`no answer within ${sent.timeoutMs} ms`))
    })
    outgoing.on('error', cause => reject(unavailable(cause)))
    outgoing.on('response', answer => {
      const code = answer.headers['x-clickhouse-exception-code']
      if (answer.statusCode === 200 && code === undefined) return resolve(answer)
      collect(answer).then(body => reject(refusal(Number(code ?? 0), body.toString())), reject)
    })
    for (const part of sent.body) outgoing.write(part)
    outgoing.end()
  })
}

function collect(answer: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    answer.on('data', (part: Buffer) => parts.push(part))
    answer.on('end', () => resolve(Buffer.concat(parts)))
    answer.on('error', cause => reject(unavailable(cause)))
  })
}

function parseRows(body: Buffer): readonly (readonly unknown[])[] {
  const lines = body.toString().split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as readonly unknown[])
}

function unavailable(cause: unknown): PlatformError {
  return new PlatformError('store.unavailable', 'the store did not answer', {
    hint: 'It is started again by itself; try again, and see the log if it stays away.',
    cause,
  })
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  192: 'store.refused',
  194: 'store.refused',
  202: 'store.unavailable',
  210: 'store.unavailable',
  241: 'store.unavailable',
  243: 'disk.full',
  497: 'store.refused',
  516: 'store.refused',
}

/** The engine's refusal as ours: its text without the class names of its source. */
function refusal(code: number, body: string): PlatformError {
  const text = body.trim()
  const said = /DB::(?:\w*)Exception: ([\s\S]*?)(?: \(version [^)]*\))?$/.exec(text)?.[1] ?? text
  const hint =
    code === 243
      ? 'Free space on the disk of the data directory.'
      : code === 241
        ? 'Give the store more with --store-memory, or ask for less at once.'
        : `Error ${code} of ClickHouse.`
  const ours = CODES[code] ?? 'query.failed'
  return new PlatformError(ours, said, { hint, cause: new EngineRefusal(code, text) })
}

/** The engine's own error number of what a client threw; undefined when it gave none. */
export function engineCode(error: unknown): number | undefined {
  const cause = error instanceof PlatformError ? error.cause : undefined
  return cause instanceof EngineRefusal ? cause.code : undefined
}
