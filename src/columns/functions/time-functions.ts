/** Functions of times and dates, which are numbers; the calendar itself is in module base. */

import { calendar, MICROS_PER_DAY, type TimePart, type TimeUnit, timeText } from '#base'
import { argumentType, type Call, type FunctionEntry, literalText } from './function-entry.ts'
import { floats } from './number-functions.ts'
import { texts } from './text-functions.ts'

const ofDate = (call: Call): boolean => argumentType(call, 0).kind === 'date'

/** Units of one length that times are cut to, in µs. */
const LENGTH_US: Readonly<Record<string, number>> = {
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: MICROS_PER_DAY,
}

/** Parts that repeat: the unit they count, in µs, and after how many they begin again. */
const CYCLES: Readonly<Record<string, readonly [unitUs: number, count: number]>> = {
  microsecond: [1, 1_000_000],
  second: [1_000_000, 60],
  minute: [60_000_000, 60],
  hour: [3_600_000_000, 24],
}

export const TIME_ENTRIES = {
  timeTrunc: {
    strict: true,
    scalar: call => {
      const unit = literalText(call, 1) as TimeUnit
      const trunc = ofDate(call) ? calendar.truncDate : calendar.truncTime
      return floats((time = 0) => trunc(time, unit) + 0)
    },
    source: (call, [time]) => {
      const length = ofDate(call) ? undefined : LENGTH_US[literalText(call, 1)]
      return length === undefined ? undefined : `Math.floor(${time} / ${length}) * ${length}`
    },
  },
  timePart: {
    strict: true,
    scalar: call => {
      const part = literalText(call, 1) as TimePart
      const partOf = ofDate(call) ? calendar.partOfDate : calendar.partOfTime
      return floats((time = 0) => partOf(time, part))
    },
    source: (call, [time = ''], emitter) => {
      const cycle = ofDate(call) ? undefined : CYCLES[literalText(call, 1)]
      if (cycle === undefined) return undefined
      const [unit, count] = cycle
      const units = emitter.fresh()
      emitter.line(`const ${units} = Math.floor(${time} / ${unit})`)
      return `${units} - Math.floor(${units} / ${count}) * ${count}`
    },
  },
  timeAdd: {
    strict: true,
    scalar: call => {
      const unit = literalText(call, 2) as TimeUnit
      const add = ofDate(call) ? calendar.addToDate : calendar.addToTime
      return (time = 0, amount = 0) => add(time as number, Number(amount), unit) + 0
    },
  },
  timeParse: {
    strict: true,
    scalar: call => {
      const form = timeText(literalText(call, 1))
      return texts((text = '') => form.parse(text) ?? Number.NaN)
    },
  },
  timeFormat: {
    strict: true,
    scalar: call => {
      const form = timeText(literalText(call, 1))
      const unit = ofDate(call) ? MICROS_PER_DAY : 1
      return (time = 0) => form.format((time as number) * unit)
    },
  },
} as const satisfies Record<string, FunctionEntry>
