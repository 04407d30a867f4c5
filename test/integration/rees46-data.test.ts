import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { onRealData, realPath, UserDirectory } from './real-data.ts'

interface Event {
  readonly at: number
  readonly type: string
  readonly product: string
  readonly user: string
  readonly session: string
}

const FILE = 'clickstream/rees46-2019-Oct-sample.csv'

/** The file, read by hand: it has no quotes. */
function events(): Event[] {
  const lines = readFileSync(realPath(FILE), 'utf8').trimEnd().split('\n').slice(1)
  return lines.map(line => {
    const [time = '', type = '', product = '', , , , , user = '', session = ''] = line.split(',')
    return { at: Date.parse(time.replace(' UTC', 'Z')), type, product, user, session }
  })
}

/** Runs of each user's events with pauses under `gapMs`, and how they differ from the given ones. */
function compareSessions(gapMs: number) {
  let visits = 0
  let joins = 0
  const runs = new Map<string, number>()
  for (const list of Map.groupBy(events(), ({ user }) => user).values()) {
    let given = new Set<string>()
    let last = -Infinity
    for (const { at, session } of list.sort((a, b) => a.at - b.at)) {
      if (at - last >= gapMs) {
        visits++
        given = new Set()
      }
      if (!given.has(session)) {
        if (given.size > 0) joins++
        runs.set(session, (runs.get(session) ?? 0) + 1)
      }
      given.add(session)
      last = at
    }
  }
  const splits = [...runs.values()].reduce((sum, count) => sum + count - 1, 0)
  return { visits, joins, splits }
}

test('a shop’s events: sessions against the given ones, and the funnel', onRealData, async t => {
  using directory = new UserDirectory()
  const { topics } = await directory.runApp('rees46', '--input', `events=${realPath(FILE)}`)
  assert.deepEqual([topics[0]?.accepted, topics[0]?.deadLetters], [1_000, {}])

  for (const [table, minutes] of [
    ['visits', 30],
    ['short_visits', 2],
  ] as const) {
    // A visit that holds k given sessions joined k − 1; what stays beyond the given is split.
    const [found] = await directory.query(`
      SELECT count() AS visits, sum(sessions - 1) AS joins,
        sum(sessions) - (SELECT uniqExact(session) FROM events) AS splits FROM ${table}`)
    assert.deepEqual(found, compareSessions(minutes * 60_000), table)
    const { visits, joins, splits } = compareSessions(minutes * 60_000)
    t.diagnostic(
      `pauses of ${minutes} min: ${visits} visits, of 372 given sessions ${splits} splits, ${joins} joins`,
    )
    assert.equal(visits, 372 + splits - joins)
  }
  assert.ok(compareSessions(120_000).splits > 0 && compareSessions(1_800_000).joins > 0)

  await t.test('views, then carts, then purchases', async () => {
    const funnel = await directory.query(
      'SELECT toString(step) AS step, count() AS n FROM funnel GROUP BY step ORDER BY n DESC',
    )
    assert.deepEqual(Object.fromEntries(funnel.map(({ step, n }) => [step, n])), steps())
    t.diagnostic(`funnel: ${JSON.stringify(steps())}`)
  })
})

/** How many products of a session were viewed, put in the cart behind that, bought behind that. */
function steps(): Record<string, number> {
  const counts: Record<string, number> = {}
  const groups = Map.groupBy(events(), e => `${e.user} ${e.session} ${e.product}`)
  const names = ['view', 'cart', 'purchase']
  for (const list of groups.values()) {
    let reached = -1
    // The file is in order of time, and equal times keep its order only by their ids.
    for (const { type } of list.sort((a, b) => a.at - b.at)) {
      const step = names.indexOf(type)
      if (step <= reached || (reached < 0 && step > 0)) continue
      reached = step
      counts[type] = (counts[type] ?? 0) + 1
    }
  }
  return counts
}
