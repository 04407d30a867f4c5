/**
 * `millrace/test`: an application under test, rows and watermarks in by hand, changes out.
 *
 * No files, no store and no clock of the machine: the engine itself, over a log in memory.
 *
 * @example
 * const kit = openKit(app)
 * await kit.send('clicks', { user: 'ann', page: '/', at: 0 })
 * await kit.send('clicks', { user: 'ann', page: '/cart', at: 1_000_000 })
 * await kit.watermark('clicks', 7_200_000_000)
 * assert.deepEqual(await kit.rows('visits'), [{ user: 'ann', clicks: 2n, … }])
 */

import { manualClock, PlatformError, seededRandom } from '#base'
import { appendRow, Batch, readRow } from '#columns'
import { compileCodec, nativeRows, partitionRows, type Reject, RowCodec } from '#format'
import { openMemory } from '#local'
import { type Application, analyse, type Row, type SourceSpec, type TableSpec } from '#plan'
import { type AppendBlock, END_OF_TIME_US, type Manifest } from '#ports'
import { REJECTED_RECORDS, runWorker } from '#runtime'
import { recordOf, rowSource } from './kit-source.ts'

/** What a table was told: a row that appeared or changed, or one that went. */
export interface TableChange {
  readonly weight: 1 | -1
  /** Of a row that went, only the key columns say anything. */
  readonly row: Row
  /** Whether nothing can change the row any more. */
  readonly settled: boolean
}

export interface TestKit {
  /** Adds a row of a source, as it is after the source's `map`. */
  send(source: string, row: Row): Promise<void>
  /** Says that no row of the source older than `atUs` (µs since 1970) will come. */
  watermark(source: string, atUs: number): Promise<void>
  /** Ends every source: whatever is open settles. */
  end(): Promise<void>
  /** What a table was told since the last call. */
  changes(table: string): Promise<TableChange[]>
  /** The rows of a table as they stand. */
  rows(table: string): Promise<Row[]>
}

/**
 * Opens a kit on `application`. Rows that are too late are in the table `rejected_records`.
 *
 * @throws PlatformError `plan.*`
 */
export function openKit(application: Application): TestKit {
  return new Kit(application)
}

