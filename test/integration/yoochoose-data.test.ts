import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onRealData, realPath, UserDirectory } from './real-data.ts'

test('a pause of half an hour splits 492 times within the given sessions', onRealData, async () => {
  using directory = new UserDirectory()
  const file = realPath('clickstream/yoochoose-clicks-100k_train_full.txt.gz')
  const { tables, topics } = await directory.runApp('yoochoose', '--input', `clicks=${file}`)
  const rows = Object.fromEntries(tables.map(entry => [entry.table, entry.rows]))
  assert.deepEqual([topics[0]?.accepted, topics[0]?.tooLate], [70_278, 0])
  assert.equal(rows['given'], 17_794)
  assert.equal((rows['visits'] ?? 0) - (rows['given'] ?? 0), 492)
  const [totals] = await directory.query(`
    SELECT (SELECT sum(clicks) FROM visits) AS clicks, (SELECT sum(visits) FROM given) AS visits`)
  assert.deepEqual(totals, { clicks: 70_278, visits: rows['visits'] })
})
