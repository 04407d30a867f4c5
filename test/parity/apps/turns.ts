/** Functions of the author: in log order over one source, in event order behind a re-key. */

import { count, defineApp, jsonLines, max, minutes, seconds, source, t, table } from 'millrace'

const moves = source('moves', {
  format: jsonLines({
    columns: {
      id: t.int32(),
      player: t.string(),
      room: t.string(),
      points: t.int64(),
      at: t.timestamp({ format: 'unix_ms' }),
    },
  }),
  at: 'at',
  key: 'player',
  ties: ['id'],
  disorder: seconds(10),
  lateness: seconds(30),
})

const unique = moves.dedupe(['player', 'id'])

/** As they came: position decides. */
const running = unique.process({
  by: 'player',
  order: 'log',
  name: 'running',
  version: 1,
  state: { total: t.int64(), moves: t.int32() },
  output: {
    player: t.string(),
    id: t.int32(),
    total: t.int64(),
    moves: t.int32(),
    at: t.timestamp(),
  },
  at: 'at',
  run: (row, state, emit) => {
    const total = (state.total ?? 0n) + row.points
    const moves = (state.moves ?? 0) + 1
    state.total = total
    state.moves = moves
    emit({ player: row.player, id: row.id, total, moves, at: row.at })
  },
})

/** As they were made: event time decides, ties by id; several rows for one, and none. */
const leads = unique.process({
  by: 'room',
  order: 'event',
  name: 'leads',
  version: 1,
  state: { leader: t.string(), best: t.int64(), changes: t.int32() },
  output: {
    room: t.string(),
    change: t.int32(),
    leader: t.string(),
    event: t.enum('lost', 'won'),
    at: t.timestamp(),
  },
  at: 'at',
  run: (row, state, emit) => {
    if (state.best !== null && row.points <= state.best) return
    const before = state.leader
    state.best = row.points
    if (before === row.player) return
    if (before !== null) {
      state.changes = (state.changes ?? 0) + 1
      const { changes: change } = state
      emit({ room: row.room, change: change ?? 0, leader: before, event: 'lost', at: row.at })
    }
    state.leader = row.player
    state.changes = (state.changes ?? 0) + 1
    emit({
      room: row.room,
      change: state.changes ?? 0,
      leader: row.player,
      event: 'won',
      at: row.at,
    })
  },
})

export const app = defineApp({
  name: 'turns',
  pipelines: [
    running.into(table('running', { key: ['player', 'id'] })),
    leads.into(table('leads', { key: ['room', 'change'] })),
    leads
      .session({ by: 'leader', gap: minutes(1) })
      .aggregate(r => ({ changes: count(), last_change: max(r.change) }))
      .into(table('leaders', { key: ['leader', 'session_start'] })),
  ],
})
