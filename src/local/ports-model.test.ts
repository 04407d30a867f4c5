import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { manualClock, PlatformError } from '#base'
import { END_OF_TIME_US } from '#ports'
import { type DataDirectory, openData } from './data-directory.ts'
import {
  blockOf,
  commitOf,
  manifestOf,
  markOf,
  temporaryDirectory,
  textsOf,
} from './data-samples.test.ts'
import { TABLES } from './environment.ts'
import { type MemoryData, openMemory } from './memory-data.ts'
import { checkPages } from './page-check.ts'

/** All that log and checkpoints are, without a disk. */
interface Model {
  partitions: {
    start: number
    at: number
    blocks: { base: number; at: number; texts: string[] }[]
    ended: boolean
  }[]
  progress: Map<string, string>
  tasks: Map<string, { epoch: number; chain: string[][]; positions: string }>
  prepared: number[]
  applied: number[]
  epoch: number
  now: number
}

interface Real {
  path: string
  data: DataDirectory
  memory: MemoryData
  clock: ReturnType<typeof manualClock>
}

type Command = fc.AsyncCommand<Model, Real>
const TOPIC = 'clicks'
const REPARTITION = 'clicks.by-user'
const TOPICS = [TOPIC, REPARTITION]

const endOf = (partition: Model['partitions'][number]): number => {
  const last = partition.blocks.at(-1)
  return last === undefined ? partition.start : last.base + last.texts.length
}

/** Runs one thing against both implementations, and wants one answer. */
async function both<T>(
  real: Real,
  run: (ports: DataDirectory | MemoryData) => T | Promise<T>,
): Promise<T> {
  const answers = []
  for (const ports of [real.data, real.memory]) {
    try {
      answers.push({ value: await run(ports) })
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error
      answers.push({ error })
    }
  }
  const [first, second] = answers
  assert.ok(first !== undefined && second !== undefined)
  assert.deepEqual(shape(second), shape(first), 'memory answers as the disk does')
  if (first.error !== undefined) throw first.error
  return first.value as T
}

const shape = (answer: { value?: unknown; error?: PlatformError }): unknown =>
  answer.error === undefined ? { value: answer.value } : [answer.error.code, answer.error.message]

async function codeOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    assert.ok(error instanceof PlatformError)
    return error.code
  }
}

function append(model: Model, slot: number, texts: string[]): number {
  const partition = model.partitions[slot]
  assert.ok(partition !== undefined)
  const base = endOf(partition)
  partition.at = Math.max(model.now, partition.at)
  partition.blocks.push({ base, at: partition.at, texts })
  return base
}

const texts = fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 })
const slot = fc.integer({ min: 0, max: 1 })
const task = fc.constantFrom('shop/0/0', 'shop/0/1', 'bank/0/0')

