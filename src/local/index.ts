/** The log, read positions, keyed state and manifests of a data directory, and the same in memory. */

export { DATA_VERSION, type DataDirectory, type DataOptions, openData } from './data-directory.ts'
export { lockOwner } from './directory-lock.ts'
export { LmdbLog } from './lmdb-log.ts'
export { LmdbState } from './lmdb-state.ts'
export { type MemoryData, openMemory } from './memory-data.ts'
export { MemoryDisk } from './memory-disk.ts'
export { MemoryLog } from './memory-log.ts'
export { MemoryState } from './memory-state.ts'
export { Spool, type SpooledFile } from './spool.ts'
export type { Retention } from './topic-rules.ts'
export { type Finding, type VerifyReport, verifyData } from './verify-data.ts'
