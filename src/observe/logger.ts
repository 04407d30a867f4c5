/** Structured logs: one JSON object a line, on standard error, through pino. */

import { pino } from 'pino'
import type { Logger } from '#base'

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Where lines go; standard error unless given. */
  readonly write?: (line: string) => void
  /** Fields of every line: the process, its worker number. */
  readonly fields?: Readonly<Record<string, unknown>>
}

/** A logger; secrets under the names listed here never reach a line. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.write
    ? { write: options.write }
    : pino.destination({ dest: 2, sync: true })
  const lines = pino(
    {
      level: options.level,
      base: options.fields ?? {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      messageKey: 'message',
      redact: { paths: ['password', '*.password', 'token', '*.token', 'authorization'] },
    },
    destination,
  )
  return {
    debug: (message, fields) => lines.debug(fields ?? {}, message),
    info: (message, fields) => lines.info(fields ?? {}, message),
    warn: (message, fields) => lines.warn(fields ?? {}, message),
    error: (message, fields) => lines.error(fields ?? {}, message),
  }
}
