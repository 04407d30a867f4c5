/** What holds for topics wherever the log is kept, and how it is said when it does not. */

import { PlatformError } from '#base'
import type { TopicSpec } from '#ports'

/** Which blocks of a topic may go. */
export interface Retention {
  /** Per partition, the offset that the applied epochs of every application have passed. */
  readonly passed: readonly number[]
  /** Age below which a block is kept while the topic is below `logBytesMax`; 24 h, 0 for benches. */
  readonly floorUs: number
}

/**
 * Whether a topic is as `spec` says already; false where only what it keeps has changed.
 *
 * @throws PlatformError `topic.changed`
 */
export function checkTopic(known: TopicSpec, spec: TopicSpec): boolean {
  if (known.partitions !== spec.partitions) {
    throw new PlatformError(
      'topic.changed',
      `topic "${spec.name}" has ${known.partitions} partitions, not ${spec.partitions}`,
      { hint: `Declare ${known.partitions} partitions, or use another topic name.` },
    )
  }
  if (known.source !== spec.source) {
    throw new PlatformError(
      'topic.changed',
      `the declaration of source "${spec.name}" has changed since its topic was created`,
      { hint: 'Give the changed source another name, or use a new data directory.' },
    )
  }
  return known.logBytesMax === spec.logBytesMax
}

export function unknownTopic(name: string, known: readonly string[]): PlatformError {
  const hint =
    known.length === 0
      ? 'The data directory has no topics yet.'
      : `The topics are ${known.slice(0, 20).join(', ')}.`
  return new PlatformError('topic.unknown', `no topic "${name}"`, { hint })
}

export function endedError(topic: string, partition: number): PlatformError {
  return new PlatformError(
    'log.ended',
    `partition ${partition} of topic "${topic}" was ended, and takes no more records`,
    { hint: 'Send them to a new topic.' },
  )
}

export function logCorrupt(
  topic: string,
  partition: number,
  offset: number,
  fault: string,
): PlatformError {
  return new PlatformError(
    'log.corrupt',
    `topic "${topic}", partition ${partition}, offset ${offset}: ${fault}`,
    {
      hint: 'Nothing was dropped. Run "millrace verify" for all findings, then restore the data directory from a copy.',
    },
  )
}

export function stateCorrupt(what: string, fault: string): PlatformError {
  return new PlatformError('state.corrupt', `${what}: ${fault}`, {
    hint: 'Nothing was dropped. Run "millrace verify" for all findings, then restore the data directory from a copy.',
  })
}
