/** One line on a terminal that says how far long work is: done, rate, time left. */

import type { Clock } from '#base'
import { byteSize, type Context, grouped } from './terminal.ts'

const REDRAW_MS = 100
const CLEAR = '\r\u001b[2K'

export interface ProgressLine {
  /** Says how far it is; `total` where it is known. Cheap: redraws ten times a second at most. */
  update(done: number, total: number | undefined, note?: string): void
  /** Removes the line. */
  end(): void
}

/** A line in units of `unit` (`bytes` are shown as sizes). Silent where no terminal watches. */
export function progressLine(
  context: Context,
  clock: Clock,
  label: string,
  unit: string,
): ProgressLine {
  if (!context.interactive || context.json) return { update: () => undefined, end: () => undefined }
  const begin = clock.monotonicMs()
  let drawn = -REDRAW_MS
  const show = (value: number): string =>
    unit === 'bytes' ? byteSize(value) : `${grouped(Math.round(value))} ${unit}`
  return {
    update(done, total, note = '') {
      const now = clock.monotonicMs()
      if (now - drawn < REDRAW_MS) return
      drawn = now
      const perMs = done / Math.max(1, now - begin)
      const percent =
        total === undefined || total === 0 ? '' : ` ${Math.floor((100 * done) / total)}%`
      const left =
        total === undefined || perMs === 0 ? '' : `, ${timeLeft((total - done) / perMs)} left`
      context.say(`${CLEAR}${label}${percent} ${show(done)}, ${show(perMs * 1000)}/s${left}${note}`)
    },
    end() {
      context.say(CLEAR)
    },
  }
}

function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
