/**
 * Small values with a checksum: the CRC32C of where the value belongs and what it is, then its
 * bytes. A value that is found where another belongs fails as a damaged one does.
 */

import { crc32c, placeSeed } from '#format'

const CHECKSUM_BYTES = 4

export function sealValue(place: string, bytes: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafeSlow(CHECKSUM_BYTES + bytes.length)
  sealed.set(bytes, CHECKSUM_BYTES)
  sealed.writeUInt32LE(crc32c(sealed.subarray(CHECKSUM_BYTES), placeSeed(place)), 0)
  return sealed
}

export function sealText(place: string, text: string): Buffer {
  return sealValue(place, Buffer.from(text))
}

/** A copy of the bytes that were sealed for `place`, or undefined where they are damaged. */
export function openValue(place: string, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < CHECKSUM_BYTES) return undefined
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.length)
  const bytes = sealed.subarray(CHECKSUM_BYTES)
  return crc32c(bytes, placeSeed(place)) === view.getUint32(0, true)
    ? Buffer.from(bytes)
    : undefined
}
