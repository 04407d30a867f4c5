/** What is wrong with an application is said before anything is opened or made. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { CLICKS, click, clicksApp } from './applications.ts'
import { type Place, situation } from './situation.ts'

/** Runs a file that must be refused, and sees that no data directory was made for it. */
async function refused(place: Place, text: string): Promise<string> {
  place.write('app.ts', text)
  const { message } = await place.fails(['run', './app.ts', '--bounded', '--data', 'data'])
  assert.ok(!existsSync(place.path('data')), 'nothing was made')
  return message
}

situation('no file of the application', async place => {
  await place.fails(['run', './nope.ts', '--data', 'data'])
  await place.fails(['start', '--apps', './nope.ts', '--data', 'data'])
  await place.fails(['ingest', 'clicks', '-', '--app', './nope.ts', '--data', 'data'])
  await place.fails(['parity', './nope.ts', '--data', 'data'])
  await place.fails(['run', '.', '--data', 'data'])
  assert.ok(!existsSync(place.path('data')))
})

situation('an application with a syntax error', async place => {
  assert.match(await refused(place, '\nexport const app = {\n'), /"\.\/app\.ts" does not load/)
})

situation('an application that throws while it loads', async place => {
  assert.match(await refused(place, "\nthrow new Error('no price')\n"), /no price/)
})

situation('an application that imports what is not there', async place => {
  assert.match(await refused(place, "import 'left-pad'\n"), /left-pad/)
})

situation('a file that exports no application', async place => {
  await refused(place, 'export const application = 1\n')
})

situation('an application that was not made by defineApp', async place => {
  for (const value of ['1', 'null', '{}', "{ name: 'x' }", '[]', "'app'"]) {
    await refused(place, `export const app = ${value}\n`)
  }
})

situation('a plan that names an unknown column', async place => {
  const text = clicksApp("clicks.into(table('seen', { key: ['nope'] }))")
  assert.match(await refused(place, text), /"nope".* at line \d+ of "\.\/app\.ts"/)
})

situation('a plan with a value of the wrong type', async place => {
  const text = clicksApp("clicks.filter(r => r.page.gt(r.at)).into(table('seen'))")
  assert.match(await refused(place, text), / at line \d+ of /)
})

situation('a plan that has no meaning', async place => {
  const twice = "clicks.into(table('seen')), clicks.into(table('seen'))"
  await refused(place, clicksApp(twice))
})

situation('a function of the application that throws', async place => {
  const text = clicksApp(`clicks.process({
    by: 'user_id', order: 'log', name: 'thrower', version: 1, state: { seen: t.int64() },
    output: { user_id: t.string(), at: t.timestamp() }, at: 'at',
    run: () => { throw new Error('not today') },
  }).into(table('seen'))`)
  place.write('app.ts', text)
  place.write('clicks.jsonl', click(1))
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  const { message } = await place.fails([...run, '--input', 'clicks=clicks.jsonl'])
  assert.match(message, /thrower/)
  assert.match(message, /not today/)
  assert.equal(await place.records('clicks'), 1)
})

situation('a topic of another declaration', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  await place.succeeds(['ingest', 'clicks', 'clicks.jsonl', '--app', './app.ts', '--data', 'data'])
  place.write(
    'app.ts',
    clicksApp("clicks.into(table('seen'))", ', price: t.decimal(9, 2).nullable()'),
  )
  await place.fails(run)
  await place.fails(['ingest', 'clicks', 'clicks.jsonl', '--app', './app.ts', '--data', 'data'])
  assert.equal(await place.records('clicks'), 1)
})

situation('state of another plan', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  const first = await place.succeeds([...run, '--input', 'clicks=clicks.jsonl'])
  place.write('app.ts', CLICKS.replace("'seen'", "'other'"))
  const { message } = await place.fails(run)
  assert.match(message, /[0-9a-f]{12}.*[0-9a-f]{12}/)
  // The application that it was written by goes on as if nothing had been.
  place.write('app.ts', CLICKS)
  assert.deepEqual((await place.succeeds(run))['tables'], first['tables'])
})

situation('a change to a table that would lose rows', async place => {
  place.write('app.ts', CLICKS)
  place.write('clicks.jsonl', click(1))
  await place.succeeds([
    'run',
    './app.ts',
    '--bounded',
    '--input',
    'clicks=clicks.jsonl',
    '--data',
    'data',
  ])
  const other = CLICKS.replace("name: 'clicks'", "name: 'other'")
  place.write(
    'app.ts',
    other.replace('clicks.into', 'clicks.select(r => ({ user_id: r.user_id, at: r.at })).into'),
  )
  const run = ['run', './app.ts', '--bounded', '--data', 'data']
  const { message } = await place.fails(run)
  assert.match(message, /seen/)
})