const commands = [
  fc
    .tuple(
      fc.array(fc.tuple(slot, texts), { minLength: 1, maxLength: 3 }),
      fc.string({ maxLength: 5 }),
    )
    .map(
      ([blocks, key]): Command => ({
        check: () => true,
        toString: () => `append ${JSON.stringify(blocks)} with progress "${key}"`,
        async run(model, real) {
          const ended = blocks.some(([partition]) => model.partitions[partition]?.ended)
          const given = blocks.map(([partition, values]) =>
            blockOf(values, {
              partition,
              headers: { file: key },
              lines: Uint32Array.from(values, (_, i) => i * 7),
            }),
          )
          const progress = [{ key: `file/${key}`, value: `line of ${key}` }]
          const run = () => both(real, ({ log }) => log.append(TOPIC, given, progress))
          if (ended) return assert.equal(await codeOf(run), 'log.ended')
          assert.deepEqual(
            await run(),
            blocks.map(([partition, values]) => append(model, partition, values)),
          )
          model.progress.set(`file/${key}`, `line of ${key}`)
        },
      }),
    ),
  fc.tuple(slot, fc.integer({ min: 0, max: 40 })).map(
    ([partition, markAt]): Command => ({
      check: () => true,
      toString: () => `mark ${partition} ${markAt}`,
      async run(model, real) {
        const end = markAt === 40
        const mark = markOf(partition, end ? END_OF_TIME_US : markAt)
        const run = () => both(real, ({ log }) => log.append(TOPIC, [mark]))
        const state = model.partitions[partition]
        assert.ok(state !== undefined)
        if (state.ended) return assert.equal(await codeOf(run), 'log.ended')
        assert.deepEqual(await run(), [append(model, partition, [''])])
        state.ended = end
      },
    }),
  ),
  fc.integer({ min: -50, max: 100 }).map(
    (step): Command => ({
      check: () => true,
      toString: () => `clock ${step}`,
      async run(model, real) {
        model.now += step
        real.clock.set(model.now)
      },
    }),
  ),
  fc.tuple(slot, fc.boolean(), fc.integer({ min: 0, max: 30 })).map(
    ([partition, repartition, offset]): Command => ({
      check: () => true,
      toString: () => `read ${partition} ${offset}`,
      async run(model, real) {
        const topic = repartition ? REPARTITION : TOPIC
        const state = model.partitions[repartition ? partition + 2 : partition]
        const due = state?.blocks.find(block => block.base + block.texts.length > offset)
        const found = await both(real, ({ log }) => {
          const block = log.read(topic, partition, offset)
          if (block === undefined) return undefined
          assert.equal(block.topic, topic)
          const room =
            block.values.buffer.byteLength - block.values.byteOffset - block.values.length
          assert.ok(room >= 64, 'a scanner may read 64 bytes on')
          const behind = block.values.byteOffset + block.values.length
          assert.deepEqual(new Uint8Array(block.values.buffer, behind, 64), new Uint8Array(64))
          const lines = block.lines === null ? null : [...block.lines]
          return {
            base: block.baseOffset,
            at: block.appendedAt,
            texts: textsOf(block),
            lines,
            kind: block.kind,
          }
        })
        assert.deepEqual(found && { base: found.base, at: found.at, texts: found.texts }, due)
      },
    }),
  ),
  fc
    .tuple(
      task,
      fc.constantFrom('snapshot' as const, 'delta' as const),
      fc.array(fc.string({ maxLength: 9 }), { maxLength: 3 }),
      slot,
      texts,
      fc.boolean(),
    )
    .map(
      ([name, kind, state, partition, values, stale]): Command => ({
        check: () => true,
        toString: () =>
          `commit ${name} ${kind} ${state.length} ${stale ? 'with an old epoch' : ''}`,
        async run(model, real) {
          const known = model.tasks.get(name)
          const epoch = await both(real, ports => ports.state.reserveEpoch())
          model.epoch++
          assert.equal(epoch, model.epoch)
          const late = stale && known !== undefined
          const used = late ? known.epoch : epoch
          const entries = state.map((text, i) => ({
            operator: `o${i}`,
            bytes: Uint8Array.from(Buffer.from(text)),
          }))
          const commit = commitOf(
            used,
            { task: name, kind, state: entries, positions: `p${epoch}` },
            {
              manifest: manifestOf(used, { application: name.split('/')[0] ?? '' }),
              appends: [
                { topic: REPARTITION, blocks: [blockOf(values, { partition, kind: 'change' })] },
              ],
            },
          )
          const run = () => both(real, ports => ports.state.commit(commit))
          if (late) return assert.equal(await codeOf(run), 'worker.failed')
          await run()
          const chain = kind === 'snapshot' ? [] : (known?.chain ?? [])
          const link = kind === 'snapshot' || state.length > 0 ? [state] : []
          model.tasks.set(name, { epoch, chain: [...chain, ...link], positions: `p${epoch}` })
          append(model, partition + 2, values)
          model.prepared.push(epoch)
        },
      }),
    ),
  fc.tuple(fc.nat(), fc.boolean()).map(
    ([pick, trim]): Command => ({
      check: model => (trim ? model.applied : model.prepared).length > 0,
      toString: () => `${trim ? 'trim' : 'apply'} ${pick}`,
      async run(model, real) {
        const from = trim ? model.applied : model.prepared
        const [epoch] = from.splice(pick % from.length, 1)
        assert.ok(epoch !== undefined)
        await both(real, ({ state }) => (trim ? state.trim(epoch) : state.markApplied(epoch)))
        if (!trim) model.applied = [...model.applied, epoch].sort((a, b) => a - b)
      },
    }),
  ),
  fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 2 }).map(
    (passed): Command => ({
      check: () => true,
      toString: () => `retain ${passed}`,
      async run(model, real) {
        await both(real, ({ log }) => log.retain(TOPIC, { passed, floorUs: 0 }))
        for (const [i, partition] of model.partitions.slice(0, 2).entries()) {
          const passedHere = passed[i] ?? 0
          partition.start = Math.max(
            partition.start,
            ...partition.blocks.map(b => b.base + b.texts.length).filter(end => end <= passedHere),
          )
          partition.blocks = partition.blocks.filter(b => b.base >= partition.start)
        }
      },
    }),
  ),
  fc.constant<Command>({
    check: () => true,
    toString: () => 'reopen',
    async run(_, real) {
      await real.data.close()
      checkPages(`${real.path}/log/data.mdb`, TABLES)
      real.data = openData(real.path, { clock: real.clock, diskReserveBytes: 0 })
    },
  }),
]

