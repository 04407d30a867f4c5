/** The store: ClickHouse's own server as a child process, its gate, its tables, the exactly-once sink. */

export type { Account, AccountName, Accounts } from './accounts.ts'
export { EngineRefusal, engineCode, type QueryOptions, type StoreClient } from './client.ts'
export {
  applyMigrations,
  type MigrationPlan,
  planMigrations,
  type TableChange,
} from './migrations.ts'
export type { SelfTest } from './self-test.ts'
export {
  type ApplyOptions,
  type AuditReport,
  type CrashPoint,
  createSink,
  type Sink,
  type SinkOptions,
} from './sink.ts'
export { spoolReader, syncDirectory } from './spool-reader.ts'
export { openStore, type Store, type StoreChange, type StoreOptions } from './store.ts'
export { createTable } from './table-ddl.ts'
export { type TableRowsOptions, tableRows } from './table-rows.ts'
