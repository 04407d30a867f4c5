/** What commands print: results on standard output, all else on standard error. */

import { InvariantError, PlatformError } from '#base'

/** Where a command runs and what it writes to; a running platform gives one of its own. */
export interface Context {
  /** The directory that relative paths start from. */
  readonly directory: string
  readonly json: boolean
  /** Whether standard error is a terminal that a progress line may be redrawn on. */
  readonly interactive: boolean
  readonly signal: AbortSignal
  /** A part of the result: text, or bytes of a binary format. */
  out(part: string | Uint8Array): void
  /** What is said beside the result. */
  say(text: string): void
  /** Resolves when the reader of the result has taken what was given; between parts of a long one. */
  ready(): Promise<void>
  /** Standard input, for `ingest TOPIC -`. */
  readonly input: AsyncIterable<Uint8Array>
}

/** Prints `result` as one JSON document, or as `text` says. */
export function printResult(context: Context, result: unknown, text: () => string): void {
  context.out(context.json ? `${toJson(result)}\n` : text())
}

/** JSON in which 64-bit integers are text, as the envelope of records has them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
}

/** Rows as an aligned table; numbers to the right. */
export function textTable(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = rows.map(row => row.map(cell => (typeof cell === 'number' ? grouped(cell) : cell)))
  const widths = columns.map((name, j) =>
    Math.max(name.length, ...cells.map(row => row[j]?.length ?? 0)),
  )
  const line = (row: readonly string[], numbers: readonly boolean[]): string =>
    row
      .map((cell, j) => (numbers[j] ? cell.padStart(widths[j] ?? 0) : cell.padEnd(widths[j] ?? 0)))
      .join('  ')
      .trimEnd()
  const right = columns.map((_, j) => rows.length > 0 && rows.every(r => typeof r[j] === 'number'))
  return `${[line(columns, right), ...cells.map(row => line(row, right))].join('\n')}\n`
}

/** An integer with its thousands apart. */
export function grouped(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(value)
}

/** Bytes as people read them. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Said of failures whose message says all. */
const HINT = 'Correct what the message names, and run the command again.'

/** A failure that comes with a result: what was done before, or what was found. */
export class FailureWithResult extends Error {
  readonly result: object
  readonly failure: PlatformError

  constructor(result: object, failure: PlatformError) {
    super(failure.message, { cause: failure })
    this.result = result
    this.failure = failure
  }
}

/** Prints `result` as text, or leaves it to the one document that names the failure too; throws. */
export function failWith(
  context: Context,
  result: object,
  text: () => string,
  failure: PlatformError,
): never {
  if (!context.json) context.out(text())
  throw new FailureWithResult(result, failure)
}

/** What is thrown when the signal of a context ended the work. */
export function interrupted(what: string): PlatformError {
  return new PlatformError('interrupted', `${what} was interrupted`, {
    hint: 'Nothing is lost: run the same command again, and it goes on where it stopped.',
  })
}

/** A failure as text or JSON, and the exit code it gives. No stack: the code and the hint say enough. */
export function describeFailure(error: unknown, json: boolean): { text: string; exit: number } {
  if (error instanceof FailureWithResult) {
    const { result, failure } = error
    const { text, exit } = describeFailure(failure, false)
    return { text: json ? `${toJson({ ...result, ...errorOf(failure) })}\n` : text, exit }
  }
  if (error instanceof PlatformError) {
    const { code, message, hint } = error
    const text = json
      ? `${toJson(errorOf(error))}\n`
      : `millrace: ${message} (${code})\n  ${hint ?? HINT}\n`
    return { text, exit: code === 'usage' ? 2 : 1 }
  }
  const kind = error instanceof InvariantError ? 'broken invariant' : 'unexpected failure'
  const message = error instanceof Error ? error.message : String(error)
  const text = json
    ? `${toJson({ error: { code: 'internal', message, hint: 'This is a bug.', retryable: false } })}\n`
    : `millrace: ${kind}: ${message}\n  This is a bug. Set MILLRACE_DEBUG=1 to see where, and report it.\n`
  return { text, exit: 1 }
}

function errorOf({ code, message, hint, retryable }: PlatformError): object {
  return { error: { code, message, hint: hint ?? HINT, retryable } }
}
