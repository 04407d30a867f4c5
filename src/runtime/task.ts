/**
 * A task: one stage of an application over one partition.
 *
 * It reads its partition of the stage's topics, and every partition of dimensions that are
 * partitioned otherwise, and pushes rows through the stage's operators. At the end of an epoch it
 * flushes them in order, each with the progress of the inputs that reach it.
 */

import { invariant } from '#base'
import { compileCodec } from '#format'
import type {
  Application,
  Log,
  SourceSpec,
  Stage,
  StageInput,
  StageOperator,
  TaskCommit,
  TaskId,
  TaskRestore,
} from '#plan'
import { ChangeInput, type RecordPositions } from './change-input.ts'
import { NO_COUNTS, SourceCounters, type SourceCounts } from './counters.ts'
import { FanOut } from './fan-out.ts'
import {
  type Downstream,
  type OperatorInstance,
  PROGRESS_END,
  PROGRESS_START,
  type Position,
  type Progress,
  slower,
} from './operator.ts'
import { createOperator } from './operators.ts'
import { RejectedRows } from './rejected-rows.ts'
import { RekeySink } from './rekey-sink.ts'
import { SnapshotSchedule } from './snapshot-schedule.ts'
import { SourceInput } from './source-input.ts'
import type { TableSink } from './table-sink.ts'
import type { InputPosition, TaskInput } from './task-input.ts'

export interface TaskOptions {
  readonly application: Application
  readonly planHash: string
  readonly stages: readonly Stage[]
  readonly stage: Stage
  readonly partition: number
  readonly log: Log
  readonly generated: boolean
  /** The worker's sinks by table, `rejected_records` among them. */
  readonly sinks: ReadonlyMap<string, TableSink>
  /** Whether this task reports what is rejected of a partition: one task of all that read it does. */
  readonly reports: (topic: string, partition: number) => boolean
}

/** What a commit keeps of a task besides its operators' state. */
export interface TaskPositions {
  /** By `topic/partition`. */
  readonly inputs: Readonly<Record<string, InputPosition>>
  /** By source. */
  readonly counts: Readonly<Record<string, SourceCounts>>
}

export function taskId(application: string, stage: number, partition: number): TaskId {
  return `${application}/${stage}/${partition}`
}

export class Task {
  readonly id: TaskId
  readonly inputs: readonly TaskInput[]
  readonly repartitions: readonly RekeySink[]
  readonly #options: TaskOptions
  readonly #outputs: FanOut[]
  /** By operator of the stage; undefined for its inputs. */
  readonly #instances: readonly (OperatorInstance | undefined)[]
  readonly #stateful = new Map<string, OperatorInstance>()
  readonly #inputsOf = new Map<number, TaskInput[]>()
  readonly #counters = new Map<string, SourceCounters>()
  readonly #rejected: RejectedRows
  readonly #schedule = new SnapshotSchedule()
  readonly #positions: RecordPositions = new WeakMap()
  readonly #position: Position = { origin: 0, offset: 0, index: 0 }
  #progress: Progress[]
  /** Whether anything was read or published since the last commit. */
  dirty = false

