/**
 * Rows to sessions: per key, maximal runs of rows whose neighbours are less than the gap apart.
 *
 * A row reaches the sessions of its key that begin or end less than the gap from it: none makes a
 * session, one is extended, two are joined by it, and more cannot be, as sessions of a key are at
 * least the gap apart. Rows exactly the gap apart are two sessions.
 */

import { invariant } from '#base'
import type { Batch } from '#columns'
import { FLAGS, NEXT, STIRRED } from '../state-records.ts'
import { FIRST, LAST } from './accumulator.ts'
import type { AggregateState } from './aggregate-state.ts'

/** Pairs each row with its session, made, extended and joined as it needs. */
export function assignSessions(
  state: AggregateState,
  gapUs: number,
  batch: Batch,
  rows: Int32Array,
  count: number,
  keys: Int32Array,
): void {
  const { store } = state
  state.reservePairs(count)
  store.reserve(count)
  const { words, doubles, stride } = store
  const { start, end, frontierUs } = state
  for (let k = 0; k < count; k++) {
    const row = rows[k] as number
    const at = batch.at[row] as number
    if (!(at >= frontierUs)) invariant(false, 'no row is older than the frontier')
    const key = keys[k] as number
    let record = -1
    let joined = -1
    let next = store.keys.user(key)
    const head = next
    while (next >= 0) {
      const half = (next * stride) / 2
      if (
        (doubles[half + start] as number) - at < gapUs &&
        at - (doubles[half + end] as number) < gapUs
      ) {
        if (record < 0) record = next
        else joined = next
      }
      next = words[next * stride + NEXT] as number
    }
    let mark = 0
    if (record < 0) {
      record = store.allocate(key)
      words[record * stride + NEXT] = head
      store.keys.setUser(key, record)
      doubles[(record * stride) / 2 + start] = at
      doubles[(record * stride) / 2 + end] = at
      state.created(record)
      mark = FIRST | LAST
    } else {
      if (joined >= 0) join(state, record, joined)
      const half = (record * stride) / 2
      if (at < (doubles[half + start] as number)) {
        doubles[half + start] = at
        mark = FIRST
      }
      if (at >= (doubles[half + end] as number)) {
        doubles[half + end] = at
        mark |= LAST
      }
    }
    if (((words[record * stride + FLAGS] as number) & STIRRED) !== STIRRED) state.stir(record)
    const pair = state.pairs++
    state.records[pair] = record
    state.rows[pair] = row
    state.marks[pair] = mark
  }
}

/** `record` takes over the rows of `joined`, which lie all before or all after its own. */
function join(state: AggregateState, record: number, joined: number): void {
  state.drain()
  const { doubles, stride } = state.store
  const into = (record * stride) / 2
  const from = (joined * stride) / 2
  const { start, end } = state
  const earlier = (doubles[from + start] as number) < (doubles[into + start] as number)
  for (const accumulator of state.accumulators) accumulator.merge(record, joined, earlier)
  if (earlier) doubles[into + start] = doubles[from + start] as number
  else doubles[into + end] = doubles[from + end] as number
  state.store.unlink(joined)
  state.merges++
  state.merged(joined)
}
