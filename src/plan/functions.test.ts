import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calendar, isoTime, type TimePart, type TimeUnit, timeText } from '#base'
import { type FunctionExample, isRefusal, sameType, typeText } from './functions/signature.ts'
import { FUNCTIONS } from './functions.ts'
import type { Type, Value } from './type.ts'

const entries = Object.entries(FUNCTIONS)

/** The arguments as `check` sees them, literals where the function demands them. */
const argumentsOf = (name: string, example: FunctionExample) =>
  example.argTypes.map((type, index) => {
    const literal = FUNCTIONS[name as keyof typeof FUNCTIONS].literal?.(index) === true
    return literal ? { type, literal: example.args[index] ?? null } : { type }
  })

/** Whether a value is one of a type, as the table of type.ts says. */
function isValue(type: Type, value: Value): boolean {
  if (value === null) return type.nullable === true
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean'
    case 'int32':
      return typeof value === 'number' && (value | 0) === value && !Object.is(value, -0)
    case 'int64':
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value
    case 'float64':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'decimal': {
      if (typeof value !== 'string') return false
      const digits = value.replace(/^-/, '').replace('.', '').replace(/^0+/, '')
      const fraction = value.includes('.') ? value.length - value.indexOf('.') - 1 : 0
      return (
        /^-?[0-9]+(\.[0-9]+)?$/.test(value) &&
        fraction === type.scale &&
        digits.length <= type.precision
      )
    }
    case 'enum':
      return type.values.includes(value as string)
    case 'timestamp':
    case 'date':
      return Number.isSafeInteger(value) && !Object.is(value, -0)
    case 'array':
      return Array.isArray(value) && value.every(item => isValue(type.of, item))
    default:
      return typeof value === 'string' && value.isWellFormed()
  }
}

test('there are the functions of the issue', () => {
  assert.equal(entries.length, 47)
})

test('every function has a meaning that is a sentence, and examples', () => {
  for (const [name, spec] of entries) {
    assert.match(spec.meaning, /^[A-Z0-9].*\.$/, name)
    assert.ok(spec.examples.length > 0, name)
  }
})

for (const [name, spec] of entries) {
  test(`the examples of ${name} have the types that its signature gives`, () => {
    for (const example of spec.examples) {
      const shown = `${name}(${example.argTypes.map(typeText).join(', ')}) of ${example.args.join(', ')}`
      const result = spec.check(
        argumentsOf(name, example),
        name === 'cast' ? example.type : undefined,
      )
      assert.ok(!isRefusal(result), `${shown}: ${isRefusal(result) ? result.reason : ''}`)
      assert.ok(
        sameType(result, example.type),
        `${shown} is ${typeText(result)}, not ${typeText(example.type)}`,
      )
      assert.equal(example.args.length, example.argTypes.length, shown)
      for (const [index, type] of example.argTypes.entries()) {
        assert.ok(isValue(type, example.args[index] ?? null), `${shown}: argument ${index + 1}`)
      }
      assert.ok(isValue(example.type, example.result), `${shown} = ${example.result}`)
    }
  })
}

test('a function whose result is nullable shows when, unless only its arguments are', () => {
  for (const [name, spec] of entries) {
    const total = spec.examples.filter(({ argTypes }) =>
      argTypes.every(type => type.nullable !== true),
    )
    const nullable = total.filter(({ type }) => type.nullable === true)
    if (nullable.length > 0)
      assert.ok(
        nullable.some(({ result }) => result === null),
        name,
      )
  }
})

test('the examples of times agree with the calendar', () => {
  for (const { args, argTypes, result } of FUNCTIONS.timeTrunc.examples) {
    const trunc = argTypes[0]?.kind === 'date' ? calendar.truncDate : calendar.truncTime
    if (args[0] !== null) assert.equal(trunc(args[0] as number, args[1] as TimeUnit), result)
  }
  for (const { args, argTypes, result } of FUNCTIONS.timePart.examples) {
    const part = argTypes[0]?.kind === 'date' ? calendar.partOfDate : calendar.partOfTime
    if (args[0] !== null) assert.equal(part(args[0] as number, args[1] as TimePart), result)
  }
  for (const { args, argTypes, result } of FUNCTIONS.timeAdd.examples) {
    const add = argTypes[0]?.kind === 'date' ? calendar.addToDate : calendar.addToTime
    const sum = add(args[0] as number, Number(args[1]), args[2] as TimeUnit)
    if (args[1] !== null) assert.equal(Number.isNaN(sum) ? null : sum, result)
  }
  for (const { args, result } of FUNCTIONS.timeParse.examples) {
    if (args[0] !== null)
      assert.equal(timeText(args[1] as string).parse(args[0] as string) ?? null, result)
  }
  for (const { args, argTypes, result } of FUNCTIONS.timeFormat.examples) {
    if (args[0] === null) continue
    const time = (args[0] as number) * (argTypes[0]?.kind === 'date' ? 86_400_000_000 : 1)
    assert.equal(timeText(args[1] as string).format(time), result)
  }
  assert.equal(isoTime.format(1715953530123456), '2024-05-17T13:45:30.123456Z')
})

test('calls that have no meaning are refused with a reason', () => {
  const int: Type = { kind: 'int32' }
  const text: Type = { kind: 'string' }
  const float: Type = { kind: 'float64' }
  const long: Type = { kind: 'int64' }
  const fine: Type = { kind: 'decimal', precision: 38, scale: 20 }
  const of = (...types: Type[]) => types.map(type => ({ type }))
  const calls = [
    FUNCTIONS.eq.check(of(int, text), undefined),
    FUNCTIONS.eq.check(of(long, float), undefined),
    FUNCTIONS.eq.check(of({ kind: 'json' }, { kind: 'json' }), undefined),
    FUNCTIONS.eq.check(of(int), undefined),
    FUNCTIONS.add.check(of(long, float), undefined),
    FUNCTIONS.add.check(of(text, int), undefined),
    FUNCTIONS.mul.check(of(fine, fine), undefined),
    FUNCTIONS.and.check(of({ kind: 'bool' }, int), undefined),
    FUNCTIONS.if.check(of({ kind: 'bool' }, int, text), undefined),
    FUNCTIONS.case.check(of({ kind: 'bool' }, int), undefined),
    FUNCTIONS.in.check(
      [{ type: int }, { type: { kind: 'int32', nullable: true }, literal: null }],
      undefined,
    ),
    FUNCTIONS.cast.check(of(text), undefined),
    FUNCTIONS.cast.check(of({ kind: 'bytes' }), text),
    FUNCTIONS.split.check([{ type: text }, { type: text, literal: '' }], undefined),
    FUNCTIONS.timeTrunc.check(
      [{ type: { kind: 'date' } }, { type: text, literal: 'hour' }],
      undefined,
    ),
    FUNCTIONS.timeTrunc.check(
      [{ type: { kind: 'date' } }, { type: text, literal: 'days' }],
      undefined,
    ),
    FUNCTIONS.timeParse.check([{ type: text }, { type: text, literal: 'HH:mm' }], undefined),
    FUNCTIONS.round.check([{ type: fine }, { type: int, literal: -1 }], undefined),
    FUNCTIONS.hash.check(of({ kind: 'bytes' }), undefined),
  ]
  for (const [index, result] of calls.entries()) assert.ok(isRefusal(result), `call ${index}`)
})
