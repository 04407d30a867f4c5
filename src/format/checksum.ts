/** CRC32C (Castagnoli): the checksum of every durable byte, and of nothing else. */

import { crc32c as castagnoli } from '@node-rs/crc32'

/**
 * The CRC32C of `bytes` as an unsigned 32-bit number; `seed` continues the checksum of what came
 * before, so that `crc32c(b, crc32c(a))` is that of a and b joined. About 20 GB/s.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  return castagnoli(bytes, seed)
}
