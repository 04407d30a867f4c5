import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Task } from '../task.ts'
import { InputChoice } from './input-choice.ts'
import type { TaskInput } from './task-input.ts'

/** Inputs whose time stands where it is put. */
function choiceOf(times: readonly number[], aheadMaxUs = Infinity) {
  const inputs = times.map(time => ({
    aheadMaxUs,
    progress: { watermarkUs: time, frontierUs: time },
  }))
  const tasks = [{ inputs: inputs as unknown as TaskInput[] } as unknown as Task]
  const choice = new InputChoice(tasks)
  const next = () => {
    const chosen = choice.next()
    return chosen === undefined ? -1 : tasks[0]?.inputs.indexOf(chosen.input)
  }
  const stop = (state: 'waiting' | 'ended') => choice.stopped(choice.next() as never, state)
  return { choice, next, stop }
}

test('the input whose time has come least far is next, one that has none yet before all', () => {
  assert.equal(choiceOf([30, 10, 20]).next(), 1)
  assert.equal(choiceOf([30, 10, -Infinity]).next(), 2)
})

test('one that has nothing more is passed over until it is woken', () => {
  const { choice, next, stop } = choiceOf([10, 20])
  stop('waiting')
  assert.equal(next(), 1)
  choice.wake()
  assert.equal(next(), 0)
  stop('ended')
  choice.wake()
  assert.equal(next(), 1)
  assert.equal(choice.ended, false)
  stop('ended')
  assert.equal(choice.ended, true)
})

test('none runs further ahead of the slowest than it may, while that may still move on', () => {
  const { next, stop, choice } = choiceOf([10, 50], 30)
  stop('waiting')
  assert.equal(next(), -1, 'the second pauses')
  choice.wake()
  stop('ended')
  assert.equal(next(), 1, 'the first holds nobody any more')
  const near = choiceOf([10, 40], 30)
  near.stop('waiting')
  assert.equal(near.next(), 1)
})

test('a partition without records holds nobody', () => {
  const { next, stop } = choiceOf([-Infinity, 50, 60], 30)
  stop('waiting')
  assert.equal(next(), 1)
})
