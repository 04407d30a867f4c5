/**
 * A task: one stage of an application over one partition.
 *
 * It reads its partition of the stage's topics, and every partition of dimensions that are
 * partitioned otherwise, and pushes rows through the stage's operators. At the end of an epoch it
 * flushes them in order, each with the progress of the inputs that reach it.
 */

import { invariant } from '#base'
import {
  type Application,
  inputsOf,
  type Operator,
  type SourceSpec,
  type Stage,
  type StageInput,
  type StageOperator,
} from '#plan'
import type { AppendBlock, Log, TaskCommit, TaskId, TaskRestore } from '#ports'
import { FanOut } from './fan-out.ts'
import {
  type Downstream,
  type OperatorInstance,
  type Position,
  PROGRESS_END,
  PROGRESS_START,
  type Progress,
  slower,
} from './operator.ts'
import { createOperator } from './operators.ts'
import { ChangeInput, type RecordPositions } from './read/change-input.ts'
import { NO_COUNTS, SourceCounters, type SourceCounts } from './read/counters.ts'
import { type SourceDecoder, SourceInput } from './read/source-input.ts'
import type { InputPosition, TaskInput } from './read/task-input.ts'
import { RejectedRows } from './write/rejected-rows.ts'
import { RekeySink } from './write/rekey-sink.ts'
import { SnapshotSchedule } from './write/snapshot-schedule.ts'
import type { TableSink } from './write/table-sink.ts'

export interface TaskOptions {
  readonly application: Application
  readonly planHash: string
  readonly stages: readonly Stage[]
  readonly stage: Stage
  readonly partition: number
  readonly log: Log
  readonly generated: boolean
  /** The worker's decoder of a source, which its tasks share. */
  readonly decoder: (source: SourceSpec) => SourceDecoder
  /** The worker's sinks by table, `rejected_records` among them. */
  readonly sinks: ReadonlyMap<string, TableSink>
}

/** Blocks of an epoch for a repartition topic. */
export interface TopicAppend {
  readonly topic: string
  readonly blocks: readonly AppendBlock[]
}

/** What a commit keeps of a task besides its operators' state. */
export interface TaskPositions {
  readonly inputs: readonly InputPosition[]
  /** By source. */
  readonly counts: Readonly<Record<string, SourceCounts>>
}

export function taskId(application: string, stage: number, partition: number): TaskId {
  return `${application}/${stage}/${partition}`
}

