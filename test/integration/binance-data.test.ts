import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { onRealData, realPath, UserDirectory } from './real-data.ts'

const FILE = 'binance-ws/usdm-btcusdt_20240808.gz'

interface Frame {
  readonly received: string
  readonly stream: string
  readonly at: number
  readonly trade: { readonly price: string; readonly quantity: string } | undefined
}

/** The file, read by hand. */
function frames(): Frame[] {
  const lines = gunzipSync(readFileSync(realPath(FILE)))
    .toString()
    .trimEnd()
    .split('\n')
  return lines.flatMap(line => {
    const space = line.indexOf(' ')
    const { stream, data } = JSON.parse(line.slice(space + 1)) as {
      readonly stream?: string
      readonly data: Readonly<Record<string, string | number>>
    }
    if (stream === undefined) return []
    const trade =
      data['t'] === undefined
        ? undefined
        : { price: String(data['p']), quantity: String(data['q']) }
    return [{ received: line.slice(0, space), stream, at: Number(data['E']), trade }]
  })
}

/** Verdicts by the formula of docs/SEMANTICS.md over one sequence of frames. */
function verdicts(list: readonly Frame[], disorderMs: number, latenessMs: number) {
  let greatest = -Infinity
  let late = 0
  const included = list.filter(({ at }) => {
    const watermark = greatest - disorderMs
    greatest = Math.max(greatest, at)
    if (at < watermark - latenessMs) return false
    if (at < watermark) late++
    return true
  })
  return { late, tooLate: list.length - included.length, included }
}

const unscaled = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(8, '0'))
}

/** Prices of the trades of one moment: which of them is the first, their ids decide. */
function pricesLike(list: readonly Frame[], place: number): Set<bigint> {
  const moment = ({ at, received }: Frame): string => `${at} ${received.slice(0, -3)}`
  const one = list[place] as Frame
  return new Set(
    list.flatMap(frame =>
      moment(frame) === moment(one) ? [unscaled(frame.trade?.price ?? '')] : [],
    ),
  )
}

test(
  'frames of an exchange behind their time: late ones, too late ones, bars',
  onRealData,
  async t => {
    using directory = new UserDirectory()
    const inputs = ['frames', 'strict'].flatMap(topic => ['--input', `${topic}=${realPath(FILE)}`])
    const { topics } = await directory.runApp('binance', ...inputs)
    const all = frames()
    const [patient, strict] = ['frames', 'strict'].map(name => topics.find(x => x.topic === name))

    const one = verdicts(all, 0, 3_600_000)
    assert.deepEqual([one.late, one.tooLate], [6_358, 0])
    assert.deepEqual([patient?.records, patient?.late, patient?.tooLate], [93_954, 6_358, 0])
    assert.deepEqual(patient?.deadLetters, { 'map.stream': 1 })

    await t.test('late and too late frames by stream are those of the formula', async () => {
      // Streams that share a partition are judged together.
      const places = await directory.query('SELECT DISTINCT stream, _p AS p FROM strict_seconds')
      const partitions = new Map(places.map(({ stream, p }) => [String(stream), Number(p)]))
      assert.equal(partitions.size, 3)
      const judged = [...Map.groupBy(all, ({ stream }) => partitions.get(stream)).values()]
      const found = judged.map(list => verdicts(list, 2, 5))
      const sum = (of: 'late' | 'tooLate'): number => found.reduce((n, one) => n + one[of], 0)
      assert.deepEqual([strict?.late, strict?.tooLate], [sum('late'), sum('tooLate')])
      t.diagnostic(`2 ms and 5 ms behind: ${sum('late')} late, ${sum('tooLate')} too late`)

      const windows = await directory.query(
        'SELECT stream, toUnixTimestamp64Milli(window_start) AS start, frames FROM strict_seconds',
      )
      const counted = Map.groupBy(
        found.flatMap(({ included }) => included),
        ({ stream, at }) => `${stream} ${Math.floor(at / 1000) * 1000}`,
      )
      assert.equal(windows.length, counted.size)
      for (const { stream, start, frames: count } of windows) {
        assert.equal(count, counted.get(`${stream} ${start}`)?.length, `${stream} at ${start}`)
      }
      const [rejected] = await directory.query(
        `SELECT count() AS n FROM rejected_records WHERE topic = 'strict' AND reason = 'event.too_late'`,
      )
      assert.deepEqual(rejected, { n: sum('tooLate') })
    })

    await t.test('bars of trades', async () => {
      const bars = await directory.query(`
      SELECT toUnixTimestamp64Milli(window_start) AS start, trades, toString(open) AS open,
        toString(high) AS high, toString(low) AS low, toString(close) AS close,
        toString(volume) AS volume FROM bars ORDER BY start`)
      const seconds = Map.groupBy(
        all.filter(({ trade }) => trade !== undefined),
        ({ at }) => Math.floor(at / 1000) * 1000,
      )
      assert.equal(bars.length, seconds.size)
      for (const bar of bars) {
        const list = seconds.get(Number(bar['start'])) ?? []
        const prices = list.map(({ trade }) => unscaled(trade?.price ?? ''))
        const volume = list.reduce((sum, { trade }) => sum + unscaled(trade?.quantity ?? ''), 0n)
        const extreme = (sign: bigint): bigint =>
          prices.reduce((best, price) => ((price - best) * sign > 0n ? price : best))
        assert.deepEqual(
          [bar['trades'], unscaled(String(bar['high'])), unscaled(String(bar['low']))],
          [list.length, extreme(1n), extreme(-1n)],
        )
        assert.equal(unscaled(String(bar['volume'])), volume)
        const inOrder = list.toSorted(
          (a, b) => a.at - b.at || Number(BigInt(a.received) / 1000n - BigInt(b.received) / 1000n),
        )
        assert.ok(pricesLike(inOrder, 0).has(unscaled(String(bar['open']))))
        assert.ok(pricesLike(inOrder, inOrder.length - 1).has(unscaled(String(bar['close']))))
      }
    })
  },
)
