/** Whether a slice of bytes is one JSON text. */

/** Makes a string: for columns of type json in text formats, not for JSON records themselves. */
export function isJsonText(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'))
    return true
  } catch {
    return false
  }
}
