/** Who sends a request to the gate, and what of it is passed on. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Account, Accounts } from '../engine/accounts.ts'
import type { Refusal } from './statement-rules.ts'

/** A refusal with the status that carries it. */
export interface Refused extends Refusal {
  readonly status: number
}

export type Caller = { readonly account: Account } | { readonly refused: Refused }

/** `host` of a request is one of ours: no page of another name reaches the gate (DNS rebinding). */
export function refuseOrigin(
  headers: IncomingHttpHeaders,
  allowedHosts: ReadonlySet<string>,
): Refused | undefined {
  const host = headers.host?.toLowerCase()
  if (host === undefined || !allowedHosts.has(host)) {
    return { status: 421, code: 516, name: 'AUTHENTICATION_FAILED', message: 'Unknown Host' }
  }
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const foreign = origin !== undefined && origin.toLowerCase() !== `http://${host}`
  const cross = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (!foreign && !cross) return undefined
  const message = 'Requests of pages from another origin are not allowed'
  return { status: 403, code: 497, name: 'ACCESS_DENIED', message }
}

interface Login {
  readonly user: string
  readonly password: string
  readonly from: 'none' | 'url' | 'header'
}

/**
 * The account of a request. Without credentials, or as `default` with an empty password in a header
 * as stock clients send it, that is `console`. `?user=default` names the engine's own account,
 * which is locked: it gets the engine's answer.
 */
export function callerOf(
  headers: IncomingHttpHeaders,
  url: URLSearchParams,
  accounts: Accounts,
): Caller {
  const login = loginOf(headers, url)
  if (login === undefined) return { refused: failed('', 'two kinds of credentials in one request') }
  if (login.from === 'none') return { account: accounts.console }
  if (login.user === 'default' && login.password === '') {
    if (login.from === 'header') return { account: accounts.console }
    return {
      refused: {
        status: 403,
        code: 700,
        name: 'USER_SESSION_LIMIT_EXCEEDED',
        message:
          'User default is locked (all its sessions are taken by the server itself); leave the user out to read without credentials',
      },
    }
  }
  for (const name of ['admin', 'writer', 'reader'] as const) {
    if (login.user === name && equalSecrets(login.password, accounts[name].password)) {
      return { account: accounts[name] }
    }
  }
  return {
    refused: failed(
      login.user,
      'Authentication failed: password is incorrect, or there is no user with such name',
    ),
  }
}

function failed(user: string, message: string): Refused {
  const text = user === '' ? message : `${user}: ${message}`
  return { status: 401, code: 516, name: 'AUTHENTICATION_FAILED', message: text }
}

/** Credentials in one of the three places; undefined where they are in several. */
function loginOf(headers: IncomingHttpHeaders, url: URLSearchParams): Login | undefined {
  const found: Login[] = []
  const user = text(headers['x-clickhouse-user'])
  const key = text(headers['x-clickhouse-key'])
  if (user !== undefined || key !== undefined) {
    found.push({ user: user ?? 'default', password: key ?? '', from: 'header' })
  }
  if (headers.authorization !== undefined) {
    const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(headers.authorization)?.[1]
    if (basic === undefined) return { user: '(none)', password: '', from: 'header' }
    const pair = Buffer.from(basic, 'base64').toString()
    const colon = pair.indexOf(':')
    found.push({
      user: colon < 0 ? pair : pair.slice(0, colon),
      password: colon < 0 ? '' : pair.slice(colon + 1),
      from: 'header',
    })
  }
  const name = url.get('user')
  const password = url.get('password')
  if (name !== null || password !== null) {
    found.push({ user: name ?? 'default', password: password ?? '', from: 'url' })
  }
  if (found.length > 1) return undefined
  return found[0] ?? { user: '', password: '', from: 'none' }
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

function equalSecrets(a: string, b: string): boolean {
  const digest = (secret: string) => createHash('sha256').update(secret).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** Parameters that are not settings; those of sessions and credentials are the gate's own affair. */
const DROPPED = new Set([
  'user',
  'password',
  'query',
  'query_id',
  'session_id',
  'session_check',
  'session_timeout',
  'add_http_cors_header',
  'quota_key',
  'database',
  'role',
])

/** What a client without credentials may set: what changes an answer's form or lowers a limit. */
const ALLOWED = new Set([
  'default_format',
  'compress',
  'enable_http_compression',
  'http_zlib_compression_level',
  'http_headers_progress_interval_ms',
  'http_write_exception_in_output_format',
  'send_progress_in_http_headers',
  'wait_end_of_query',
  'buffer_size',
  'max_execution_time',
  'max_memory_usage',
  'max_result_rows',
  'max_result_bytes',
  'max_rows_to_read',
  'max_threads',
  'max_block_size',
  'result_overflow_mode',
  'extremes',
  'readonly',
  'final',
  'join_use_nulls',
  'use_query_cache',
  'date_time_input_format',
  'date_time_output_format',
  'session_timezone',
  'cast_string_to_dynamic_use_inference',
  'cancel_http_readonly_queries_on_client_close',
  'connect_timeout',
  'receive_timeout',
  'send_timeout',
  'log_queries',
  'log_comment',
  'allow_experimental_variant_type',
  'allow_experimental_dynamic_type',
  'allow_experimental_json_type',
  'network_compression_method',
  'client_protocol_version',
])

const ALLOWED_PREFIXES = ['param_', 'output_format_', 'format_csv_', 'format_binary_']

/**
 * The URL parameters that go on to the store for `account`. A setting that `console` may not make
 * is refused and not left out, so that no query runs otherwise than its sender thinks. Sessions are
 * dropped for `console`, whose callers are not told apart: it may set nothing that one would keep.
 */
export function passedParameters(
  url: URLSearchParams,
  account: Account,
): { readonly url: URLSearchParams } | { readonly refused: Refused } {
  const passed = new URLSearchParams()
  const open = account.name !== 'console'
  for (const [name, value] of url) {
    if (DROPPED.has(name)) {
      if (open && name.startsWith('session_')) passed.append(name, value)
      if (open && name === 'query') passed.append(name, value)
      continue
    }
    if (open || ALLOWED.has(name) || ALLOWED_PREFIXES.some(prefix => name.startsWith(prefix))) {
      passed.append(name, value)
      continue
    }
    return {
      refused: {
        status: 403,
        code: 452,
        name: 'SETTING_CONSTRAINT_VIOLATION',
        message: `Setting ${name} should not be changed without credentials`,
      },
    }
  }
  return { url: passed }
}
