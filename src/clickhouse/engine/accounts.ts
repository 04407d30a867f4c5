/**
 * Who may log in to the store, with which rights: the generated passwords and `users.xml`.
 *
 * Passwords of `admin`, `writer` and `reader` are made at the first start and kept in
 * `DIR/credentials.json` with mode 0600, outside what the store's sandbox can read. `console`'s is
 * made at each start and never leaves this process. `users.xml` holds digests only.
 */

import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { PlatformError } from '#base'

export type AccountName = 'admin' | 'writer' | 'reader' | 'console'

export interface Account {
  readonly name: AccountName
  readonly password: string
}

export type Accounts = Readonly<Record<AccountName, Account>>

/** Seconds a query of `console` may run. */
export const CONSOLE_SECONDS_MAX = 5

const KEPT = ['admin', 'writer', 'reader'] as const

/** The accounts of `file`, which is written first where it is absent. */
export function openAccounts(file: string): Accounts {
  if (!existsSync(file)) writeCredentials(file)
  chmodSync(file, 0o600)
  let kept: unknown
  try {
    kept = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw damaged(file, cause)
  }
  const account = (name: AccountName): Account => {
    const password = (kept as Readonly<Record<string, unknown>> | null)?.[name]
    if (typeof password !== 'string' || password.length < 16) throw damaged(file, undefined)
    return { name, password }
  }
  return {
    admin: account('admin'),
    writer: account('writer'),
    reader: account('reader'),
    console: { name: 'console', password: makePassword() },
  }
}

function damaged(file: string, cause: unknown): PlatformError {
  return new PlatformError('store.start', `the passwords in "${file}" cannot be read`, {
    hint: 'Remove the file: the next start makes new passwords, and clients need them then.',
    cause,
  })
}

function makePassword(): string {
  return randomBytes(24).toString('base64url')
}

function writeCredentials(file: string): void {
  const kept = Object.fromEntries(KEPT.map(name => [name, makePassword()]))
  writeFileSync(`${file}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
}

/** What `writer` needs besides the tables: steps C6 and C8 of reliability.md. */
const WRITER_GRANTS = [
  'GRANT SELECT, INSERT, CHECK ON app.*',
  'GRANT KILL QUERY ON *.*',
  'GRANT SELECT ON system.parts',
  'GRANT SELECT ON system.detached_parts',
  'GRANT SELECT ON system.tables',
  'GRANT SELECT ON system.columns',
  'GRANT SELECT ON system.processes',
]

/**
 * Readers see the application's tables. What stock clients read when they connect
 * (`system.settings`, `system.functions` …) the engine shows to everybody.
 */
const CLIENT_GRANTS = ['GRANT SELECT ON app.*']

/** The engine's own session: what starting the listeners and waiting for standard input takes. */
const BOOT_GRANTS = [
  'GRANT SYSTEM LISTEN ON *.*',
  'GRANT CREATE ARBITRARY TEMPORARY TABLE, CREATE TEMPORARY TABLE ON *.*',
  'GRANT READ ON FILE',
  'GRANT TABLE ENGINE ON File',
  'GRANT SELECT ON _table_function.*',
]

/** A limit of `console`: its value, and the range a client may ask for. Without `min`, 0 is no limit. */
function limit(name: string, value: number, min = 1): { setting: string; constraint: string } {
  return {
    setting: `<${name}>${value}</${name}>`,
    constraint: `<${name}><min>${min}</min><max>${value}</max></${name}>`,
  }
}

const CONSOLE_LIMITS = [
  limit('max_execution_time', CONSOLE_SECONDS_MAX, 0.1),
  limit('max_memory_usage', 500_000_000),
  limit('max_result_rows', 10_000),
  limit('max_result_bytes', 10_000_000),
  limit('max_rows_to_read', 200_000_000),
  limit('max_threads', 1),
]

/** Settings of `console` that no client changes; the `additional_` two carry SQL text. */
const CONSOLE_LOCKED = [
  'readonly',
  'allow_ddl',
  'allow_introspection_functions',
  'additional_table_filters',
  'additional_result_filter',
]

/**
 * `users.xml`. Reading is right by default: `final` gives the current row per key of keyed tables
 * to every account, and the sink, which asks for stored versions, turns it off for itself. Table
 * partitions are read apart: a row that leaves one has its tombstone there, of the same version.
 * `default`, the engine's own session, fills its only slot, so nobody logs in as it.
 */
export function usersXml(accounts: Accounts): string {
  const reading =
    '<async_insert>0</async_insert><final>1</final>' +
    '<do_not_merge_across_partitions_select_final>1</do_not_merge_across_partitions_select_final>'
  return `<clickhouse>
<profiles>
<default>${reading}<log_queries>0</log_queries></default>
<boot><max_sessions_for_user>1</max_sessions_for_user><max_concurrent_queries_for_user>1</max_concurrent_queries_for_user></boot>
<reader>${reading}<readonly>2</readonly><allow_ddl>0</allow_ddl><max_execution_time>600</max_execution_time>
<constraints><readonly><readonly/></readonly><allow_ddl><readonly/></allow_ddl></constraints></reader>
<console>${reading}<readonly>2</readonly><allow_ddl>0</allow_ddl><allow_introspection_functions>0</allow_introspection_functions>
<timeout_before_checking_execution_speed>0</timeout_before_checking_execution_speed>
${CONSOLE_LIMITS.map(entry => entry.setting).join('')}
<constraints>${CONSOLE_LOCKED.map(name => `<${name}><readonly/></${name}>`).join('')}
${CONSOLE_LIMITS.map(entry => entry.constraint).join('')}</constraints></console>
</profiles>
<quotas><default/><console><interval><duration>60</duration><queries>6000</queries><execution_time>600</execution_time></interval></console></quotas>
<users>
<default><no_password/><networks><ip>::1</ip></networks><profile>boot</profile><quota>default</quota>${grants(BOOT_GRANTS)}</default>
${user(accounts.admin, 'default', '<access_management>1</access_management><named_collection_control>1</named_collection_control>')}
${user(accounts.writer, 'default', grants(WRITER_GRANTS))}
${user(accounts.reader, 'reader', grants(CLIENT_GRANTS))}
${user(accounts.console, 'console', grants(CLIENT_GRANTS))}
</users>
</clickhouse>
`
}

function user(account: Account, profile: string, rights: string): string {
  const digest = createHash('sha256').update(account.password).digest('hex')
  const quota = profile === 'console' ? 'console' : 'default'
  // `admin` makes the database, so it must be able to log in before there is one.
  const database = account.name === 'admin' ? '' : '<default_database>app</default_database>'
  return `<${account.name}><password_sha256_hex>${digest}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>${quota}</quota>${database}${rights}</${account.name}>`
}

function grants(queries: readonly string[]): string {
  return `<grants>${queries.map(query => `<query>${query}</query>`).join('')}</grants>`
}
