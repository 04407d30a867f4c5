/**
 * Randomness, passed in: a seeded generator, equal on every machine.
 *
 * sfc32 of PractRand (public domain): three mixing words and a counter, 2^32 periods at least.
 */

export interface Random {
  /** A number in [0, 1), 32 random bits. */
  next(): number
  /** An integer in [0, bound). */
  int(bound: number): number
}

/** The generator of `seed`; equal seeds give equal sequences. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 | 0
  let b = seed | 0
  let c = Math.floor(seed / 2 ** 32) | 0
  let counter = 1
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let i = 0; i < 20; i++) bits()
  const next = (): number => bits() / 4294967296
  return { next, int: bound => Math.floor(next() * bound) }
}
