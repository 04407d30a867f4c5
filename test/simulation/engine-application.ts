/** An application that uses every operator, as plain data, and records for it from a seed. */

import type { Random } from '#base'
import type { Application, Expression, Operator, Row, Schema, SourceSpec, Type } from '#plan'

const STRING: Type = { kind: 'string' }
const INT32: Type = { kind: 'int32' }
const INT64: Type = { kind: 'int64' }
const TIME: Type = { kind: 'timestamp' }
const BOOL: Type = { kind: 'bool' }

export const SECOND = 1_000_000
export const GAP_US = 30 * SECOND
export const TUMBLE_US = 60 * SECOND
export const CHAIN_US = 300 * SECOND
export const LO_US = -5 * SECOND
export const HI_US = 20 * SECOND
export const WAIT_US = 10 * SECOND

const CLICK: Schema = [
  { name: 'user', type: STRING },
  { name: 'seq', type: INT32 },
  { name: 'at', type: TIME },
  { name: 'amount', type: INT32 },
  { name: 'kind', type: STRING },
]
const USER: Schema = [
  { name: 'id', type: STRING },
  { name: 'at', type: TIME },
  { name: 'tier', type: STRING },
  { name: 'gone', type: BOOL },
]

export const column = (name: string, type: Type): Expression => ({ node: 'column', name, type })
const call = (fn: 'eq' | 'ne', name: string, value: string): Expression => ({
  node: 'call',
  fn,
  args: [column(name, STRING), { node: 'literal', value, type: STRING }],
  type: BOOL,
})

function sourceOf(name: string, schema: Schema, rest: Partial<SourceSpec>): SourceSpec {
  return {
    name,
    format: {
      kind: 'json',
      fields: schema.map(({ name: field, type }) => ({
        path: [field],
        column: field,
        optional: false,
        ...(type.kind === 'timestamp' ? { parse: { time: 'unix_us' } } : {}),
      })),
      unknown: 'skip',
    },
    raw: schema,
    schema,
    map: schema.map(entry => column(entry.name, entry.type)),
    at: 'at',
    key: [],
    ties: [],
    disorderUs: 5 * SECOND,
    latenessUs: 10 * SECOND,
    skewMaxUs: 1e15,
    aheadMaxUs: null,
    partitions: 4,
    recordBytesMax: 1_000_000,
    schemaVersion: '1',
    ...rest,
  }
}

const TIES = ['seq']
const clicks: Operator = { op: 'source', source: 'clicks', schema: CLICK, at: 'at', ties: TIES }
const users: Operator = { op: 'source', source: 'users', schema: USER, at: 'at', ties: [] }
const kept: Operator = {
  op: 'filter',
  input: clicks,
  condition: call('ne', 'kind', 'noise'),
  rule: 'noise',
  schema: CLICK,
  at: 'at',
  ties: TIES,
}
const unique: Operator = {
  op: 'dedupe',
  input: kept,
  by: ['user', 'seq'],
  schema: CLICK,
  at: 'at',
  ties: TIES,
}
const COUNT = { name: 'n', fn: 'count' } as const
const SUM = { name: 'total', fn: 'sum', arg: column('amount', INT32) } as const
const sumType: Type = { kind: 'int64', nullable: true }

const sessions: Operator = {
  op: 'aggregate',
  input: unique,
  by: ['user'],
  window: { kind: 'session', gapUs: GAP_US },
  bounds: ['start', 'end'],
  aggregates: [COUNT, SUM],
  schema: [
    { name: 'user', type: STRING },
    { name: 'start', type: TIME },
    { name: 'end', type: TIME },
    { name: 'n', type: INT64 },
    { name: 'total', type: sumType },
  ],
  at: 'end',
  ties: ['user'],
}

/** Sessions that end in each window: over input that is taken back. */
const chain: Operator = {
  op: 'aggregate',
  input: sessions,
  by: ['user'],
  window: { kind: 'hop', sizeUs: CHAIN_US, advanceUs: CHAIN_US, offsetUs: 0 },
  bounds: ['from', 'to'],
  aggregates: [COUNT, { name: 'most', fn: 'max', arg: column('n', INT64) }],
  schema: [
    { name: 'user', type: STRING },
    { name: 'from', type: TIME },
    { name: 'to', type: TIME },
    { name: 'n', type: INT64 },
    { name: 'most', type: sumType },
  ],
  at: 'to',
  ties: ['user'],
}

const moved: Operator = {
  op: 'rekey',
  input: unique,
  by: ['kind'],
  partitions: 3,
  schema: CLICK,
  at: 'at',
  ties: TIES,
}
const kinds: Operator = {
  op: 'aggregate',
  input: moved,
  by: ['kind'],
  window: { kind: 'hop', sizeUs: TUMBLE_US, advanceUs: TUMBLE_US / 2, offsetUs: 7 * SECOND },
  bounds: ['from', 'to'],
  aggregates: [COUNT, SUM, { name: 'last', fn: 'last', arg: column('user', STRING) }],
  schema: [
    { name: 'kind', type: STRING },
    { name: 'from', type: TIME },
    { name: 'to', type: TIME },
    { name: 'n', type: INT64 },
    { name: 'total', type: sumType },
    { name: 'last', type: { kind: 'string', nullable: true } },
  ],
  at: 'to',
  ties: ['kind'],
}

