/** What is kept of each statement that came without credentials. */

import { createHash } from 'node:crypto'
import type { Clock } from '#base'

export interface AuditEntry {
  readonly account: string
  /** Integer µs since 1970 UTC, when it came. */
  readonly atUs: number
  readonly text: string
  /** SHA-256 of the text, in hexadecimal. */
  readonly sha256: string
  readonly durationMs: number
  readonly verdict: 'run' | 'refused'
  /** The engine's error number; 0 without one, undefined where the client went away. */
  readonly code: number | undefined
}

const TEXT_MAX = 4_096

/** Begins an entry now; the function it returns ends it. */
export function auditOf(
  options: { readonly clock: Clock; readonly audit?: (entry: AuditEntry) => void },
  account: string,
): (text: string, verdict: AuditEntry['verdict'], code: number | undefined) => void {
  const atUs = options.clock.nowUs()
  const began = options.clock.monotonicMs()
  return (text, verdict, code) =>
    options.audit?.({
      account,
      atUs,
      text: text.slice(0, TEXT_MAX),
      sha256: createHash('sha256').update(text).digest('hex'),
      durationMs: options.clock.monotonicMs() - began,
      verdict,
      code,
    })
}