async function checkAll(model: Model, real: Real): Promise<void> {
  for (const name of TOPICS) {
    const extents = await both(real, ({ log }) => log.topic(name).extents)
    const partitions = model.partitions.slice(name === TOPIC ? 0 : 2)
    assert.deepEqual(
      extents,
      partitions.slice(0, 2).map(p => ({ start: p.start, end: endOf(p) })),
    )
  }
  assert.deepEqual(await both(real, ({ log }) => log.topics().map(topic => topic.name)), TOPICS)
  const keys = await both(real, ({ log }) => log.progressKeys('file/'))
  assert.deepEqual([...keys].sort(), [...model.progress.keys()].sort())
  for (const key of keys) {
    assert.equal(await both(real, ({ log }) => log.progress(key)), model.progress.get(key))
  }
  assert.deepEqual(await both(real, ({ state }) => state.tasks()), [...model.tasks.keys()].sort())
  for (const [name, due] of model.tasks) {
    const found = await both(real, ({ state }) => state.restore(name))
    assert.equal(found?.positions, due.positions)
    assert.equal(found?.epoch, due.epoch)
    const chain = found.state.map(link => link.map(entry => Buffer.from(entry.bytes).toString()))
    assert.deepEqual(chain, due.chain)
  }
  const epochs = (list: readonly { epoch: number }[]) => list.map(manifest => manifest.epoch)
  assert.deepEqual(await both(real, ({ state }) => epochs(state.prepared())), model.prepared)
  assert.deepEqual(await both(real, ({ state }) => epochs(state.applied())), model.applied)
}

test('log and checkpoints, on disk and in memory, answer as a small model does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 50, size: 'max' }), async run => {
      using directory = temporaryDirectory({ inMemory: true })
      const clock = manualClock(1_000)
      const data = openData(directory.path, { clock, diskReserveBytes: 0 })
      const real: Real = { path: directory.path, data, memory: openMemory({ clock }), clock }
      const model: Model = {
        partitions: Array.from({ length: 4 }, () => ({
          start: 0,
          at: 0,
          blocks: [],
          ended: false,
        })),
        progress: new Map(),
        tasks: new Map(),
        prepared: [],
        applied: [],
        epoch: 0,
        now: 1_000,
      }
      for (const name of TOPICS) {
        const spec = { name, partitions: 2, source: null, logBytesMax: name === TOPIC ? 0 : null }
        await both(real, ({ log }) => log.ensureTopic(spec))
      }
      try {
        await fc.asyncModelRun(() => ({ model, real }), run)
        await checkAll(model, real)
      } finally {
        await real.data.close()
      }
      checkPages(`${directory.path}/log/data.mdb`, TABLES)
    }),
    { seed: 20261121, numRuns: 60, endOnFailure: true },
  )
})
