/** Events of a shop: sessions by user and pause, and how far each given session came. */

import {
  count,
  countDistinct,
  csv,
  defineApp,
  first,
  last,
  minutes,
  source,
  t,
  table,
} from 'millrace'

const records = source('events', {
  format: csv({
    columns: {
      event_time: t.timestamp({ format: "yyyy-MM-dd HH:mm:ss 'UTC'" }),
      event_type: t.enum('view', 'cart', 'purchase'),
      product_id: t.int64(),
      category_id: t.int64(),
      category_code: t.string().nullable(),
      brand: t.string().nullable(),
      price: t.decimal(12, 2),
      user_id: t.int64(),
      user_session: t.uuid(),
    },
  }).map((r, id) => ({
    id: id.fromLine(),
    user: r.user_id,
    session: r.user_session,
    event: r.event_type,
    product: r.product_id,
    price: r.price,
    at: r.event_time,
  })),
  at: 'at',
  key: 'user',
  ties: ['id'],
})

const events = records.dedupe(['user', 'id'])

/** Runs of a user's events, and how many of the given sessions each holds. */
const visits = (gap: number) =>
  events.session({ by: 'user', gap }).aggregate(r => ({
    events: count(),
    sessions: countDistinct(r.session),
    first_session: first(r.session),
    last_session: last(r.session),
  }))

export const app = defineApp({
  name: 'rees46',
  pipelines: [
    events.into(table('events', { key: ['id'] })),
    visits(minutes(30)).into(table('visits', { key: ['user', 'session_start'] })),
    visits(minutes(2)).into(table('short_visits', { key: ['user', 'session_start'] })),
    events
      .process({
        by: ['user', 'session', 'product'],
        order: 'event',
        name: 'funnel',
        version: 1,
        state: { step: t.int32() },
        output: {
          user: t.int64(),
          session: t.uuid(),
          product: t.int64(),
          step: t.enum('view', 'cart', 'purchase'),
          price: t.decimal(12, 2),
          at: t.timestamp(),
        },
        at: 'at',
        run: (row, state, emit) => {
          // A step counts behind the one before it; who buys at once has passed the cart.
          const step = ['view', 'cart', 'purchase'].indexOf(row.event)
          const reached = state.step ?? -1
          if (step <= reached || (reached < 0 && step > 0)) return
          state.step = step
          const { user, session, product, event, price, at } = row
          emit({ user, session, product, step: event, price, at })
        },
      })
      .into(table('funnel', { key: ['user', 'session', 'product', 'step'] })),
  ],
})
