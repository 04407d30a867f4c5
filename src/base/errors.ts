/**
 * The two ways a program of ours stops: an error somebody can act on, and a bug.
 *
 * A `PlatformError` is expected: a file is not there, a query names no such column. It carries a
 * code of the table below, and the table says whether trying again can help. An `InvariantError`
 * is a bug of ours: nobody catches it, and the process ends.
 */

/** What is known of a code before any error is made of it. */
interface ErrorSpec {
  /** Whether the same call may succeed later with nothing changed. */
  readonly retryable: boolean
}

/** Every code there is. `docs/errors.md` has one row for each, which `test/tidy.test.ts` checks. */
export const ERRORS = {
  usage: { retryable: false },
  'limit.exceeded': { retryable: false },
  'app.not_found': { retryable: false },
  'app.invalid': { retryable: false },
  'plan.unknown_column': { retryable: false },
  'plan.type': { retryable: false },
  'plan.invalid': { retryable: false },
  'plan.unsupported': { retryable: false },
  'plan.changed': { retryable: false },
  'input.not_found': { retryable: false },
  'input.permission': { retryable: false },
  'input.compressed': { retryable: false },
  'input.format': { retryable: false },
  'input.unknown_column': { retryable: false },
  'topic.unknown': { retryable: false },
  'topic.changed': { retryable: false },
  'log.ended': { retryable: false },
  'data.not_found': { retryable: false },
  'data.locked': { retryable: true },
  'data.newer': { retryable: false },
  'data.older': { retryable: false },
  'data.permission': { retryable: false },
  'log.corrupt': { retryable: false },
  'state.corrupt': { retryable: false },
  'spool.corrupt': { retryable: false },
  'disk.full': { retryable: true },
  'port.in_use': { retryable: true },
  'store.platform': { retryable: false },
  'store.start': { retryable: false },
  'store.unavailable': { retryable: true },
  'store.refused': { retryable: false },
  'store.migration': { retryable: false },
  'store.coverage': { retryable: false },
  'query.failed': { retryable: false },
  'worker.failed': { retryable: true },
  'process.failed': { retryable: false },
  interrupted: { retryable: true },
} as const satisfies Record<string, ErrorSpec>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorDetail {
  /** What to do about it: a sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

/** An expected failure. `message` is a fragment: lower case, no full stop, no name of a function. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.hint = detail.hint
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }
}

/** A bug of ours. Never caught. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Says what must hold here, and ends the process where it does not. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new InvariantError(what)
}
