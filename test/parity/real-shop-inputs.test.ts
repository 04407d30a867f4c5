import { test } from 'node:test'
import { onRealData } from '../integration/real-data.ts'
import { oneRealAnswer } from './one-answer.ts'

for (const name of ['online-retail', 'rees46']) {
  test(`${name}: one answer whole, along each axis and in seeded combinations`, onRealData, t =>
    oneRealAnswer(t, name),
  )
}
