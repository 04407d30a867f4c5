/** What the model says the tables of a directory's input hold, once `ingest` has placed it. */

import { join } from 'node:path'
import { manualClock, systemClock } from '#base'
import { ingest } from '#feed'
import { openMemory } from '#local'
import type { Application } from '#plan'
import { runModel } from '../../src/cli/parity/model-run.ts'
import { record } from '../../src/cli/parity/recorded.ts'

/** Canonical hash by table of `directory/events.jsonl`. */
export async function expectedTables(
  application: Application,
  directory: string,
): Promise<Map<string, string>> {
  const clock = manualClock(systemClock.nowUs())
  const { log } = openMemory({ clock })
  const source = application.sources[0]
  if (source === undefined) throw new Error('the application has a source')
  const { name, partitions } = source
  await log.ensureTopic({ name, partitions, source: null, logBytesMax: null })
  await ingest({ log, source, clock, inputs: [join(directory, 'events.jsonl')] })
  const tables = await runModel(application, record(log, application.sources))
  return new Map(tables.map(({ table, sha256 }) => [table, sha256]))
}