/** What a source makes of one record's bytes: a row, or why there is none. */
export function decode(
  application: Application,
  source: string,
  record: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Row | Reject {
  const spec = sourceOf(application, source)
  const codec = compileCodec(spec, { generated: true })
  const batch = new Batch(codec.schema, 1)
  const block = {
    topic: source,
    baseOffset: 0,
    appendedAt: END_OF_TIME_US,
    ...blockOf([record], headers),
  }
  codec.decode(block, 0, 1, batch)
  return codec.rejects[0] ?? readRow(batch, 0)
}

function sourceOf(application: Application, name: string): SourceSpec {
  const source = application.sources.find(one => one.name === name)
  if (source !== undefined) return source
  throw new PlatformError('topic.unknown', `no source "${name}"`, {
    hint: `There are ${application.sources.map(one => one.name).join(', ')}.`,
  })
}

function blockOf(
  records: readonly (string | Uint8Array)[],
  headers: Readonly<Record<string, string>>,
): Omit<AppendBlock, 'partition'> & { partition: number } {
  const parts = records.map(record => Buffer.from(record as string))
  const values = new Uint8Array(Buffer.concat([...parts, Buffer.alloc(64)]))
  let end = 0
  const ends = Uint32Array.from(parts, part => (end += part.length))
  const count = records.length
  return { partition: 0, count, kind: 'data', markAt: 0, values, ends, headers, lines: null }
}

class Kit implements TestKit {
  readonly #application: Application
  readonly #clock = manualClock(END_OF_TIME_US)
  readonly #data = openMemory({ clock: this.#clock })
  readonly #changes = new Map<string, TableChange[]>()
  readonly #rows = new Map<string, Map<string, Row>>()
  readonly #spooled = new Map<number, Uint8Array>()
  #anonymous = 0
  #opened = false

  constructor(application: Application) {
    this.#application = { ...application, sources: application.sources.map(rowSource) }
  }

  async send(name: string, row: Row): Promise<void> {
    await this.#open()
    const source = sourceOf(this.#application, name)
    const batch = new Batch(source.schema, 1)
    appendRow(batch, row, { at: 0 })
    const record = recordOf(source, row)
    const place = new Int32Array(1)
    batch.selectAll()
    if (source.key.length > 0) partitionRows(batch, source.key, source.partitions, place)
    await this.#data.log.append(name, [{ ...blockOf([record], {}), partition: place[0] ?? 0 }])
  }

  async watermark(name: string, atUs: number): Promise<void> {
    await this.#open()
    const { partitions } = sourceOf(this.#application, name)
    await this.#data.log.append(
      name,
      Array.from({ length: partitions }, (_, partition) => ({
        ...blockOf([''], {}),
        partition,
        kind: 'mark' as const,
        markAt: atUs,
      })),
    )
  }

  async end(): Promise<void> {
    for (const { name } of this.#application.sources) await this.watermark(name, END_OF_TIME_US)
  }

  async changes(table: string): Promise<TableChange[]> {
    const { name } = this.#table(table)
    await this.#run()
    const changes = this.#changes.get(name) ?? []
    this.#changes.set(name, [])
    return changes
  }

  async rows(table: string): Promise<Row[]> {
    const { name } = this.#table(table)
    await this.#run()
    return [...(this.#rows.get(name)?.values() ?? [])]
  }

  async #open(): Promise<void> {
    if (this.#opened) return
    this.#opened = true
    for (const { name, partitions } of this.#application.sources) {
      await this.#data.log.ensureTopic({ name, partitions, source: null, logBytesMax: null })
    }
  }

  /** Reads and commits all there is. */
  async #run(): Promise<void> {
    await this.#open()
    const idle = new AbortController()
    const stages = analyse(this.#application)
    await runWorker({
      application: this.#application,
      codeVersion: 'test',
      worker: 0,
      partitions: stages.map(({ partitions }) => Array.from({ length: partitions }, (_, p) => p)),
      log: this.#data.log,
      state: this.#data.state,
      spool: {
        write: async (epoch, parts) => {
          this.#spooled.set(epoch, Buffer.concat(parts))
          return { name: `epoch-${epoch}.native` }
        },
      },
      clock: this.#clock,
      random: seededRandom(1),
      batchRows: 1024,
      epochRows: 10_000,
      epochMs: 0,
      pollMs: 1,
      preparedMax: 1,
      generated: true,
      bounded: false,
      signal: idle.signal,
      onPrepared: async manifest => {
        this.#take(manifest)
        await this.#data.state.markApplied(manifest.epoch)
      },
      stageDone: async () => undefined,
      onProgress: () => undefined,
      onIdle: () => idle.abort(),
      at: () => undefined,
    })
  }

  #take(manifest: Manifest): void {
    const bytes = this.#spooled.get(manifest.epoch) ?? new Uint8Array()
    this.#spooled.delete(manifest.epoch)
    for (const unit of manifest.units) {
      const table = this.#table(unit.table)
      const codec = new RowCodec(table.schema)
      const batch = new Batch(table.schema, 1)
      const changes = this.#changes.get(table.name) ?? []
      const rows = this.#rows.get(table.name) ?? new Map<string, Row>()
      for (const stored of nativeRows(table, bytes.subarray(unit.at, unit.at + unit.bytes))) {
        batch.clear()
        codec.decode(stored.bytes, 0, stored.bytes.length, batch, 0)
        const row = readRow(batch, 0)
        const key = table.key.length === 0 ? String(this.#anonymous++) : stored.key
        if (stored.deleted) rows.delete(key)
        else rows.set(key, row)
        changes.push({ weight: stored.deleted ? -1 : 1, row, settled: stored.settled })
      }
      this.#changes.set(table.name, changes)
      this.#rows.set(table.name, rows)
    }
  }

  #table(name: string): TableSpec {
    const tables = [...this.#application.tables, REJECTED_RECORDS]
    const table = tables.find(one => one.name === name)
    if (table !== undefined) return table
    throw new PlatformError('usage', `no table "${name}"`, {
      hint: `There are ${tables.map(one => one.name).join(', ')}.`,
    })
  }
}
