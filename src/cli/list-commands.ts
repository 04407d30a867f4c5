/** `millrace topics | tables | state | checkpoints`: what a data directory holds. */

import { PlatformError } from '#base'
import type { Platform } from './platform.ts'
import { byteSize, type Context, printResult, textTable } from './terminal.ts'

/** Topics with their extents, or one of them closed for good by an end mark. */
export async function topicsCommand(
  platform: Platform,
  options: { readonly end?: string },
  context: Context,
): Promise<void> {
  if (options.end !== undefined) return endTopic(platform, options.end, context)
  const topics = platform.data.log.topics().map(({ name, partitions, extents, bytes, source }) => ({
    topic: name,
    partitions,
    records: extents.reduce((sum, { start, end }) => sum + end - start, 0),
    bytes,
    kind: source === null ? 'repartition' : 'source',
    extents,
  }))
  printResult(context, { topics }, () =>
    topics.length === 0
      ? 'no topics: an application makes them when it first runs or ingests\n'
      : textTable(
          ['topic', 'kind', 'partitions', 'records', 'size', 'offsets'],
          topics.map(({ topic, kind, partitions, records, bytes, extents }) => [
            topic,
            kind,
            partitions,
            records,
            byteSize(bytes),
            extents.map(({ start, end }) => `${start}–${end}`).join(' '),
          ]),
        ),
  )
}

async function endTopic(platform: Platform, name: string, context: Context): Promise<void> {
  const { log } = platform.data
  const { partitions } = log.topic(name)
  await log.append(name, endMarks(partitions))
  printResult(
    context,
    { topic: name, ended: true },
    () => `${name}: every partition has its end mark; nothing can be added any more\n`,
  )
}

function endMarks(partitions: number) {
  return Array.from({ length: partitions }, (_, partition) => ({
    partition,
    count: 1,
    kind: 'mark' as const,
    markAt: Number.MAX_SAFE_INTEGER,
    values: new Uint8Array(64),
    ends: new Uint32Array(1),
    headers: {},
    lines: null,
  }))
}

/** Tables of the store with rows, size and newest epoch. */
export async function tablesCommand(platform: Platform, context: Context): Promise<void> {
  const admin = (await platform.store()).client('admin')
  const rows = await admin.rows(
    `SELECT t.name, toString(t.engine), toString(ifNull(sum(p.rows), 0)), toString(ifNull(sum(p.bytes_on_disk), 0)), toString(count(p.name))
     FROM system.tables t LEFT JOIN system.parts p ON p.database = t.database AND p.table = t.name AND p.active
     WHERE t.database = 'app' AND NOT startsWith(t.name, '_')
     GROUP BY t.name, t.engine ORDER BY t.name`,
  )
  const tables = rows.map(([table, engine, stored, bytes, parts]) => ({
    table: String(table),
    engine: String(engine),
    storedRows: Number(stored),
    bytes: Number(bytes),
    parts: Number(parts),
  }))
  printResult(context, { tables }, () =>
    tables.length === 0
      ? 'no tables: an application makes them when it first runs\n'
      : textTable(
          ['table', 'engine', 'stored rows', 'size', 'parts'],
          tables.map(t => [t.table, t.engine, t.storedRows, byteSize(t.bytes), t.parts]),
        ),
  )
}

/** Tasks with their last epoch, plan and the size of what a restart reads. */
export async function stateCommand(platform: Platform, context: Context): Promise<void> {
  const { state } = platform.data
  const tasks = state.tasks().map(task => {
    const restore = state.restore(task)
    if (restore === undefined) {
      throw new PlatformError('state.corrupt', `task "${task}" has no state`, {
        hint: 'Run "millrace verify" for all findings.',
      })
    }
    const bytes = restore.state.flat().reduce((sum, entry) => sum + entry.bytes.length, 0)
    return {
      task,
      epoch: restore.epoch,
      planHash: restore.planHash,
      links: restore.state.length,
      bytes,
    }
  })
  printResult(context, { tasks }, () =>
    tasks.length === 0
      ? 'no state: no application has run here\n'
      : textTable(
          ['task', 'epoch', 'plan', 'snapshot and deltas', 'size'],
          tasks.map(t => [t.task, t.epoch, t.planHash.slice(0, 12), t.links, byteSize(t.bytes)]),
        ),
  )
}

/** Manifests that are not trimmed: what each epoch gave, and whether it is applied. */
export async function checkpointsCommand(platform: Platform, context: Context): Promise<void> {
  const { state } = platform.data
  const list = (status: string, manifests: ReturnType<typeof state.applied>) =>
    manifests.map(({ application, epoch, worker, units, spool }) => ({
      application,
      epoch,
      worker,
      status,
      rows: units.reduce((sum, unit) => sum + unit.rows, 0),
      units: units.length,
      spool,
    }))
  const checkpoints = [...list('applied', state.applied()), ...list('prepared', state.prepared())]
  printResult(context, { checkpoints }, () =>
    checkpoints.length === 0
      ? 'no checkpoints are kept: everything is applied and verified\n'
      : textTable(
          ['application', 'epoch', 'worker', 'status', 'rows', 'units', 'spool'],
          checkpoints.map(c => [
            c.application,
            c.epoch,
            c.worker,
            c.status,
            c.rows,
            c.units,
            c.spool ?? '',
          ]),
        ),
  )
}
