/** A program that opens a store and holds it until it is killed; prints the store's process id. */

import { silentLogger, systemClock } from '#base'
import { openStore } from '#clickhouse'

const dataDir = process.argv[2] ?? ''
const store = await openStore({ dataDir, clock: systemClock, log: silentLogger })
process.stdout.write(`${store.pid}\n`)
setInterval(() => undefined, 60_000)
