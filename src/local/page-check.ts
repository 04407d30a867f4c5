/**
 * A walk over the pages of an LMDB file, before LMDB maps it.
 *
 * LMDB has no checksums and trusts its pages: a flipped bit in one can crash the process, or lose
 * entries in silence. The data have checksums of their own; this checks what leads to them. Every
 * page up to the last one must be reached exactly once, from one tree or from the list of free
 * pages, must carry its own number and the right kind, and must be no newer than the snapshot; keys
 * are in order; the counts of each tree agree; the two meta pages are of consecutive transactions
 * (so that a damaged newer one cannot make the older one count). Values on overflow pages are not
 * read, so the cost is that of the small tree above them: about a millisecond per thousand blocks.
 *
 * The layout is LMDB's data version 2 on a 64-bit little-endian machine; on others it does nothing.
 */

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'
import { PlatformError } from '#base'

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const HEADER_BYTES = 24
const META_BYTES = 168
const NO_PAGE = 0xffffffffffffffffn
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
const META = 0x08
const NODE_BYTES = 8
const BIG_VALUE = 0x01
const SUB_TREE = 0x02
const TREE_BYTES = 48
const DEPTH_MAX = 32

interface Tree {
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly overflowPages: number
  readonly entries: number
  readonly root: number | undefined
}

interface Snapshot {
  readonly free: Tree
  readonly main: Tree
  readonly lastPage: number
  readonly transaction: number
  readonly pageBytes: number
}

interface Counts {
  branchPages: number
  leafPages: number
  overflowPages: number
  entries: number
}

/**
 * Checks the file at `path`, if there is one; it has no other tables than `tables`.
 *
 * @throws PlatformError `log.corrupt` naming the page
 */
export function checkPages(path: string, tables: readonly string[]): void {
  if (!existsSync(path) || endianness() !== 'LE') return
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    if (size > 0) new PageWalk(file, size, tables).run()
  } finally {
    closeSync(file)
  }
}

class PageWalk {
  readonly #file: number
  readonly #size: number
  readonly #tables: readonly string[]
  #snapshot: Snapshot
  #seen: Uint8Array
  #counts: Counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
  #freeTree = false

  constructor(file: number, size: number, tables: readonly string[]) {
    this.#file = file
    this.#size = size
    this.#tables = tables
    this.#snapshot = this.#newestSnapshot()
    this.#seen = new Uint8Array(this.#snapshot.lastPage + 1)
  }

  run(): void {
    this.#seen[0] = 1
    this.#seen[1] = 1
    this.#freeTree = true
    this.#tree(this.#snapshot.free, 'the list of free pages')
    this.#freeTree = false
    this.#tree(this.#snapshot.main, 'the main tree')
    const lost = this.#seen.indexOf(0)
    if (lost >= 0) throw fault(lost, 'it belongs to nothing')
  }

