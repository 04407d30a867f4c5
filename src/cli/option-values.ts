/** Values of options: text of the command line to what commands take, or a clear refusal. */

import { availableParallelism } from 'node:os'
import { InvalidArgumentError } from 'commander'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** `1GB`, `512MiB`, `1000000000`. */
export function bytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text)
  const unit = UNITS[(found?.[2] ?? '?').toLowerCase()]
  if (found === null || unit === undefined) {
    throw new InvalidArgumentError('Give a size such as 1GB or 512MiB.')
  }
  return Math.round(Number(found[1]) * unit)
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

export const port = wholeNumber(0, 65_535)

/** `TOPIC=FILE`, repeatable. */
export function input(
  text: string,
  before: readonly { topic: string; file: string }[],
): { topic: string; file: string }[] {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) {
    throw new InvalidArgumentError('Give TOPIC=FILE, as in --input clicks=clicks.csv.')
  }
  return [...before, { topic: text.slice(0, at), file: text.slice(at + 1) }]
}

/** A number of rows, or `random`. */
export function batchRows(text: string): number | 'random' {
  return text === 'random' ? 'random' : wholeNumber(1, 1024)(text)
}

/** Workers beside main and the store. */
export const PARALLELISM_DEFAULT = Math.max(1, Math.min(4, availableParallelism() - 1))
