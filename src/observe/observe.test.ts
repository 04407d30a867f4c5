import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'

test('a log line is one JSON object with its fields, and keeps no secret', () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', write: line => lines.push(line), fields: { w: 1 } })
  logger.debug('not written')
  logger.warn('refused', { topic: 'clicks', password: 'hunter2', account: { token: 'abc' } })
  assert.equal(lines.length, 1)
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.equal(line['message'], 'refused')
  assert.equal(line['topic'], 'clicks')
  assert.equal(line['level'], 'warn')
  assert.equal(line['w'], 1)
  assert.doesNotMatch(lines[0] ?? '', /hunter2|abc/)
})

test('metrics read as Prometheus text, apart for each platform', async () => {
  const metrics = createMetrics()
  const other = createMetrics()
  metrics.add('millrace_dead_letters_total', 3, { topic: 'clicks', reason: 'json.syntax' })
  metrics.set('millrace_store_up', 1)
  metrics.observe('millrace_epoch_apply_seconds', 0.02)
  const text = await metrics.text()
  assert.match(text, /millrace_dead_letters_total\{topic="clicks",reason="json.syntax"\} 3/)
  assert.match(text, /millrace_store_up 1/)
  assert.match(text, /millrace_epoch_apply_seconds_bucket\{le="0.03"\} 1/)
  assert.doesNotMatch(await other.text(), /reason="json.syntax"/)
})
