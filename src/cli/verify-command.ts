/** `millrace verify`: every checksum of log, state and spool, and what the tables hold of each epoch. */

import { type Clock, PlatformError } from '#base'
import { type Finding, type VerifyReport, verifyData } from '#local'
import { type Context, failWith, grouped, printResult } from './terminal.ts'

export async function verifyCommand(
  directory: string,
  clock: Clock,
  context: Context,
): Promise<void> {
  const report = await verifyData(directory, clock)
  const [first, ...others] = report.findings
  if (first === undefined) return printResult(context, report, () => verifyText(report))
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  failWith(
    context,
    report,
    () => verifyText(report),
    new PlatformError(first.code, `${first.message}${more}`, {
      hint: 'Nothing was changed. Restore the directory from a copy, or ingest its input into a new one.',
    }),
  )
}

function verifyText(report: VerifyReport): string {
  const { blocks, records, tasks, manifests, units, findings } = report
  const read = `${grouped(records)} records in ${grouped(blocks)} blocks, ${tasks} tasks, ${units} units of ${manifests} epochs`
  const lines = findings.map(({ code, message }: Finding) => `${code}: ${message}\n`)
  return `read ${read}\n${lines.join('')}${findings.length === 0 ? 'nothing is damaged\n' : ''}`
}
