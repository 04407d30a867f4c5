/**
 * Records of one input into a topic: decoded for their key and verdict, placed in partitions,
 * appended in blocks together with the line reached.
 *
 * One append is under way while the next blocks are gathered. The engine decodes the records again
 * from the log: what is counted here is what it will find, but for conditions on `_offset`,
 * `_partition` and the exact `_appended`, which only the log can give.
 */

import type { Clock } from '#base'
import { Batch } from '#columns'
import { type Codec, compileCodec, partitionOf, partitionRows } from '#format'
import type { SourceSpec } from '#plan'
import type { Log, LogBlock } from '#ports'
import { encodeProgress, type InputProgress } from './feed-progress.ts'
import { PartitionBlocks } from './partition-blocks.ts'
import type { LargeSummary, RecordStage } from './record-stage.ts'
import { type Counts, Tally } from './tally.ts'

export interface AppenderOptions {
  readonly log: Log
  readonly source: SourceSpec
  readonly clock: Clock
  readonly generated: boolean
}

/** The input whose records follow. */
export interface AppenderInput {
  readonly headers: Readonly<Record<string, string>>
  /** Where its progress is kept; undefined for one that cannot resume. */
  readonly key: string | undefined
  /** What the log holds of it already. */
  readonly before: InputProgress | undefined
}

const UNPLACED = -1

export class TopicAppender {
  private readonly options: AppenderOptions
  private readonly codec: Codec
  private readonly batch: Batch
  private readonly partitions: number
  private readonly placed: Int32Array
  /** The blocks being gathered, and those of the append under way. */
  private gathering: PartitionBlocks
  private spare: PartitionBlocks
  private underWay: Promise<void> = Promise.resolve()
  private failure: { readonly cause: unknown } | undefined
  private input: AppenderInput = { headers: {}, key: undefined, before: undefined }
  /** Of this input in this run, and with what was there before. */
  private tally = new Tally()
  private total = new Tally()
  private line = 0

  constructor(options: AppenderOptions, stageRecords: number) {
    this.options = options
    this.codec = compileCodec(options.source, { generated: options.generated })
    this.batch = new Batch(options.source.schema, stageRecords)
    this.partitions = options.log.topic(options.source.name).partitions
    this.placed = new Int32Array(stageRecords)
    this.gathering = new PartitionBlocks(this.partitions)
    this.spare = new PartitionBlocks(this.partitions)
  }

  begin(input: AppenderInput): void {
    this.input = input
    this.tally = new Tally()
    this.total = new Tally()
    this.line = input.before?.line ?? 0
    if (input.before !== undefined) this.total.add(input.before)
  }

  /** Headers found after the beginning, as those of a CSV's first line. */
  addHeaders(headers: Readonly<Record<string, string>>): void {
    this.input = { ...this.input, headers: { ...this.input.headers, ...headers } }
  }

  get records(): number {
    return this.tally.records
  }

  get lineReached(): number {
    return this.line
  }

  counts(): Counts {
    return this.tally.counts()
  }

  /** Takes the records of a stage, which may be cleared afterwards. */
  async add(stage: RecordStage): Promise<void> {
    if (stage.count > 0) this.place(stage)
    if (stage.large !== undefined) this.placeLarge(stage.large)
    if (this.gathering.full) await this.append(false)
  }

  /** Appends what is gathered; `complete` says that the input has no more. */
  async finish(complete: boolean): Promise<void> {
    await this.append(complete)
    await this.settled()
  }

  private place(stage: RecordStage): void {
    const { batch, placed, partitions, gathering } = this
    const { count } = stage
    this.codec.decode(this.blockOf(stage), 0, count, batch)
    placed.fill(UNPLACED, 0, count)
    const { key } = this.options.source
    if (key.length > 0) partitionRows(batch, key, partitions, placed)
    for (let i = 0, start = 0; i < count; i++) {
      const end = stage.ends[i] as number
      const keyed = placed[i] as number
      const at = keyed === UNPLACED ? partitionOf(stage.values, start, end, partitions) : keyed
      gathering.add(at, stage, i)
      start = end
    }
    this.line = stage.lines[count - 1] as number
    this.tally.records += count
    this.tally.accepted += batch.selected
    this.total.records += count
    this.total.accepted += batch.selected
    for (const { reason } of this.codec.rejects) this.reject(reason)
  }

  private placeLarge(large: LargeSummary): void {
    const at = partitionOf(large.kept, 0, large.kept.length, this.partitions)
    this.gathering.addLarge(at, large, this.input.headers)
    this.line = large.line
    this.tally.records++
    this.total.records++
    this.reject('record.size')
  }

  private reject(reason: string): void {
    this.tally.reject(reason)
    this.total.reject(reason)
  }

  private blockOf(stage: RecordStage): LogBlock {
    return {
      topic: this.options.source.name,
      partition: 0,
      baseOffset: 0,
      count: stage.count,
      appendedAt: this.options.clock.nowUs(),
      kind: 'data',
      markAt: 0,
      values: stage.values,
      ends: stage.ends,
      headers: this.input.headers,
      lines: stage.lines,
    }
  }

  /** Begins to append what is gathered, once the append before is done. */
  private async append(complete: boolean): Promise<void> {
    await this.settled()
    const { log, source } = this.options
    const { key, headers } = this.input
    const blocks = this.gathering.blocks(headers)
    const progress = { line: this.line, complete, ...this.total.counts() }
    const commits = key === undefined ? [] : [encodeProgress(key, progress)]
    const gathered = this.gathering
    if (blocks.length === 0 && commits.length === 0) return
    this.gathering = this.spare
    this.spare = gathered
    this.underWay = log.append(source.name, blocks, commits).then(
      () => gathered.clear(),
      (cause: unknown) => {
        this.failure = { cause }
      },
    )
  }

  private async settled(): Promise<void> {
    await this.underWay
    if (this.failure !== undefined) throw this.failure.cause
  }
}
