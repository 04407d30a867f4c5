import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLATFORM_NAMESPACE, uuidV5 } from './uuid.ts'

test('the vectors of the constitution reproduce', () => {
  const vectors: [string[], string][] = [
    [
      ['nse_cm_bhavcopy', 'INE002A01018:EQ:NSE', '2026-01-05', '0'],
      '935056c3-6f76-540d-8b58-7dc1271f7a18',
    ],
    [
      ['nse_cm_bhavcopy', 'INE002A01018:EQ:NSE', '2026-01-05', '1'],
      '9e25e1db-af9d-5040-b0c0-372b12211622',
    ],
    [
      ['session', '7f0c1d52-6c2f-4d0e-9a44-2f1b8d9e0a11', '3b241101-e2bb-4255-8caf-4136c566a962'],
      '68730d0b-dc57-5029-9ef1-da7fa0bcb0fb',
    ],
  ]
  for (const [parts, id] of vectors) {
    assert.equal(uuidV5(PLATFORM_NAMESPACE, JSON.stringify(parts)), id)
  }
})

test('the vector of RFC 9562 reproduces', () => {
  const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
  assert.equal(uuidV5(dns, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
})
