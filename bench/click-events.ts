/**
 * Clicks of a shop as JSON records, about 350 bytes each: the event shape of the engine's figures.
 *
 * Nested properties, UUIDs, RFC 3339 times, enums, money, optional fields, some text that is not
 * ASCII, a few escaped strings; with declared shares of redelivered, invalid and late events.
 */

import { type Random, seededRandom } from '#base'
import type { FormatSpec, JsonField, Schema, SourceSpec } from '#plan'

export const EVENT_TYPES = [
  'page_view',
  'product_view',
  'add_to_cart',
  'search',
  'purchase',
  'remove_from_cart',
  'checkout',
  'login',
]
export const CHANNELS = ['web', 'ios', 'android', 'email']
export const CURRENCIES = ['EUR', 'USD', 'PLN', 'GBP']
export const DEVICES = ['mobile', 'desktop', 'tablet']

const CITIES = [
  'Berlin',
  'Warszawa',
  'London',
  'Paris',
  'Madrid',
  'Kraków',
  'Köln',
  'Porto',
  'Lisboa',
  'Roma',
]
const COUNTRIES = ['PL', 'DE', 'GB', 'FR', 'ES', 'US', 'IT', 'PT', 'NL', 'SE']
const REFERRERS = [
  'referer:search.example/',
  'referer:shop.example.com/',
  'referer:social.example/',
  'referer:newsletter.example.com/w12',
]
const CAMPAIGNS = ['spring_sale', 'retarget_q1', 'brand_2026', 'vip']

/** Columns of the record, in the producer's order. */
export const CLICK_COLUMNS: Schema = [
  { name: 'event_id', type: { kind: 'uuid' } },
  { name: 'event_type', type: { kind: 'enum', values: EVENT_TYPES } },
  { name: 'user_id', type: { kind: 'string' } },
  { name: 'session_id', type: { kind: 'string' } },
  { name: 'ts', type: { kind: 'timestamp' } },
  { name: 'channel', type: { kind: 'enum', values: CHANNELS } },
  { name: 'country', type: { kind: 'string' } },
  { name: 'page', type: { kind: 'string' } },
  { name: 'referrer', type: { kind: 'string', nullable: true } },
  { name: 'product_id', type: { kind: 'string', nullable: true } },
  { name: 'quantity', type: { kind: 'int32', nullable: true } },
  { name: 'price', type: { kind: 'decimal', precision: 15, scale: 2, nullable: true } },
  { name: 'currency', type: { kind: 'enum', values: CURRENCIES, nullable: true } },
  { name: 'amount', type: { kind: 'decimal', precision: 15, scale: 2, nullable: true } },
  { name: 'device', type: { kind: 'enum', values: DEVICES } },
  { name: 'duration_ms', type: { kind: 'int32' } },
  { name: 'campaign', type: { kind: 'string', nullable: true } },
  { name: 'city', type: { kind: 'string', nullable: true } },
  { name: 'v', type: { kind: 'int32' } },
]

/** Columns that lie in `properties`. */
const NESTED = CLICK_COLUMNS.slice(7, 18).map(column => column.name)

const RULES: Readonly<Record<string, JsonField['rules']>> = {
  user_id: { lengthMin: 1, lengthMax: 64 },
  session_id: { lengthMin: 1, lengthMax: 64 },
  country: { pattern: '^[A-Z]{2}$' },
  page: { lengthMin: 1, lengthMax: 256 },
  referrer: { lengthMin: 1, lengthMax: 256 },
  product_id: { lengthMin: 1, lengthMax: 64 },
  quantity: { min: 1, max: 1000 },
  price: { min: 0, max: 1e7 },
  amount: { min: 0, max: 1e9 },
  duration_ms: { min: 0, max: 86_400_000 },
  campaign: { lengthMin: 1, lengthMax: 64 },
  city: { lengthMin: 1, lengthMax: 64 },
  v: { min: 1, max: 99 },
}

export const CLICK_FIELDS: readonly JsonField[] = CLICK_COLUMNS.map(({ name, type }) => {
  const rules = RULES[name]
  return {
    path: NESTED.includes(name) ? ['properties', name] : [name],
    column: name,
    optional: type.nullable === true,
    ...(rules === undefined ? {} : { rules }),
  }
})

export const CLICK_FORMAT: Extract<FormatSpec, { kind: 'json' }> = {
  kind: 'json',
  fields: CLICK_FIELDS,
  unknown: 'skip',
}

/** The source of these records as a user would declare it: by user, up to 30 s out of order. */
export const CLICK_SOURCE: SourceSpec = {
  name: 'clicks',
  format: CLICK_FORMAT,
  raw: CLICK_COLUMNS,
  schema: CLICK_COLUMNS,
  map: CLICK_COLUMNS.map(({ name, type }) => ({ node: 'column', name, type })),
  at: 'ts',
  key: ['user_id'],
  ties: ['event_id'],
  disorderUs: 30_000_000,
  latenessUs: 60_000_000,
  skewMaxUs: 300_000_000,
  aheadMaxUs: null,
  partitions: 4,
  recordBytesMax: 1024 * 1024,
  schemaVersion: '1',
}

