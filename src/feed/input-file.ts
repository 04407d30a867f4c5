/**
 * A file to ingest: what is known of it before any of it is added, and its bytes.
 *
 * Two passes. The first hashes the raw bytes (SHA-256) and, where they are compressed, decompresses
 * them to nothing, so that a file that was cut short adds no record at all. The second gives the text.
 * Both read the length found at the first, so that a file that grows meanwhile is what it was.
 */

import { createHash } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { PlatformError } from '#base'
import { type Compression, decompress, detectCompression, MAGIC_BYTES } from './input-text.ts'

const CHUNK_BYTES = 1024 * 1024

/** A file that is there and can be read. */
export interface InputFile {
  readonly path: string
  /** Its name without folders: `file` in ids and in the log. */
  readonly base: string
  readonly bytes: number
}

/**
 * Looks a file up.
 *
 * @throws PlatformError `input.not_found`, `input.permission`, `input.format` for what is no file
 */
export async function findInput(path: string): Promise<InputFile> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) {
      throw new PlatformError('input.format', `"${path}" is a directory`, {
        hint: `Name its files, as in ${path.replace(/\/*$/, '')}/*.`,
      })
    }
    const handle = await open(path, 'r')
    await handle.close()
    return { path, base: basename(path), bytes: found.size }
  } catch (cause) {
    throw inputError(path, cause)
  }
}

/** What a system error about a file means; other errors as they are. */
function inputError(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause) || cause instanceof PlatformError)
    return cause
  switch (cause.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new PlatformError('input.not_found', `there is no file "${path}"`, {
        hint: 'Check the name; a relative one is looked up from the current directory.',
        cause,
      })
    case 'EACCES':
    case 'EPERM':
      return new PlatformError('input.permission', `"${path}" may not be read`, {
        hint: `Give this user the right to read it, as in chmod u+r ${path}.`,
        cause,
      })
    default:
      return new PlatformError('input.format', `"${path}" cannot be read`, {
        hint: `The system says: ${cause.message}.`,
        cause,
      })
  }
}

/** The raw bytes of a file, at most `bytes`; a chunk is valid until the next. */
async function* fileChunks(
  file: InputFile,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file.path, 'r')
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, file.bytes))
    let left = file.bytes
    while (left > 0) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(left, buffer.length))
      if (bytesRead === 0) return
      left -= bytesRead
      seen(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } catch (cause) {
    throw inputError(file.path, cause)
  } finally {
    await handle?.close()
  }
}

export interface FileIdentity {
  readonly sha256: string
  readonly compression: Compression
}

/**
 * The first pass; undefined where `signal` stopped it.
 *
 * @throws PlatformError `input.compressed`
 */
export async function identify(
  file: InputFile,
  options: { readonly signal?: AbortSignal | undefined; seen(bytes: number): void },
): Promise<FileIdentity | undefined> {
  const hash = createHash('sha256')
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of fileChunks(file, options.seen)) {
      hash.update(chunk)
      yield chunk
    }
  }
  const compression = detectCompression(await readHead(file))
  for await (const _ of decompress(hashed(), compression, file.path)) {
    if (options.signal?.aborted === true) return undefined
  }
  return { sha256: hash.digest('hex'), compression }
}

async function readHead(file: InputFile): Promise<Uint8Array> {
  const handle = await open(file.path, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** The second pass: the decompressed text. A chunk is valid until the next. */
export function fileText(
  file: InputFile,
  compression: Compression,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  return decompress(fileChunks(file, seen), compression, file.path)
}

/** The decompressed text of standard input or another stream, read once. */
export async function* streamText(
  stream: AsyncIterable<Uint8Array>,
  name: string,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const iterator = stream[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  let ended = false
  while (!ended && head.length < MAGIC_BYTES) {
    const next = await iterator.next()
    if (next.done === true) ended = true
    else head = Buffer.concat([head, next.value])
  }
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    if (head.length > 0) {
      seen(head.length)
      yield head
    }
    while (!ended) {
      const next = await iterator.next()
      if (next.done === true) return
      seen(next.value.length)
      yield next.value
    }
  }
  yield* decompress(chunks(), detectCompression(head), name)
}
