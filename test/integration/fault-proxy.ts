/** A proxy in front of the store that can execute a request and lose the answer, or hold it back. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Fault =
  /** Passed on as it is. */
  | 'none'
  /** Executed; the answer is thrown away and the connection cut. */
  | 'drop-answer'
  /** Executed; the answer comes only after the client has given up. */
  | 'hold-answer'
  /** Refused before the store sees it. */
  | 'refuse'

export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Inserts that reached the store. */
  readonly executed: () => number
}

/** Asks `fault` for each insert; everything else passes. */
export async function faultProxy(
  storePort: number,
  fault: (insert: number) => Fault,
): Promise<FaultProxy> {
  let seen = 0
  let executed = 0
  const server = createServer((incoming, outgoing) => {
    const insert = (incoming.url ?? '').includes('INSERT')
    const what = insert ? fault(seen++) : 'none'
    if (what === 'refuse') {
      incoming.socket.destroy()
      return
    }
    const onward = request(
      {
        host: '127.0.0.1',
        port: storePort,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
        agent: false,
      },
      (answer: IncomingMessage) => {
        if (insert) executed++
        if (what === 'none') {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
          return
        }
        answer.resume()
        answer.on('end', () => {
          if (what === 'drop-answer') incoming.socket.destroy()
        })
      },
    )
    onward.on('error', () => incoming.socket.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    executed: () => executed,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
