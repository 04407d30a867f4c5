/**
 * A store of parts in memory, behind the client that the sink uses: what an insert leaves, what a
 * read-back finds. Knows just the statements of the sink, and tables without a key.
 */

import { PlatformError } from '#base'
import type { StoreClient } from '#clickhouse'
import { type NativeRow, nativeRows } from '../simulation/native-rows.ts'

/** What becomes of an insert: done, done and the answer lost, or acknowledged and nothing there. */
export type Fault = 'none' | 'answer lost' | 'rows lost'

export class MemoryStore {
  /** Rows by part; each insert makes one. */
  readonly parts: { readonly table: string; readonly rows: readonly NativeRow[] }[] = []
  /** What the next inserts meet, in order; then none. */
  readonly faults: Fault[] = []
  inserts = 0

  rows(table: string): NativeRow[] {
    return this.parts.flatMap(part => (part.table === table ? part.rows : []))
  }

  client(): StoreClient {
    return {
      read: async () => Buffer.alloc(0),
      rows: async sql => this.#answer(sql),
      stream: () => Promise.reject(new Error('the sink streams nothing')),
      insert: async (sql, bytes) => this.#insert(sql, bytes),
      readWith: () => Promise.reject(new Error('tables here have no key')),
      kill: async () => undefined,
      close: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }
  }

  #insert(sql: string, bytes: Uint8Array): number {
    const rows = sql.includes('FORMAT Native') ? nativeRows(bytes) : []
    if (rows.length === 0) return 0
    this.inserts++
    const fault = this.faults.shift() ?? 'none'
    if (fault !== 'rows lost') this.parts.push({ table: tableOf(sql), rows })
    if (fault !== 'answer lost') return rows.length
    throw new PlatformError('store.unavailable', 'no answer came', { hint: 'Wait.' })
  }

  #answer(sql: string): readonly (readonly unknown[])[] {
    if (sql.startsWith('CHECK TABLE')) return [['part', 1, '']]
    if (!sql.includes('GROUP BY ALL')) return []
    const table = tableOf(sql)
    const epochs = new Set(/_e IN \(([^)]*)\)/.exec(sql)?.[1]?.split(', ').map(Number))
    return this.parts.flatMap((part, index) => {
      const rows = part.rows.filter(row => part.table === table && epochs.has(Number(row['_e'])))
      const groups = Map.groupBy(rows, row => `${row['_e']} ${row['_p']}`)
      return Array.from(groups.values(), group => [
        group[0]?.['_e'],
        'all',
        `all_${index}`,
        group[0]?.['_p'],
        group.length,
        group.reduce((sum, row) => sum + positionHash(row), 0),
        Math.min(...group.map(row => Number(row['_o']))),
        Math.max(...group.map(row => Number(row['_o']))),
      ])
    })
  }
}

function tableOf(sql: string): string {
  return /(?:INTO|FROM) (?:\w+\.)?[`"]?(\w+)/.exec(sql)?.[1] ?? ''
}

function positionHash(row: NativeRow): number {
  const [o, p, i] = [row['_o'], row['_p'], row['_i'] ?? 0].map(value => BigInt(value ?? 0))
  return Number(((o ?? 0n) * 2654435761n + (p ?? 0n) * 40503n + (i ?? 0n) * 97n) % 4294967296n)
}
