/** What the engine finds on disk when it starts: its directories, `config.xml`, and the library. */

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PlatformError } from '#base'
import { type Accounts, usersXml } from './accounts.ts'
import type { EngineStart } from './engine-process.ts'

/** Directories of one store, all below `DIR/store`. */
export interface StorePaths {
  readonly data: string
  readonly config: string
  readonly scratch: string
}

export interface EngineSettings {
  readonly paths: StorePaths
  readonly httpPort: number
  /** Native TCP, where it is asked for. */
  readonly nativePort: number | null
  readonly memoryBytes: number
  readonly diskReserveBytes: number
  /** TCP ports the engine may connect to. */
  readonly connectPorts: readonly number[]
}

export function storePaths(dataDir: string): StorePaths {
  const root = join(dataDir, 'store')
  return { data: join(root, 'data'), config: join(root, 'config'), scratch: join(root, 'scratch') }
}

/** Libraries and the few files of the system that the engine reads. */
const SYSTEM_FILES = [
  '/lib',
  '/usr/lib',
  '/lib64',
  '/proc/self',
  '/proc/meminfo',
  '/proc/cpuinfo',
  '/proc/stat',
  '/sys/devices/system/cpu',
  '/sys/fs/cgroup',
  '/dev/urandom',
  '/usr/share/zoneinfo',
  '/etc/localtime',
]

/**
 * The path of the engine's library for this machine.
 *
 * @throws PlatformError `store.platform` where the package has none
 */
export function engineLibrary(platform: string, arch: string, musl: boolean): string {
  const found = platform === 'linux' && !musl ? `linux-${arch}-gnu` : `${platform}-${arch}`
  if (platform === 'win32' || (platform === 'linux' && musl)) {
    const name = platform === 'win32' ? 'Windows' : 'Linux with musl'
    throw new PlatformError('store.platform', `the embedded store does not run on ${name}`, {
      hint: 'Use Linux with glibc (a Debian image, or WSL on Windows) or macOS, or name a ClickHouse server with --clickhouse-url.',
    })
  }
  try {
    const manifest = createRequire(import.meta.url).resolve(`@chdb/lib-${found}/package.json`)
    const library = join(dirname(manifest), 'libchdb.so')
    if (existsSync(library)) return library
  } catch (cause) {
    throw noLibrary(found, cause)
  }
  throw noLibrary(found, undefined)
}

function noLibrary(found: string, cause: unknown): PlatformError {
  return new PlatformError('store.platform', `the store has no library for "${found}"`, {
    hint: 'Run npm install again without --omit=optional; the package has libraries for Linux with glibc and for macOS.',
    cause,
  })
}

/** Whether this Linux has musl for its C library. */
export function muslLibc(): boolean {
  if (process.platform !== 'linux') return false
  const report = process.report.getReport() as {
    readonly header?: { readonly glibcVersionRuntime?: string }
  }
  return report.header?.glibcVersionRuntime === undefined
}

/**
 * Makes the directories and writes `config.xml` and `users.xml`. The engine keeps its own tables
 * (`system`) in memory and stumbles over what an earlier run left of them, so that is removed.
 */
export function writeEngineFiles(settings: EngineSettings, accounts: Accounts): void {
  const { data, config, scratch } = settings.paths
  for (const path of [data, config, scratch]) mkdirSync(path, { recursive: true, mode: 0o700 })
  for (const kind of ['data', 'metadata']) {
    rmSync(join(data, kind, 'system'), { recursive: true, force: true })
  }
  writeFileSync(join(config, 'config.xml'), configXml(settings), { mode: 0o600 })
  writeFileSync(join(config, 'users.xml'), usersXml(accounts), { mode: 0o600 })
}

/** Removes the password digests. The engine reads the file at its start only. */
export function removeUsersXml(paths: StorePaths): void {
  rmSync(join(paths.config, 'users.xml'), { force: true })
}

/** What the child is started with; the sandbox is Linux's. */
export function engineStart(
  settings: EngineSettings,
  library: string,
  platform: string,
): EngineStart {
  const { data, config, scratch } = settings.paths
  const native = settings.nativePort
  const listen = native === null ? '' : 'SYSTEM START LISTEN TCP; '
  const args = [
    'clickhouse',
    `--path=${data}`,
    `--config-file=${join(config, 'config.xml')}`,
    '--logger.level=error',
    '--listen_host=127.0.0.1',
    `--http_port=${settings.httpPort}`,
    ...(native === null ? [] : [`--tcp_port=${native}`]),
    '--input-format=LineAsString',
    `--query=SYSTEM START LISTEN HTTP; ${listen}SELECT count() FROM table FORMAT Null`,
  ]
  const parent = process.pid
  if (platform !== 'linux') return { library, args, parent }
  return {
    library,
    parent,
    args,
    sandbox: {
      write: [data, config, scratch, '/dev/null'],
      read: [dirname(library), ...SYSTEM_FILES],
      bind: native === null ? [settings.httpPort] : [settings.httpPort, native],
      connect: settings.connectPorts,
    },
  }
}

function configXml(settings: EngineSettings): string {
  const { config, scratch } = settings.paths
  const values: readonly (readonly [string, string | number])[] = [
    ['users_config', join(config, 'users.xml')],
    ['max_server_memory_usage', settings.memoryBytes],
    ['max_concurrent_queries', 100],
    ['max_connections', 200],
    ['background_pool_size', 2],
    ['background_schedule_pool_size', 8],
    ['background_fetches_pool_size', 1],
    ['background_common_pool_size', 2],
    ['background_move_pool_size', 1],
    ['max_thread_pool_size', 400],
    ['mark_cache_size', 67_108_864],
    ['uncompressed_cache_size', 0],
    ['index_mark_cache_size', 8_388_608],
    ['user_files_path', `${scratch}/`],
    ['tmp_path', `${scratch}/`],
    ['default_session_timeout', 60],
    ['keep_alive_timeout', 30],
    // A stop does not wait for connections that idle.
    ['shutdown_wait_unfinished', 1],
  ]
  const rules = [
    'on_cluster_queries_require_cluster_grant',
    'select_from_system_db_requires_grant',
    'select_from_information_schema_requires_grant',
    'settings_constraints_replace_previous',
    'table_engines_require_grant',
    'enable_read_write_grants',
  ]
  return `<clickhouse>
${values.map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`).join('\n')}
<logger><console>0</console><level>error</level></logger>
<access_control_improvements>${rules.map(name => `<${name}>true</${name}>`).join('')}</access_control_improvements>
<merge_tree><min_free_disk_bytes_to_perform_insert>${settings.diskReserveBytes}</min_free_disk_bytes_to_perform_insert><min_free_disk_ratio_to_perform_insert>0</min_free_disk_ratio_to_perform_insert></merge_tree>
<remote_url_allow_hosts><host>example.invalid</host></remote_url_allow_hosts>
<query_log><database>system</database><table>query_log</table><flush_interval_milliseconds>1000</flush_interval_milliseconds></query_log>
</clickhouse>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
