import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Accounts } from '../engine/accounts.ts'
import { callerOf, passedParameters, refuseOrigin } from './gate-request.ts'

const account = <N extends string>(name: N) => ({ name, password: `${name}-password-of-the-test` })
const accounts: Accounts = {
  admin: account('admin'),
  writer: account('writer'),
  reader: account('reader'),
  console: account('console'),
}

const named = (headers: Record<string, string>, query = '') => {
  const caller = callerOf(headers, new URLSearchParams(query), accounts)
  return 'account' in caller ? caller.account.name : caller.refused.code
}

test('the account of a request comes from one place only', () => {
  assert.equal(named({}), 'console')
  assert.equal(named({ 'x-clickhouse-user': 'default' }), 'console')
  assert.equal(named({}, 'user=default'), 700)
  assert.equal(named({}, 'user=writer&password=writer-password-of-the-test'), 'writer')
  assert.equal(named({}, 'user=writer&password=wrong'), 516)
  assert.equal(named({}, 'user=console&password=console-password-of-the-test'), 516)
  assert.equal(named({ 'x-clickhouse-user': 'default' }, 'user=default'), 516)
})

test('only hosts of ours and pages of theirs are served', () => {
  const hosts = new Set(['localhost:8123'])
  assert.equal(refuseOrigin({ host: 'localhost:8123' }, hosts), undefined)
  assert.equal(refuseOrigin({ host: 'localhost:9' }, hosts)?.status, 421)
  assert.equal(refuseOrigin({}, hosts)?.status, 421)
  const page = { host: 'localhost:8123', origin: 'http://localhost:8123' }
  assert.equal(refuseOrigin(page, hosts), undefined)
  assert.equal(refuseOrigin({ ...page, origin: 'https://localhost:8123' }, hosts)?.status, 403)
})

test('a setting without credentials passes by the list or is refused by name', () => {
  const pass = (query: string, who: keyof Accounts) => {
    const passed = passedParameters(new URLSearchParams(query), accounts[who])
    return 'url' in passed ? passed.url.toString() : passed.refused.message
  }
  assert.equal(pass('max_threads=1&session_id=a&user=x&query=y', 'console'), 'max_threads=1')
  assert.match(pass('implicit_select=1', 'console'), /implicit_select/)
  assert.equal(pass('implicit_select=1&session_id=a', 'reader'), 'implicit_select=1&session_id=a')
})
