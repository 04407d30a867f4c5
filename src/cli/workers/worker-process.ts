/**
 * An engine worker's process: runs the tasks it is given and prepares epochs; main applies them.
 *
 * Started by `worker-pool.ts`. It ends when the channel to main closes, so also when main dies.
 */

import { PlatformError, seededRandom, systemClock } from '#base'
import { openData } from '#local'
import { runWorker } from '#runtime'
import { crashAt, crashPlan } from '../config.ts'
import { loadApplication } from '../user-application.ts'
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts'

const CODE_VERSION = '0.1.0'

const send = (message: FromWorker): Promise<void> =>
  new Promise(resolve => {
    if (process.connected) process.send?.(message, undefined, {}, () => resolve())
    else resolve()
  })

/** Promises that a message of main resolves, by what they wait for. */
const waiting = new Map<string, () => void>()
const stop = new AbortController()
/** Whether the work has ended, well or not. */
let over = false

const told = (what: string): Promise<void> =>
  new Promise(resolve => {
    waiting.set(what, resolve)
  })

async function work(start: WorkerStart): Promise<void> {
  const application = await loadApplication(start.path, '/')
  const data = openData(start.data, {
    clock: systemClock,
    lock: false,
    ...(start.diskReserveBytes === null ? {} : { diskReserveBytes: start.diskReserveBytes }),
  })
  const at = crashAt(crashPlan(), { worker: () => process.pid })
  try {
    const { seed, ...tuning } = start.tuning
    const summary = await runWorker({
      ...tuning,
      application,
      codeVersion: CODE_VERSION,
      worker: start.worker,
      partitions: start.partitions,
      log: data.log,
      state: data.state,
      spool: { write: async (epoch, parts) => data.spool.write(epoch, parts) },
      clock: systemClock,
      random: seededRandom(seed + start.worker),
      signal: stop.signal,
      onPrepared: manifest => {
        const applied = told(`applied ${manifest.epoch}`)
        void send({ kind: 'prepared', manifest })
        return applied
      },
      stageDone: stage => {
        const all = told(`stage ${stage}`)
        void send({ kind: 'stage', stage })
        return all
      },
      onProgress: progress => void send({ kind: 'progress', progress }),
      at,
    })
    await send({ kind: 'done', summary })
  } finally {
    await data.close()
  }
}

async function fail(error: unknown): Promise<void> {
  const known = error instanceof PlatformError
  await send({
    kind: 'failed',
    code: known ? error.code : null,
    message: error instanceof Error ? error.message : String(error),
    hint: known ? (error.hint ?? null) : null,
    stack: error instanceof Error ? (error.stack ?? '') : '',
  })
}

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      void work(message)
        .catch(fail)
        .then(() => {
          over = true
          process.disconnect()
        })
      return
    case 'applied':
    case 'stage': {
      const what = `${message.kind} ${message.kind === 'stage' ? message.stage : message.epoch}`
      waiting.get(what)?.()
      waiting.delete(what)
      return
    }
    case 'stop':
      stop.abort()
  }
})
// Main is gone. Whatever is not committed never happened, and an orderly exit could wait for ever: it
// joins LMDB's writer thread, which waits for a callback of this thread.
process.on('disconnect', () => {
  if (!over) process.kill(process.pid, 'SIGKILL')
})
// A terminal's Ctrl-C reaches the whole group, a supervisor's stop every process; main says when.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
