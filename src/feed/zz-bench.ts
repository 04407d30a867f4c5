/** scratch */
import { createWriteStream, existsSync } from 'node:fs'
import { systemClock } from '#base'
import { ingest } from './ingest.ts'
import { seededRandom } from '#base'
import { writeFileSync } from 'node:fs'
const path = process.argv[2]!
const kind = process.argv[3] ?? 'json'
const N = 600000
if (!existsSync(path)) {
  const r = seededRandom(1)
  const parts: string[] = []
  if (kind === 'csv') parts.push('event_id,user_id,at,event_type,price,qty,page,city,agent')
  for (let i = 0; i < N; i++) {
    const hex = () => Array.from({ length: 8 }, () => r.int(65536).toString(16).padStart(4, '0'))
    const h = hex()
    const id = `${h[0]}${h[1]}-${h[2]}-${h[3]}-${h[4]}-${h[5]}${h[6]}${h[7]}`
    const at = new Date(1700000000000 + i).toISOString()
    if (kind === 'csv') parts.push(`${id},user-${r.int(100000)},${at},view,${r.int(1000)}.${10 + r.int(89)},${r.int(10)},/products/category/item-${r.int(10000)},"Berlin, DE",${'Mozilla/5.0 (X11; Linux x86_64) '.repeat(3)}`)
    else parts.push(`{"event_id":"${id}","user_id":"user-${r.int(100000)}","at":"${at}","event_type":"view","price":${r.int(1000)}.${10 + r.int(89)},"qty":${r.int(10)},"page":"/products/category/item-${r.int(10000)}","city":"Berlin, DE","agent":"${'Mozilla/5.0 (X11; Linux x86_64) '.repeat(3)}"}`)
  }
  writeFileSync(path, parts.join('\n') + '\n')
}
const raw = [
  { name: 'event_id', type: { kind: 'uuid' } },
  { name: 'user_id', type: { kind: 'string' } },
  { name: 'at', type: { kind: 'timestamp' } },
  { name: 'event_type', type: { kind: 'enum', values: ['view', 'cart', 'purchase'] } },
  { name: 'price', type: { kind: 'decimal', precision: 12, scale: 2 } },
  { name: 'qty', type: { kind: 'int32' } },
  { name: 'page', type: { kind: 'string' } },
  { name: 'city', type: { kind: 'string' } },
  { name: 'agent', type: { kind: 'string', nullable: true } },
] as const
const source = {
  name: 'events', format: kind === 'csv' ? { kind: 'csv', delimiter: ',', header: true, quote: '"', nulls: [], parse: {} } : { kind: 'json', unknown: 'skip', fields: raw.map(c => ({ path: [c.name], column: c.name, optional: false })) },
  raw, schema: raw, map: raw.map(c => ({ node: 'column', name: c.name, type: c.type })), at: 'at', key: ['user_id'], ties: [], disorderUs: 0, latenessUs: 0, skewMaxUs: 3e8, aheadMaxUs: null, partitions: 4, recordBytesMax: 1 << 20, schemaVersion: '1',
} as never
let blocks = 0, bytes = 0, recs = 0
const feeds = new Map<string, string>()
const log = { topic: () => ({ partitions: 4 }), append: async (_t: string, b: any[], p: any[]) => { for (const x of b) { blocks++; bytes += x.ends.at(-1); recs += x.count } ; return [] }, progress: (k: string) => feeds.get(k), progressKeys: () => [] } as never
for (let round = 0; round < 4; round++) {
  const c0 = process.cpuUsage()
  const res = await ingest({ log, source, clock: systemClock, inputs: [path] })
  const c = process.cpuUsage(c0)
  const cpu = (c.user + c.system) / 1e6
  console.log(kind, res.records, res.accepted, JSON.stringify(res.deadLetters), 'wall', res.recordsPerSecond, '/s cpu', Math.round(res.records / cpu), '/cpu-s', 'ns/rec', Math.round(cpu * 1e9 / res.records), 'bytes/rec', Math.round(bytes / recs), 'block avg', Math.round(recs / blocks), Math.round(bytes / blocks))
}
