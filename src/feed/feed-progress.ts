/** What the log remembers of an input, committed with its records. */

import type { FeedProgress, Log } from '#ports'
import type { Counts } from './tally.ts'

export interface InputProgress extends Counts {
  /** Line of the last record in the log; records that begin at or before it are there. */
  readonly line: number
  readonly complete: boolean
}

/** Where the progress of a file in a topic is kept. */
export function progressKey(topic: string, base: string, sha256: string): string {
  return `${topic}/${base}/${sha256}`
}

export function readProgress(log: Log, key: string): InputProgress | undefined {
  const value = log.progress(key)
  return value === undefined ? undefined : (JSON.parse(value) as InputProgress)
}

export function encodeProgress(key: string, progress: InputProgress): FeedProgress {
  return { key, value: JSON.stringify(progress) }
}

/** Progress of files of one name with other content, for the note that says so. */
export function otherContents(
  log: Log,
  topic: string,
  base: string,
  sha256: string,
): readonly { readonly sha256: string; readonly progress: InputProgress }[] {
  const prefix = progressKey(topic, base, '')
  return log.progressKeys(prefix).flatMap(key => {
    const other = key.slice(prefix.length)
    const progress = readProgress(log, key)
    return other === sha256 || progress === undefined ? [] : [{ sha256: other, progress }]
  })
}
