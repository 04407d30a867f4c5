/** Durations: numbers of milliseconds with a name, as every option of the builder takes them. */

import { PlatformError } from '#base'

export function seconds(count: number): number {
  return count * 1_000
}

export function minutes(count: number): number {
  return count * 60_000
}

export function hours(count: number): number {
  return count * 3_600_000
}

export function days(count: number): number {
  return count * 86_400_000
}

/** Whole µs of a duration in ms. @throws PlatformError `plan.invalid` */
export function micros(durationMs: number, what: string): number {
  const us = Math.round(durationMs * 1_000)
  if (Number.isSafeInteger(us)) return us
  throw new PlatformError('plan.invalid', `${what} is no duration`)
}
