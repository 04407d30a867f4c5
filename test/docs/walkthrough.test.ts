import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matches, walk } from './walkthrough.ts'

test('an ellipsis stands for text within a line, or for whole lines', () => {
  assert.ok(matches('12 rows in 31 ms\ndone\n', '12 rows in … ms\ndone'))
  assert.ok(matches('a\nb\nc\n', '…\nc\n'))
  assert.ok(!matches('13 rows in 31 ms\n', '12 rows in … ms'))
  assert.ok(!matches('a\nb\n', 'a\n'))
})

for (const page of ['README.md', 'docs/guide/your-first-app.md']) {
  test(`${page} prints what it says`, async () => {
    const steps = await walk(page)
    assert.ok(steps.length > 0, 'the page has commands')
    for (const { command, expected, printed, equal } of steps) {
      assert.ok(equal, `$ ${command}\nsays\n${expected}\nbut printed\n${printed}`)
    }
  })
}