const tiers: Operator = {
  op: 'lookup',
  input: unique,
  table: users,
  on: ['user', 'id'],
  take: [{ name: 'tier', column: 'tier', otherwise: 'none' }],
  deleted: column('gone', BOOL),
  waitMaxUs: WAIT_US,
  schema: [...CLICK, { name: 'tier', type: STRING }],
  at: 'at',
  ties: TIES,
}

const only = (kind: string): Operator => ({
  op: 'filter',
  input: unique,
  condition: call('eq', 'kind', kind),
  rule: kind,
  schema: CLICK,
  at: 'at',
  ties: TIES,
})
const pairs: Operator = {
  op: 'join',
  left: only('buy'),
  right: only('view'),
  on: [['user', 'user']],
  loUs: LO_US,
  hiUs: HI_US,
  columns: [
    { side: 'left', column: 'user' },
    { side: 'left', column: 'seq' },
    { side: 'right', column: 'seq' },
  ],
  schema: [
    { name: 'user', type: STRING },
    { name: 'buy', type: INT32 },
    { name: 'view', type: INT32 },
    { name: 'at', type: TIME },
  ],
  at: 'at',
  ties: ['buy', 'view'],
}

const running: Operator = {
  op: 'process',
  input: unique,
  by: ['user'],
  order: 'event',
  name: 'running',
  version: 1,
  state: [{ name: 'sum', type: INT32 }],
  schema: [
    { name: 'user', type: STRING },
    { name: 'seq', type: INT32 },
    { name: 'at', type: TIME },
    { name: 'sum', type: INT32 },
  ],
  at: 'at',
  ties: ['user'],
}

const TREES = {
  events: { input: unique, key: [] },
  moved: { input: moved, key: [] },
  sessions: { input: sessions, key: ['user', 'start'] },
  chain: { input: chain, key: ['user', 'from'] },
  kinds: { input: kinds, key: ['kind', 'from'] },
  tiers: { input: tiers, key: ['user', 'seq'] },
  pairs: { input: pairs, key: ['user', 'buy', 'view'] },
  running: { input: running, key: ['user', 'seq'] },
} as const

export type TableName = keyof typeof TREES

export function engineApplication(emit: 'update' | 'closed' | 'settled'): Application {
  return {
    name: 'engine',
    version: '1',
    sources: [
      sourceOf('clicks', CLICK, { key: ['user'], ties: TIES }),
      sourceOf('users', USER, { partitions: 2, key: ['id'], disorderUs: 20 * SECOND }),
    ],
    tables: Object.entries(TREES).map(([name, { input, key }]) => ({
      name,
      schema: input.schema,
      key,
      orderBy: [],
      partitionBy: name === 'events' ? { column: 'at', unit: 'day' } : null,
      approximate: [],
    })),
    pipelines: Object.entries(TREES).map(([table, { input }]) => ({ table, emit, input })),
    functions: {
      running: (row, state, emitRow) => {
        state['sum'] = Number(state['sum'] ?? 0) + Number(row['amount'])
        emitRow({
          user: row['user'] ?? null,
          seq: row['seq'] ?? null,
          at: row['at'] ?? null,
          sum: state['sum'],
        })
      },
    },
  }
}

/** What is appended to one partition, in order. */
export type Item =
  | { readonly kind: 'record'; readonly value: string; readonly row: Row | undefined }
  | { readonly kind: 'mark'; readonly at: number }

const KINDS = ['view', 'view', 'view', 'buy', 'noise', 'cart']

/** Records of `clicks` by partition: disorder, late, too late, copies, bad ones, marks. */
export function clickItems(random: Random, records: number, partitions: number): Item[][] {
  const items: Item[][] = Array.from({ length: partitions }, () => [])
  let now = -90 * SECOND
  for (let seq = 0; seq < records; seq++) {
    now += random.int(3) * SECOND
    const user = random.int(partitions * 3)
    const list = items[user % partitions] as Item[]
    const draw = random.int(100)
    if (draw < 2) {
      list.push({ kind: 'record', value: `{"user":"u${user}","seq":`, row: undefined })
      continue
    }
    if (draw < 3) list.push({ kind: 'mark', at: now - 3 * SECOND })
    const behind = draw < 70 ? 0 : draw < 93 ? random.int(6) : random.int(25)
    const at = now - behind * SECOND
    const row = {
      user: `u${user}`,
      seq,
      at,
      amount: random.int(50),
      kind: KINDS[random.int(KINDS.length)] as string,
    }
    const item: Item = { kind: 'record', value: JSON.stringify(row), row }
    list.push(item)
    if (random.int(20) === 0) list.push(item)
    const earlier = list[list.length - 1 - random.int(Math.min(10, list.length))]
    if (random.int(30) === 0 && earlier?.kind === 'record') list.push(earlier)
  }
  return items
}

/** Versions of users by partition, out of order too. */
export function userItems(
  random: Random,
  records: number,
  ids: number,
  partitions: number,
): Item[][] {
  const items: Item[][] = Array.from({ length: partitions }, () => [])
  let now = -120 * SECOND
  for (let k = 0; k < records; k++) {
    now += random.int(60) * SECOND
    const id = random.int(ids)
    const at = now - random.int(random.int(8) === 0 ? 200 : 25) * SECOND
    const row = { id: `u${id}`, at, tier: `t${k}`, gone: random.int(6) === 0 }
    const list = items[id % partitions] as Item[]
    list.push({ kind: 'record', value: JSON.stringify(row), row })
    if (random.int(20) === 0) list.push({ kind: 'record', value: '{"id":1}', row: undefined })
  }
  return items
}
