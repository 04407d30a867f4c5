/** Bodies that the gate itself reads: statements of `console`, and errors of the store. */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import type { Refused } from './gate-request.ts'
import { STATEMENT_BYTES_MAX } from './statement-check.ts'

/** What is sent on: bytes that were checked, or the request's own as they come. */
export type Body = { readonly bytes: Uint8Array } | { readonly stream: Readable }

const BODY_MS_MAX = 10_000
const ERROR_BYTES_MAX = 65_536

const DECODERS: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
}

/** The text of a request without credentials, decompressed. */
export async function readBody(
  incoming: IncomingMessage,
): Promise<{ readonly text: string } | { readonly refused: Refused }> {
  if (/^multipart\//i.test(incoming.headers['content-type'] ?? '')) {
    return refusedBody(403, 497, 'ACCESS_DENIED', 'External data needs credentials')
  }
  const encoding = incoming.headers['content-encoding']
  const decode = encoding === undefined || encoding === 'identity' ? undefined : DECODERS[encoding]
  if (encoding !== undefined && encoding !== 'identity' && decode === undefined) {
    // Clients send rows this way, which needs credentials, and no statement.
    const message = `A body in Content-Encoding ${encoding} needs credentials`
    return refusedBody(403, 497, 'ACCESS_DENIED', message)
  }
  const timer = setTimeout(() => incoming.destroy(), BODY_MS_MAX)
  try {
    const bytes = await collect(incoming, STATEMENT_BYTES_MAX + 1)
    if (bytes === undefined) return tooLong()
    if (decode === undefined) return { text: bytes.toString() }
    const plain = await decode(bytes, { maxOutputLength: STATEMENT_BYTES_MAX + 1 }).catch(() => {
      return undefined
    })
    return plain === undefined ? tooLong() : { text: plain.toString() }
  } finally {
    clearTimeout(timer)
  }
}

function tooLong(): { readonly refused: Refused } {
  const message = `The body is longer than ${STATEMENT_BYTES_MAX} bytes, or its encoding is damaged`
  return refusedBody(413, 62, 'SYNTAX_ERROR', message)
}

function refusedBody(
  status: number,
  code: number,
  name: string,
  message: string,
): { readonly refused: Refused } {
  return { refused: { status, code, name, message } }
}

/** All bytes; undefined where there are more than `max`. */
async function collect(stream: Readable, max: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stream) {
    length += (part as Buffer).length
    if (length > max) return undefined
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts)
}

/** The store's own error for somebody who may not know where it lies: paths are left out. */
export async function readError(answer: IncomingMessage): Promise<string> {
  const bytes = (await collect(answer, ERROR_BYTES_MAX)) ?? Buffer.from('The error is too long')
  const decode = DECODERS[answer.headers['content-encoding'] ?? '']
  const plain =
    decode === undefined ? bytes : await decode(bytes, { maxOutputLength: ERROR_BYTES_MAX })
  return withoutPaths(plain.toString())
}

/** Absolute paths of more than one step become `<path>`; what a user typed in quotes may go too. */
export function withoutPaths(text: string): string {
  return text.replace(/(^|[\s'"`(:=])(?:\/[\w.@+-]+){2,}\/?/g, '$1<path>')
}