  constructor(options: TaskOptions) {
    const { application, stage, partition } = options
    this.#options = options
    this.id = taskId(application.name, stage.id, partition)
    this.#outputs = stage.operators.map(() => new FanOut())
    this.#rejected = new RejectedRows(this.#sink('rejected_records', 'update'))
    this.#instances = stage.operators.map(operator => this.#create(operator))
    this.#progress = stage.operators.map(() => PROGRESS_START)
    this.repartitions = stage.repartitions.map(({ operator, topic, by, partitions }) => {
      const schema = (stage.operators[operator] as StageOperator).plan.schema
      const sink = new RekeySink({ schema, topic, by, partitions, task: this.id })
      this.#output(operator).add(sink)
      return sink
    })
    for (const { operator, table, emit } of stage.tables) {
      this.#output(operator).add(this.#sink(table, emit))
    }
    this.inputs = stage.inputs.flatMap(input => this.#open(input))
    this.#watchTrunks()
  }

  /** Ends the epoch's input: every operator, in order, gives what the progress of its inputs allows. */
  flush(final: boolean): void {
    const { operators } = this.#options.stage
    for (const { id, inputs } of operators) {
      const instance = this.#instances[id]
      const above =
        instance === undefined
          ? (this.#inputsOf.get(id) ?? []).map(input => input.progress)
          : inputs.map(input => this.#progress[input] as Progress)
      const progress = final ? PROGRESS_END : above.reduce(slower, PROGRESS_END)
      this.#progress[id] = instance?.flush(progress, final) ?? progress
    }
    this.#rejected.flush()
    if (final) this.dirty = true
  }

  /** The epoch's blocks for repartition topics, with a mark of the last flush unless it was final. */
  appends(final: boolean): { topic: string; blocks: ReturnType<RekeySink['drain']> }[] {
    return this.#options.stage.repartitions.flatMap(({ operator, topic }, index) => {
      const progress = final ? undefined : (this.#progress[operator] as Progress)
      const blocks = (this.repartitions[index] as RekeySink).drain(progress)
      return blocks.length === 0 ? [] : [{ topic, blocks }]
    })
  }

  /** What the epoch's commit keeps of the task. Called once per commit, after `flush`. */
  commit(): TaskCommit {
    this.dirty = false
    return {
      task: this.id,
      positions: JSON.stringify(this.positions()),
      ...this.#schedule.take(this.#stateful),
    }
  }

  positions(): TaskPositions {
    return {
      inputs: Object.fromEntries(
        this.inputs.map(input => [`${input.topic}/${input.partition}`, input.position()]),
      ),
      counts: Object.fromEntries(
        Array.from(this.#counters, ([source, counters]) => [source, counters.counts()]),
      ),
    }
  }

  /** Continues where `from` was committed. */
  restore(from: TaskRestore): void {
    const { inputs, counts } = JSON.parse(from.positions) as TaskPositions
    for (const input of this.inputs) {
      const position = inputs[`${input.topic}/${input.partition}`]
      if (position !== undefined) input.restore(position)
    }
    let [snapshotBytes, deltaBytes] = [0, 0]
    for (const [index, entries] of from.state.entries()) {
      const kind = index === 0 ? 'snapshot' : 'delta'
      for (const { operator, bytes } of entries) {
        const instance = this.#stateful.get(operator)
        invariant(instance !== undefined, `operator ${operator} of "${this.id}" has state`)
        instance.restore(bytes, kind)
        if (kind === 'snapshot') snapshotBytes += bytes.length
        else deltaBytes += bytes.length
      }
    }
    this.#schedule.restore(snapshotBytes, deltaBytes, from.state.length - 1)
    for (const [source, counters] of this.#counters) counters.restore(counts[source] ?? NO_COUNTS)
  }

  /** Live keys and bytes of the task's operators, and their counters, by operator. */
  stats(): readonly { readonly operator: number; readonly stats: OperatorInstance['stats'] }[] {
    return this.#instances.flatMap((instance, operator) =>
      instance === undefined ? [] : [{ operator, stats: instance.stats }],
    )
  }

  #create({ id, plan, inputs, retracting, emit }: StageOperator): OperatorInstance | undefined {
    const { application, generated, stage } = this.#options
    if (stage.inputs.some(input => input.operator === id)) return undefined
    const instance = createOperator(plan, {
      generated,
      emit,
      retracting,
      position: this.#position,
      functions: application.functions,
      out: this.#output(id),
    })
    for (const [port, input] of inputs.entries()) {
      this.#output(input).add({ push: batch => instance.push(port, batch) })
    }
    this.#stateful.set(String(id), instance)
    return instance
  }

  #output(operator: number): FanOut {
    return this.#outputs[operator] as FanOut
  }

  #sink(table: string, emit: 'update' | 'closed' | 'settled'): Downstream {
    const sink = this.#options.sinks.get(table)
    invariant(sink !== undefined, `the worker has a sink for table "${table}"`)
    return sink.input({ emit, positions: this.#positions })
  }

  /** The inputs of one topic: the task's own partition, or all of them. */
  #open(input: StageInput): TaskInput[] {
    const { partition } = this.#options
    const partitions = input.broadcast
      ? Array.from({ length: input.partitions }, (_, p) => p)
      : partition < input.partitions
        ? [partition]
        : []
    const opened = partitions.map(p =>
      input.kind === 'source' ? this.#openSource(input, p) : this.#openChanges(input, p),
    )
    this.#inputsOf.set(input.operator, opened)
    return opened
  }

  #openSource({ topic, operator, broadcast }: StageInput, partition: number): TaskInput {
    const { application, log, generated, planHash, reports } = this.#options
    const ordinal = application.sources.findIndex(source => source.name === topic)
    const source = application.sources[ordinal] as SourceSpec
    let counters = this.#counters.get(topic)
    if (counters === undefined) {
      counters = new SourceCounters()
      this.#counters.set(topic, counters)
    }
    return new SourceInput({
      log,
      source,
      ordinal,
      partition,
      codec: compileCodec(source, { generated }),
      planHash,
      out: this.#output(operator),
      position: broadcast ? undefined : this.#position,
      report: reports(topic, partition) ? { rejected: this.#rejected, counters } : undefined,
    })
  }

  #openChanges({ topic, operator, schema }: StageInput, partition: number): TaskInput {
    const { application, log, stages } = this.#options
    const repartitions = stages.flatMap(stage => stage.repartitions.map(out => ({ stage, out })))
    const index = repartitions.findIndex(({ out }) => out.topic === topic)
    const writer = repartitions[index]?.stage
    invariant(writer !== undefined, `a stage writes "${topic}"`)
    return new ChangeInput({
      log,
      topic,
      ordinal: application.sources.length + index,
      partition,
      schema,
      upstream: Array.from({ length: writer.partitions }, (_, p) =>
        taskId(application.name, writer.id, p),
      ),
      out: this.#output(operator),
      position: this.#position,
      positions: this.#positions,
    })
  }

  /** Counts what filters and dedupe take from a source's rows before its plan branches. */
  #watchTrunks(): void {
    const { stage } = this.#options
    for (const input of stage.inputs) {
      const counters = this.#counters.get(input.topic)
      if (input.kind !== 'source' || counters === undefined) continue
      let from = input.operator
      while (this.#output(from).readers === 1) {
        const next = stage.operators.find(({ inputs }) => inputs.includes(from))
        if (next === undefined) break
        const { plan } = next
        const stats = this.#instances[next.id]?.stats
        if (plan.op === 'filter') {
          counters.watch({ kind: 'filtered', name: plan.rule, read: () => stats?.['removed'] ?? 0 })
        } else if (plan.op === 'dedupe') {
          const read = () => stats?.['duplicates'] ?? 0
          counters.watch({ kind: 'duplicates', name: 'duplicates', read })
        } else if (plan.op !== 'project') break
        from = next.id
      }
    }
  }
}