export class Task {
  readonly id: TaskId
  readonly stage: number
  readonly inputs: readonly TaskInput[]
  readonly #repartitions: readonly RekeySink[]
  readonly #options: TaskOptions
  readonly #outputs: FanOut[]
  /** By operator of the stage; undefined for its inputs. */
  readonly #instances: readonly (OperatorInstance | undefined)[]
  /** By the name of their state. */
  readonly #byName = new Map<string, OperatorInstance>()
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
    this.stage = stage.id
    this.#outputs = stage.operators.map(() => new FanOut())
    this.#rejected = new RejectedRows(this.#sink('rejected_records', 'update'))
    this.#instances = stage.operators.map(operator => this.#create(operator))
    this.#progress = stage.operators.map(() => PROGRESS_START)
    this.#repartitions = stage.repartitions.map(({ operator, topic, by, partitions }) => {
      const schema = (stage.operators[operator] as StageOperator).plan.schema
      const sink = new RekeySink({ schema, topic, by, partitions, task: this.id })
      this.#output(operator).add(sink)
      return sink
    })
    for (const { operator, table, emit } of stage.tables) {
      this.#output(operator).add(this.#sink(table, emit, this.#settlesOnce(operator, table)))
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
      const ports = final ? above.map(() => PROGRESS_END) : above
      this.#progress[id] = instance?.flush(progress, final, ports) ?? progress
    }
    this.#rejected.flush()
    if (final) this.dirty = true
  }

  /** The epoch's blocks for repartition topics, with a mark of the last flush unless it was final. */
  appends(final: boolean): TopicAppend[] {
    return this.#options.stage.repartitions.flatMap(({ operator, topic }, index) => {
      const progress = final ? undefined : (this.#progress[operator] as Progress)
      const blocks = (this.#repartitions[index] as RekeySink).drain(progress)
      return blocks.length === 0 ? [] : [{ topic, blocks }]
    })
  }

  /** What the epoch's commit keeps of the task. Called once per commit, after `flush`. */
  commit(): TaskCommit {
    this.dirty = false
    return {
      task: this.id,
      positions: JSON.stringify(this.positions()),
      ...this.#schedule.take(this.#byName),
    }
  }

  positions(): TaskPositions {
    return {
      inputs: this.inputs.map(input => input.position()),
      counts: Object.fromEntries(
        Array.from(this.#counters, ([source, counters]) => [source, counters.counts()]),
      ),
    }
  }

  /** Continues where `from` was committed. */
  restore(from: TaskRestore): void {
    const { inputs, counts } = JSON.parse(from.positions) as TaskPositions
    for (const input of this.inputs) {
      const position = inputs.find(
        ({ operator, partition }) => operator === input.operator && partition === input.partition,
      )
      if (position !== undefined) input.restore(position)
    }
    let [snapshotBytes, deltaBytes] = [0, 0]
    for (const [index, entries] of from.state.entries()) {
      const kind = index === 0 ? 'snapshot' : 'delta'
      for (const { operator, bytes } of entries) {
        const instance = this.#byName.get(operator)
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

  /** Whether a table of settled rows gets each key from this operator alone, and so once. */
  #settlesOnce(operator: number, table: string): boolean {
    const { application, stage } = this.#options
    const writers = application.pipelines.filter(pipeline => pipeline.table === table)
    const { plan, inputs } = stage.operators[operator] as StageOperator
    return (
      writers.length === 1 &&
      writers[0]?.emit === 'settled' &&
      inputs.length === 1 &&
      !this.#retracting(operator) &&
      this.#keyedOnly(operator, plan)
    )
  }

  /** Whether what reaches an operator may be taken back: what a final flush ran ahead is. */
  #retracting(operator: number): boolean {
    const { plan, retracting } = this.#options.stage.operators[operator] as StageOperator
    return retracting || inputsOf(plan).some(runsAhead)
  }

  #create({ id, plan, inputs, emit }: StageOperator): OperatorInstance | undefined {
    const { application, generated, stage } = this.#options
    if (stage.inputs.some(input => input.operator === id)) return undefined
    const instance = createOperator(plan, {
      generated,
      emit,
      retracting: this.#retracting(id),
      images: !this.#keyedOnly(id, plan),
      position: this.#position,
      functions: application.functions,
      out: this.#output(id),
    })
    for (const [port, input] of inputs.entries()) {
      this.#output(input).add({ push: batch => instance.push(port, batch) })
    }
    this.#byName.set(String(id), instance)
    return instance
  }

  /** Whether only tables keyed by an aggregate's key and start read it. */
  #keyedOnly(id: number, plan: StageOperator['plan']): boolean {
    const { application, stage } = this.#options
    if (plan.op !== 'aggregate' || plan.window.kind === 'all') return false
    if (stage.operators.some(({ inputs }) => inputs.includes(id))) return false
    if (stage.repartitions.some(({ operator }) => operator === id)) return false
    const key = new Set([...plan.by, plan.bounds[0]])
    const known = new Set([...key, plan.bounds[1]])
    return stage.tables
      .filter(({ operator }) => operator === id)
      .map(({ table }) => application.tables.find(({ name }) => name === table))
      .every(
        table =>
          table?.key.length === key.size &&
          table.key.every(name => key.has(name)) &&
          (table.partitionBy === null || known.has(table.partitionBy.column)),
      )
  }

  #output(operator: number): FanOut {
    return this.#outputs[operator] as FanOut
  }

  #sink(table: string, emit: 'update' | 'closed' | 'settled', once = false): Downstream {
    const sink = this.#options.sinks.get(table)
    invariant(sink !== undefined, `the worker has a sink for table "${table}"`)
    return sink.input({ emit, once, positions: this.#positions })
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

  #openSource(input: StageInput, partition: number): TaskInput {
    const { application, log, decoder, planHash } = this.#options
    const ordinal = application.sources.findIndex(source => source.name === input.topic)
    const source = application.sources[ordinal] as SourceSpec
    const counters = this.#reports(input) ? this.#countersOf(input.topic) : undefined
    return new SourceInput({
      log,
      operator: input.operator,
      source,
      ordinal,
      partition,
      decoder: decoder(source),
      planHash,
      out: this.#output(input.operator),
      position: input.broadcast ? undefined : this.#position,
      report: counters && { rejected: this.#rejected, counters },
    })
  }

  #countersOf(source: string): SourceCounters {
    const counters = this.#counters.get(source) ?? new SourceCounters()
    this.#counters.set(source, counters)
    return counters
  }

  /**
   * Whether this task reports what becomes of a source's records, which several may read: the task
   * that owns the partition in the first stage that has it so, else the first of the first stage.
   */
  #reports({ topic, broadcast }: StageInput): boolean {
    const { stages, stage, partition } = this.#options
    const readers = stages.flatMap(({ id, inputs }) =>
      inputs.filter(input => input.topic === topic).map(input => ({ id, input })),
    )
    const reader = readers.find(({ input }) => !input.broadcast) ?? readers[0]
    if (reader?.id !== stage.id || reader.input.broadcast !== broadcast) return false
    return !broadcast || partition === 0
  }

  #openChanges({ topic, operator, schema }: StageInput, partition: number): TaskInput {
    const { application, log, stages } = this.#options
    const repartitions = stages.flatMap(stage => stage.repartitions.map(out => ({ stage, out })))
    const index = repartitions.findIndex(({ out }) => out.topic === topic)
    const writer = repartitions[index]?.stage
    invariant(writer !== undefined, `a stage writes "${topic}"`)
    return new ChangeInput({
      log,
      operator,
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
        const { plan, id } = next
        const read = (counter: string) => () => this.#instances[id]?.stats[counter] ?? 0
        if (plan.op === 'filter') {
          counters.watch({ kind: 'filtered', name: plan.rule, read: read('removed') })
        } else if (plan.op === 'dedupe') {
          counters.watch({ kind: 'duplicates', name: 'duplicates', read: read('duplicates') })
        } else if (plan.op !== 'project') break
        from = id
      }
    }
  }
}

/** Whether rows of an operator may have been made by a final flush from rows that it keeps. */
function runsAhead(operator: Operator): boolean {
  if (operator.op === 'process' && operator.order === 'event') return true
  return inputsOf(operator).some(runsAhead)
}
