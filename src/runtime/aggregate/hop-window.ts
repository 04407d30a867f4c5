/**
 * Rows to windows of fixed size: `start = at − floorMod(at − offset, advance)`, and back by
 * `advance` while the window still holds the row; before 1970 too. Also the one window over all.
 *
 * The windows of a key are a list, latest start first. The windows of a row are walked in the same
 * order, so that a row costs its own windows and those of the key that are later.
 */

import { invariant } from '#base'
import type { Batch } from '#columns'
import type { Window } from '#plan'
import { FLAGS, NEXT, STIRRED } from '../state-records.ts'
import type { AggregateState } from './aggregate-state.ts'

type HopWindow = Extract<Window, { readonly kind: 'hop' }>

/** The latest window that holds `at`. */
export function lastStart(at: number, { advanceUs, offsetUs }: HopWindow): number {
  const rest = (at - offsetUs) % advanceUs
  return at - (rest < 0 ? rest + advanceUs : rest)
}

export function assignHop(
  state: AggregateState,
  window: HopWindow,
  batch: Batch,
  rows: Int32Array,
  count: number,
  keys: Int32Array,
): void {
  const perRow = Math.ceil(window.sizeUs / window.advanceUs)
  state.reservePairs(count * perRow)
  state.store.reserve(count * perRow)
  for (let k = 0; k < count; k++) {
    const row = rows[k] as number
    assignRow(state, window, batch.at[row] as number, row, keys[k] as number)
  }
}

function assignRow(
  state: AggregateState,
  window: HopWindow,
  at: number,
  row: number,
  key: number,
): void {
  const { store, start } = state
  const { words, doubles, stride } = store
  const oldest = at - window.sizeUs
  let before = -1
  let next = store.keys.user(key)
  for (let from = lastStart(at, window); from > oldest; from -= window.advanceUs) {
    while (next >= 0 && (doubles[(next * stride) / 2 + start] as number) > from) {
      before = next
      next = words[next * stride + NEXT] as number
    }
    if (next < 0 || doubles[(next * stride) / 2 + start] !== from) {
      invariant(from + window.sizeUs > state.frontierUs, 'no row is of a window that has settled')
      const record = store.allocate(key)
      words[record * stride + NEXT] = next
      if (before < 0) store.keys.setUser(key, record)
      else words[before * stride + NEXT] = record
      doubles[(record * stride) / 2 + start] = from
      state.created(record)
      next = record
    }
    if (((words[next * stride + FLAGS] as number) & STIRRED) !== STIRRED) state.stir(next)
    const pair = state.pairs++
    state.records[pair] = next
    state.rows[pair] = row
  }
}

/** The one window over all time: its end is the greatest `at` so far. */
export function assignWhole(
  state: AggregateState,
  batch: Batch,
  rows: Int32Array,
  count: number,
  keys: Int32Array,
): void {
  const { store, end } = state
  state.reservePairs(count)
  store.reserve(count)
  const { words, doubles, stride } = store
  for (let k = 0; k < count; k++) {
    const row = rows[k] as number
    const at = batch.at[row] as number
    const key = keys[k] as number
    let record = store.keys.user(key)
    if (record < 0) {
      record = store.allocate(key)
      store.keys.setUser(key, record)
      state.created(record)
    }
    const half = (record * stride) / 2
    if (at > (doubles[half + end] as number)) doubles[half + end] = at
    if (((words[record * stride + FLAGS] as number) & STIRRED) !== STIRRED) state.stir(record)
    const pair = state.pairs++
    state.records[pair] = record
    state.rows[pair] = row
  }
}
