import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, uuidV5 } from '#base'
import { uuidText, uuidWords } from '../register.ts'
import { uuidMinter } from './uuid-v5.ts'

const NAMESPACE = '0a5bbe90-79be-5ccd-b523-370b4e8c08d5'

test('ids are those of the definition, for names of every length around a block and long ones', () => {
  const mint = uuidMinter(NAMESPACE)
  for (const unit of ['a', 'é', '😀']) {
    for (let length = 0; length < 300; length++) {
      const name = unit.repeat(length)
      assert.equal(mint(name), uuidV5(NAMESPACE, name), `${length} of ${unit}`)
    }
  }
  for (const length of [999, 1_000, 1_001, 5_000]) {
    assert.equal(mint('\uffff'.repeat(length)), uuidV5(NAMESPACE, '\uffff'.repeat(length)))
  }
})

test('the text of a uuid and its words are each made of the other', () => {
  const random = seededRandom(3)
  const words = new Int32Array(8)
  for (let i = 0; i < 500; i++) {
    for (let word = 0; word < 4; word++) words[word] = random.next() * 2 ** 32
    const text = uuidText(words, 0)
    assert.match(text, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    uuidWords(text, words, 1)
    assert.deepEqual(words.subarray(4), words.subarray(0, 4))
  }
})
