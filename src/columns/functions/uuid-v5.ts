/**
 * Uuids of version 5 by the million: SHA-1 (RFC 3174) over a buffer that is used again.
 *
 * The hash object of `node:crypto` costs 2.5 µs an id, this a fifth of it for names of one block.
 * `uuidV5` of module base is the definition; the test holds both equal.
 */

import { uuidV5 } from '#base'
import { uuidText, uuidWords } from '../register.ts'

/** Names longer than this go to the definition. */
const NAME_UNITS_MAX = 1_000

const message = Buffer.alloc(16 + NAME_UNITS_MAX * 3 + 72)
const words = new DataView(message.buffer, message.byteOffset, message.length)
const schedule = new Int32Array(80)
const state = new Int32Array(5)
const START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)

/** The ids of one namespace: a function from name to the 36 characters of its uuid. */
export function uuidMinter(namespace: string): (name: string) => string {
  const space = new Int32Array(4)
  uuidWords(namespace, space, 0)
  return name => {
    if (name.length > NAME_UNITS_MAX) return uuidV5(namespace, name)
    for (let word = 0; word < 4; word++) words.setInt32(word * 4, space[word] ?? 0)
    const used = 16 + message.write(name, 16, 'utf8')
    const blocks = (used + 9 + 63) >>> 6
    message.fill(0, used, blocks * 64)
    message[used] = 0x80
    words.setUint32(blocks * 64 - 4, used * 8)
    hashBlocks(blocks)
    state[1] = ((state[1] ?? 0) & 0xffff0fff) | 0x5000
    state[2] = ((state[2] ?? 0) & 0x3fffffff) | 0x80000000
    return uuidText(state, 0)
  }
}

/** SHA-1 of the first blocks of `message` into `state`. */
function hashBlocks(blocks: number): void {
  state.set(START)
  for (let block = 0; block < blocks; block++) {
    expand(block * 64)
    hashBlock()
  }
}

function hashBlock(): void {
  let a = state[0] ?? 0
  let b = state[1] ?? 0
  let c = state[2] ?? 0
  let d = state[3] ?? 0
  let e = state[4] ?? 0
  for (let round = 0; round < 80; round++) {
    let mix = 0
    if (round < 20) mix = ((b & c) | (~b & d)) + 0x5a827999
    else if (round < 40) mix = (b ^ c ^ d) + 0x6ed9eba1
    else if (round < 60) mix = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
    else mix = (b ^ c ^ d) + 0xca62c1d6
    const next = (((a << 5) | (a >>> 27)) + mix + e + (schedule[round] ?? 0)) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  state[0] = (state[0] ?? 0) + a
  state[1] = (state[1] ?? 0) + b
  state[2] = (state[2] ?? 0) + c
  state[3] = (state[3] ?? 0) + d
  state[4] = (state[4] ?? 0) + e
}

/** The 80 words of the block at `from`. */
function expand(from: number): void {
  for (let i = 0; i < 16; i++) schedule[i] = words.getInt32(from + i * 4)
  for (let i = 16; i < 80; i++) {
    const word =
      (schedule[i - 3] ?? 0) ^
      (schedule[i - 8] ?? 0) ^
      (schedule[i - 14] ?? 0) ^
      (schedule[i - 16] ?? 0)
    schedule[i] = (word << 1) | (word >>> 31)
  }
}
