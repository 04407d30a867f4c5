/**
 * The text of an input: what it is compressed with, by its first bytes and never by its name, and
 * the decompressed bytes as chunks, in bounded memory.
 */

import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { PlatformError } from '#base'

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz'

const CHUNK_BYTES = 1024 * 1024

/** Bytes that `detectCompression` looks at. */
export const MAGIC_BYTES = 6

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
]

export function detectCompression(head: Uint8Array): Compression {
  const found = MAGICS.find(([, magic]) => magic.every((byte, i) => head[i] === byte))
  return found?.[0] ?? 'none'
}

/**
 * The decompressed bytes of `chunks`. A chunk is valid until the next is asked for.
 *
 * @throws PlatformError `input.compressed` where the compressed bytes are damaged or end too early
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  compression: Compression,
  name: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* chunks
    return
  }
  const source = chunks[Symbol.asyncIterator]()
  const failure: { cause?: unknown } = {}
  const input = remember(source, failure)
  try {
    yield* compression === 'xz' ? unxz(input) : unzip(input, compression)
  } catch (cause) {
    if (failure.cause !== undefined) throw failure.cause
    if (!(cause instanceof Error)) throw cause
    throw new PlatformError('input.compressed', `"${name}" is no whole ${compression} file`, {
      hint: `It is damaged or was cut short (${cause.message}): fetch it again.`,
      cause,
    })
  } finally {
    await source.return?.()
  }
}

/** Passes chunks on, and keeps an error of their source apart from those of the decompressor. */
async function* remember(
  source: AsyncIterator<Uint8Array>,
  failure: { cause?: unknown },
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const next = await source.next()
      if (next.done === true) return
      yield next.value
    }
  } catch (cause) {
    failure.cause = cause
    throw cause
  }
}

async function* unzip(
  chunks: AsyncIterable<Uint8Array>,
  compression: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: CHUNK_BYTES }
  const stream = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  const input = Readable.from(copies(chunks), { objectMode: true, highWaterMark: 1 })
  input.on('error', error => stream.destroy(error))
  try {
    yield* input.pipe(stream)
  } finally {
    input.destroy()
    stream.destroy()
  }
}

/** Chunks of their own memory, for consumers that keep them while the next is read. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** Loaded where needed: a WebAssembly decompressor, one copy an input. */
async function* unxz(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: xz } = await import('xz-decompress')
  const stream = new xz.XzReadableStream(ReadableStream.from(copies(chunks)))
  yield* stream
}
