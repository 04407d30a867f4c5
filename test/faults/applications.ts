/** Applications as users write them, right and wrong: texts of files in a test's own directory. */

/** A file around `pipelines`, which reads `clicks` (JSON lines). */
export function clicksApp(pipelines: string, more = ''): string {
  return `import { count, csv, defineApp, jsonLines, logLines, minutes, seconds, source, t, table } from 'millrace'

const clicks = source('clicks', {
  format: jsonLines({
    columns: { user_id: t.string(), page: t.string(), at: t.timestamp()${more} },
    unknown: 'reject',
  }),
  at: 'at',
  key: 'user_id',
})

export const app = defineApp({
  name: 'clicks',
  pipelines: [${pipelines}],
})
`
}

export const CLICKS = clicksApp("clicks.into(table('seen', { key: ['user_id', 'at'] }))")

/** Reads `sales`: CSV with a header. */
export const SALES = `import { csv, defineApp, source, t, table } from 'millrace'

const sales = source('sales', {
  format: csv({ columns: { id: t.int64(), price: t.decimal(10, 2), at: t.timestamp() } }),
  at: 'at',
})

export const app = defineApp({
  name: 'sales',
  pipelines: [sales.into(table('sold', { key: ['id'] }))],
})
`

/** A click as a JSON line; `second` of the first minute of 2026. */
export function click(second: number, user = 'u1'): string {
  const at = `2026-01-01T00:00:${String(second % 60).padStart(2, '0')}Z`
  return `${JSON.stringify({ user_id: user, page: '/', at })}\n`
}