  #newestSnapshot(): Snapshot {
    const head = this.#bytes(0, HEADER_BYTES + META_BYTES, 0)
    const pageBytes = head.readUInt32LE(48)
    if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
      throw fault(0, 'no page size')
    }
    const [even, odd] = [0, 1].map(page => this.#meta(page, pageBytes))
    if (even === undefined || odd === undefined) throw fault(0, 'no meta page')
    const fresh = even.transaction === 0 && odd.transaction === 0
    if (!fresh && Math.abs(even.transaction - odd.transaction) !== 1) {
      throw fault(0, `transactions ${even.transaction} and ${odd.transaction} are not consecutive`)
    }
    return even.transaction > odd.transaction ? even : odd
  }

  #meta(page: number, pageBytes: number): Snapshot {
    const bytes = this.#bytes(page * pageBytes, META_BYTES, page)
    const good =
      number(bytes, 0) === page &&
      bytes.readUInt16LE(18) === META &&
      bytes.readUInt32LE(24) === MAGIC &&
      (bytes.readUInt32LE(28) & 0xffff) === DATA_VERSION &&
      bytes.readUInt32LE(48) === pageBytes
    if (!good) throw fault(page, 'no meta page')
    const transaction = number(bytes, 152)
    if (transaction > 0 && transaction % 2 !== page)
      throw fault(page, 'the meta page of another transaction')
    const lastPage = number(bytes, 144)
    if (lastPage < 1 || lastPage > 2 ** 40) throw fault(page, 'no last page')
    return {
      free: tree(bytes, 48),
      main: plainTree(bytes, 96, page),
      lastPage,
      transaction,
      pageBytes,
    }
  }

  #tree(of: Tree, name: string): void {
    const outer = this.#counts
    this.#counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
    if (of.root !== undefined) this.#page(of.root, 1, of.depth)
    const found = this.#counts
    const same =
      found.branchPages === of.branchPages &&
      found.leafPages === of.leafPages &&
      found.overflowPages === of.overflowPages &&
      found.entries === of.entries
    if (!same) throw fault(of.root ?? 0, `the counts of ${name} do not agree with its pages`)
    this.#counts = outer
  }

  #page(page: number, depth: number, leafDepth: number): void {
    if (depth > leafDepth || leafDepth > DEPTH_MAX) throw fault(page, 'a tree that is too deep')
    const { pageBytes } = this.#snapshot
    this.#take(page, 1)
    const bytes = this.#bytes(page * pageBytes, pageBytes, page)
    this.#checkHeader(bytes, page)
    const leaf = depth === leafDepth
    if ((bytes.readUInt16LE(18) & 0xff) !== (leaf ? LEAF : BRANCH))
      throw fault(page, 'another kind')
    const lower = bytes.readUInt16LE(20)
    const upper = bytes.readUInt16LE(22)
    if (lower % 2 !== 0 || lower > upper || upper > pageBytes - HEADER_BYTES) {
      throw fault(page, 'bounds that cross')
    }
    const count = lower / 2
    if (count === 0 || (!leaf && count < 2)) throw fault(page, 'too few entries')
    if (leaf) {
      this.#counts.leafPages++
      this.#counts.entries += count
    } else this.#counts.branchPages++
    let before: Buffer | undefined
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + bytes.readUInt16LE(HEADER_BYTES + i * 2)
      if (at < HEADER_BYTES + upper || at + NODE_BYTES > pageBytes) {
        throw fault(page, `entry ${i} lies outside`)
      }
      const keyEnd = at + NODE_BYTES + bytes.readUInt16LE(at + 6)
      if (keyEnd > pageBytes) throw fault(page, `the key of entry ${i} lies outside`)
      // The first key of a branch page means nothing.
      const key = leaf || i > 0 ? bytes.subarray(at + NODE_BYTES, keyEnd) : undefined
      if (key !== undefined && before !== undefined && !this.#ascending(before, key)) {
        throw fault(page, `the key of entry ${i} is out of order`)
      }
      before = key
      if (leaf) this.#leafEntry(bytes, page, at, keyEnd)
      else this.#page(childOf(bytes, at), depth + 1, leafDepth)
    }
  }

  #ascending(before: Buffer, key: Buffer): boolean {
    if (!this.#freeTree) return Buffer.compare(before, key) < 0
    return (
      before.length === 8 && key.length === 8 && before.readBigUInt64LE() < key.readBigUInt64LE()
    )
  }

  #leafEntry(bytes: Buffer, page: number, at: number, keyEnd: number): void {
    const flags = bytes.readUInt16LE(at + 4)
    const length = bytes.readUInt16LE(at) + bytes.readUInt16LE(at + 2) * 65_536
    if (flags === BIG_VALUE) {
      this.#overflow(bytes, page, keyEnd, length)
      return
    }
    if (keyEnd + length > this.#snapshot.pageBytes) throw fault(page, 'a value lies outside')
    if (flags === SUB_TREE) {
      if (length !== TREE_BYTES) throw fault(page, 'no tree')
      // lmdb-js ends the names with a zero byte.
      const name = bytes.toString('latin1', at + NODE_BYTES, keyEnd - 1)
      if (!this.#tables.includes(name) || bytes[keyEnd - 1] !== 0)
        throw fault(page, 'an unknown table')
      this.#tree(plainTree(bytes, keyEnd, page), `table "${name}"`)
    } else if (flags !== 0) throw fault(page, 'an unknown kind of entry')
    else if (this.#freeTree) this.#freePages(bytes.subarray(keyEnd, keyEnd + length), page)
  }

  #overflow(bytes: Buffer, page: number, at: number, length: number): void {
    const { pageBytes } = this.#snapshot
    if (at + 24 > pageBytes) throw fault(page, 'a value lies outside')
    const first = number(bytes, at)
    const pages = number(bytes, at + 16)
    if (pages !== Math.floor((HEADER_BYTES - 1 + length) / pageBytes) + 1) {
      throw fault(page, 'a value of another length')
    }
    this.#take(first, pages)
    this.#counts.overflowPages += pages
    if ((first + pages) * pageBytes > this.#size) throw fault(first, 'the file ends within it')
    const header = this.#bytes(first * pageBytes, HEADER_BYTES, first)
    this.#checkHeader(header, first)
    if ((header.readUInt16LE(18) & 0xff) !== OVERFLOW || header.readUInt32LE(20) !== pages) {
      throw fault(first, 'another kind')
    }
    if (this.#freeTree) {
      this.#freePages(this.#bytes(first * pageBytes + HEADER_BYTES, length, first), first)
    }
  }

  /** A list of page numbers behind its length, descending. */
  #freePages(bytes: Buffer, page: number): void {
    if (bytes.length < 8 || bytes.length < 8 + number(bytes, 0) * 8) throw fault(page, 'no list')
    const count = number(bytes, 0)
    for (let i = 1; i <= count; i++) this.#takeFree(bytes, i * 8, page)
  }

  #takeFree(bytes: Buffer, at: number, page: number): void {
    const entry = bytes.readBigInt64LE(at)
    if (entry === 0n) return
    if (entry > 0n) {
      this.#take(Number(entry), 1)
      return
    }
    // lmdb-js keeps a run as its length, negative, before its first page.
    const first = number(bytes, at + 8)
    const pages = Number(-entry)
    if (pages > this.#snapshot.lastPage) throw fault(page, 'no list')
    this.#take(first, pages)
    bytes.writeBigInt64LE(0n, at + 8)
  }

  #take(first: number, count: number): void {
    const { lastPage } = this.#snapshot
    if (first < 2 || first + count - 1 > lastPage) throw fault(first, 'a page that is not there')
    for (let page = first; page < first + count; page++) {
      if (this.#seen[page] === 1) throw fault(page, 'it belongs to two')
      this.#seen[page] = 1
    }
  }

  #checkHeader(bytes: Buffer, page: number): void {
    if (number(bytes, 0) !== page) throw fault(page, 'the number of another page')
    if (number(bytes, 8) > this.#snapshot.transaction) throw fault(page, 'newer than the snapshot')
  }

  #bytes(at: number, length: number, page: number): Buffer {
    if (at + length > this.#size) throw fault(page, 'the file ends before it')
    const bytes = Buffer.allocUnsafeSlow(length)
    if (readSync(this.#file, bytes, 0, length, at) !== length)
      throw fault(page, 'it cannot be read')
    return bytes
  }
}

function tree(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40)
  return {
    depth: bytes.readUInt16LE(at + 6),
    branchPages: number(bytes, at + 8),
    leafPages: number(bytes, at + 16),
    overflowPages: number(bytes, at + 24),
    entries: number(bytes, at + 32),
    root: root === NO_PAGE ? undefined : Number(root),
  }
}

/** A tree without the kinds of keys and duplicates that LMDB also knows and we never use. */
function plainTree(bytes: Buffer, at: number, page: number): Tree {
  if (bytes.readUInt32LE(at) !== 0 || bytes.readUInt16LE(at + 4) !== 0) {
    throw fault(page, 'another kind of tree')
  }
  return tree(bytes, at)
}

function childOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 2 ** 32
}

function number(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

function fault(page: number, what: string): PlatformError {
  return new PlatformError('log.corrupt', `page ${page} of "log/data.mdb": ${what}`, {
    hint: 'Nothing was dropped. Restore the data directory from a copy, or ingest its input into a new one.',
  })
}
