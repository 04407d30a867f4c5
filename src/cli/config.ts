/** What the environment says; the only file that reads it. */

/** A place where a fault test ends a process, and the how-manieth passage of it. */
export interface CrashPlan {
  readonly process: 'main' | 'worker' | 'store'
  readonly point: string
  readonly passage: number
}

/** Whether internal failures print where they come from. */
export const DEBUG = process.env['MILLRACE_DEBUG'] === '1'

/**
 * `MILLRACE_CRASH=worker:C5.committed:3`: the fault tests' way of killing a process at a named step
 * (test/faults). Nobody else sets it.
 */
export function crashPlan(): CrashPlan | undefined {
  const found = /^(main|worker|store):([A-Z0-9a-z.]+):(\d+)$/.exec(
    process.env['MILLRACE_CRASH'] ?? '',
  )
  if (found === null) return undefined
  const [, target, point = '', passage] = found
  return { process: target as CrashPlan['process'], point, passage: Number(passage) }
}

/** Kills `pid` when `point` is passed for the planned time; a no-op where no crash is planned. */
export function crashAt(
  plan: CrashPlan | undefined,
  targets: Readonly<Partial<Record<CrashPlan['process'], () => number | undefined>>>,
): (point: string) => void {
  const target = plan === undefined ? undefined : targets[plan.process]
  if (plan === undefined || target === undefined) return () => undefined
  let passages = 0
  return point => {
    if (point !== plan.point || ++passages !== plan.passage) return
    const pid = target()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  }
}
