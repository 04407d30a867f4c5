/** Wrong usage: exit 2, the code `usage`, and what to type instead. */

import assert from 'node:assert/strict'
import { SHOP, situation } from './situation.ts'

situation('no command', async place => {
  const { code, out, said } = await place.run([])
  assert.equal(code, place.row.exit)
  assert.equal(out, '')
  assert.match(said, /^Usage: millrace .*Commands:\n {2}start /s)
  assert.match(said, place.hint())
})

situation('an unknown command', async place => {
  await place.fails(['bogus'])
  const { code, said } = await place.run(['runn'])
  assert.equal(code, 2)
  assert.match(said, /^millrace: unknown command "runn" \(usage\)\n {2}Did you mean "run"\? Run /)
})

situation('an unknown option', async place => {
  const { message } = await place.fails(['query', 'SELECT 1', '--nope'])
  assert.match(message, /"--nope"/)
})

situation('a missing argument', async place => {
  await place.fails(['run'])
  await place.fails(['query'])
  await place.fails(['ingest', 'events'])
})

situation('one argument too many', async place => {
  // The shell splits a query that is not quoted.
  await place.fails(['query', 'SELECT', '1'])
})

situation('a value that an option does not take', async place => {
  for (const [option, value] of [
    ['--parallelism', '0'],
    ['--parallelism', 'two'],
    ['--store-memory', '1XB'],
    ['--epoch-rows', '1e3'],
    ['--batch-rows', '1025'],
  ] as const) {
    const { message } = await place.fails(['run', SHOP, option, value])
    assert.ok(message.includes(`"${value}"`) && message.includes(option), message)
  }
})

situation('a word that an option does not take', async place => {
  await place.fails(['topics', '--log-level', 'loud'])
})

situation('an input without its topic', async place => {
  await place.fails(['run', SHOP, '--input', 'events.jsonl'])
})

situation('an empty query', async place => {
  await place.succeeds(['ingest', 'events', place.write('none', ''), '--app', SHOP])
  await place.fails(['query', ' ; ', '--data', '.millrace'])
})

situation('standard input named twice', async place => {
  await place.fails(['ingest', 'events', '-', '-', '--app', SHOP])
})

situation('an unknown bench', async place => {
  await place.fails(['bench', 'nope'])
})

situation('help of every command', async place => {
  const { code, out } = await place.run(['--help'])
  assert.equal(code, place.row.exit)
  const commands = [...out.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name]) => name ?? '')
  assert.ok(commands.includes('start') && commands.length > 10, out)
  for (const command of commands.filter(name => name !== 'help')) {
    const help = await place.run([command, '--help'])
    assert.equal(help.code, 0, command)
    assert.equal(help.said, '')
    assert.match(help.out, new RegExp(`^Usage: millrace ${command} `))
    assert.match(help.out, /--json/)
  }
})
