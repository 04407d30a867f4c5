/** The store: ClickHouse's own server as a child process, its gate, its tables, the exactly-once sink. */

export {
  connectStore,
  EngineRefusal,
  engineCode,
  type QueryOptions,
  type StoreClient,
} from './client.ts'
export type { Account, AccountName, Accounts } from './engine/accounts.ts'
export type { SelfTest } from './engine/self-test.ts'
export { openStore, type Store, type StoreChange, type StoreOptions } from './engine/store.ts'
export { type Gate, type GateOptions, openGate } from './gate/gate.ts'
export type { AuditEntry } from './gate/gate-audit.ts'
export {
  type ApplyOptions,
  type AuditReport,
  type CrashPoint,
  createSink,
  type Sink,
  type SinkOptions,
} from './sink/sink.ts'
export { spoolReader, syncDirectory } from './sink/spool-reader.ts'
export {
  applyMigrations,
  type MigrationPlan,
  planMigrations,
  type TableChange,
} from './tables/migrations.ts'
export { createTable } from './tables/table-ddl.ts'
export { type TableRowsOptions, tableRows } from './tables/table-rows.ts'
