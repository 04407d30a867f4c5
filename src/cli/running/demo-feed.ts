/** Made-up input of an application, at a human pace, so that `millrace start` has something to show. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '#base'
import { ingest, STANDARD_INPUT } from '#feed'
import type { Application } from '#plan'
import { ensureTopics } from '../ingest-command.ts'
import type { Platform } from '../platform.ts'
import type { Context } from '../terminal.ts'

/** What a file exports as `demo`: records of one of its topics, made up one by one. */
export interface DemoFeed {
  readonly topic: string
  /** Records a second. */
  readonly rate: number
  /** The next record, as an object that becomes a JSON line. `nowUs` is µs since 1970. */
  record(random: Random, nowUs: number): Readonly<Record<string, unknown>>
}

const TICK_MS = 250

/** Feeds until the context's signal. */
export async function feedDemo(
  platform: Platform,
  application: Application,
  demo: DemoFeed,
  context: Context,
): Promise<void> {
  const { clock } = platform.options
  const source = application.sources.find(({ name }) => name === demo.topic)
  if (source === undefined) return
  await ensureTopics(platform, application)
  const random = seededRandom(1)
  let due = 0
  while (!context.signal.aborted) {
    due += (demo.rate * TICK_MS) / 1000
    const lines: string[] = []
    for (; due >= 1; due--) lines.push(`${JSON.stringify(demo.record(random, clock.nowUs()))}\n`)
    if (lines.length > 0) {
      await ingest({
        log: platform.data.log,
        source,
        clock,
        inputs: [STANDARD_INPUT],
        stdin: once(Buffer.from(lines.join(''))),
      })
    }
    await sleep(TICK_MS, undefined, { signal: context.signal }).catch((error: unknown) => {
      if (!context.signal.aborted) throw error
    })
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