export interface ClickOptions {
  readonly events: number
  readonly seed?: number
  /** Share of events that are exact copies of an earlier one. Default 0.01. */
  readonly duplicateShare?: number
  /** How many events before its copy the original is at most. Default 50,000. */
  readonly duplicateWithin?: number
  /** Share of events that the schema refuses. Default 0.002. */
  readonly invalidShare?: number
  /** Share of events up to two hours late; the others are seconds late. Default 0.001. */
  readonly lateShare?: number
  /** Users, of whom some come far more often than others. Default 200,000. */
  readonly users?: number
  /** Event time between one event and the next. Default 21.6 ms. */
  readonly stepMs?: number
  /** Event time of the first event, ms since 1970. Default 2026-03-01T08:00Z. */
  readonly startMs?: number
}

/** Records side by side; record i is `bytes[ends[i-1] … ends[i])`, and 64 zero bytes lie behind. */
export interface ClickEvents {
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
  /** Copies and invalid events among them. */
  readonly duplicates: number
  readonly invalid: number
}

const RECORD_BYTES_MOST = 512

/** The same options give the same bytes. About 2 µs an event. */
export function clickEvents(options: ClickOptions): ClickEvents {
  const { events, seed = 1, duplicateShare = 0.01, invalidShare = 0.002 } = options
  const { duplicateWithin = 50_000 } = options
  const random = seededRandom(seed)
  const bytes = Buffer.alloc(events * 384 + RECORD_BYTES_MOST * 16 + 64)
  const ends = new Uint32Array(events)
  let used = 0
  let duplicates = 0
  let invalid = 0
  for (let i = 0; i < events; i++) {
    if (i > 1000 && random.next() < duplicateShare) {
      const copied = i - 1 - random.int(Math.min(i - 1, duplicateWithin))
      bytes.copyWithin(used, ends[copied - 1] ?? 0, ends[copied])
      used += (ends[copied] ?? 0) - (ends[copied - 1] ?? 0)
      duplicates++
    } else {
      const broken = random.next() < invalidShare
      if (broken) invalid++
      used += bytes.write(clickEvent(random, i, broken, options), used, 'utf8')
    }
    ends[i] = used
  }
  return { bytes: bytes.subarray(0, used + 64), ends, duplicates, invalid }
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random.int(values.length)] as T

/** The earlier values more often. */
const pickFirst = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random.next() * random.next() * values.length)] as T

const hex = (random: Random, digits: number): string =>
  random
    .int(2 ** 32)
    .toString(16)
    .padStart(8, '0')
    .slice(8 - digits)

function eventType(random: Random): number {
  const at = random.next()
  const bounds = [0.45, 0.7, 0.8, 0.88, 0.91, 0.94, 0.97, 1]
  return bounds.findIndex(bound => at < bound)
}

function clickEvent(random: Random, index: number, broken: boolean, options: ClickOptions): string {
  const { users = 200_000, stepMs = 21.6, lateShare = 0.001 } = options
  const { startMs = Date.UTC(2026, 2, 1, 8) } = options
  const type = eventType(random)
  const user = Math.floor(random.next() ** 1.5 * users)
  const late =
    random.next() < lateShare ? random.next() * 7.2e6 : -Math.log(1 - random.next()) * 4000
  const at = new Date(startMs + Math.floor(index * stepMs - late))
  return JSON.stringify({
    event_id: `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 8)}${hex(random, 4)}`,
    event_type: EVENT_TYPES[type],
    user_id: `u-${String(user).padStart(8, '0')}`,
    session_id: `${hex(random, 8)}${hex(random, 8)}`,
    ts: at.toISOString(),
    channel: broken ? 'fax' : pickFirst(random, CHANNELS),
    country: COUNTRIES[user % COUNTRIES.length],
    properties: properties(random, type, user),
    v: 1,
  })
}

function properties(random: Random, type: number, user: number): Record<string, unknown> {
  const bought = type === 1 || type === 2 || type === 4 || type === 5
  const cents = 99 + random.int(20_000)
  const quantity = 1 + random.int(4)
  return {
    page: type === 3 ? '/search' : `/products/${Math.floor(random.next() * random.next() * 5000)}`,
    ...(random.next() < 0.5 ? { referrer: pick(random, REFERRERS) } : {}),
    ...(bought
      ? {
          product_id: `p-${Math.floor(random.next() * random.next() * 20_000)}`,
          quantity,
          price: cents / 100,
          currency: CURRENCIES[user % CURRENCIES.length],
          amount: (cents * quantity) / 100,
        }
      : {}),
    device: pickFirst(random, DEVICES),
    duration_ms: Math.floor(random.next() * random.next() * 60_000),
    ...(random.next() < 0.3
      ? { campaign: random.next() < 0.01 ? 'say "hi"' : pick(random, CAMPAIGNS) }
      : {}),
    ...(random.next() < 0.8 ? { city: pickFirst(random, CITIES) } : {}),
  }
}
