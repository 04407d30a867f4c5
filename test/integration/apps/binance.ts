/** Frames of an exchange as they were received: out of order by event time, once with much patience, once with little. */

import {
  count,
  defineApp,
  first,
  hours,
  last,
  logLines,
  max,
  min,
  seconds,
  source,
  sum,
  t,
  table,
} from 'millrace'

/** `<receive time, ns> <JSON>`; what has no stream (the snapshot) is rejected. */
const format = logLines('%{receive} %{frame}', {
  receive: t.timestamp({ format: 'unix_ns' }),
  frame: t.json(),
}).map((r, id) => ({
  id: id.fromLine(),
  received: r.receive,
  stream: r.frame.field('stream').orReject(),
  frame: r.frame,
  at: r.frame.field('data.E').parseTime('unix_ms').orReject(),
}))

/** As one sequence: whatever lies behind the running maximum is late. */
const frames = source('frames', {
  format,
  at: 'at',
  ties: ['received', 'id'],
  partitions: 1,
  disorder: 0,
  lateness: hours(1),
})

/** By stream, with bounds that some frames break. */
const strict = source('strict', {
  format,
  at: 'at',
  key: 'stream',
  ties: ['received', 'id'],
  disorder: 2,
  lateness: 5,
})

const trades = frames
  .filter(r => r.stream.eq('btcusdt@trade'), { rule: 'other_streams' })
  .select(r => ({
    id: r.id,
    received: r.received,
    stream: r.stream,
    price: r.frame.field('data.p').cast(t.decimal(18, 8)),
    quantity: r.frame.field('data.q').cast(t.decimal(18, 8)),
  }))

export const app = defineApp({
  name: 'binance',
  pipelines: [
    frames
      .select(r => ({ stream: r.stream }))
      .tumble({ by: 'stream', size: seconds(1) })
      .aggregate(() => ({ frames: count() }))
      .into(table('frame_seconds', { key: ['stream', 'window_start'] })),
    trades
      .tumble({ by: 'stream', size: seconds(1) })
      .aggregate(r => ({
        trades: count(),
        open: first(r.price),
        high: max(r.price),
        low: min(r.price),
        close: last(r.price),
        volume: sum(r.quantity),
      }))
      .into(table('bars', { key: ['stream', 'window_start'] })),
    strict
      .tumble({ by: 'stream', size: seconds(1) })
      .aggregate(r => ({ frames: count(), last_received: last(r.received) }))
      .into(table('strict_seconds', { key: ['stream', 'window_start'] })),
  ],
})
