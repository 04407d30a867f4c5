/**
 * Source text for one value of a record, by its type: part of a generated decoder.
 *
 * The code stands within the labelled block `ok`, has `p` at the value's first byte and leaves it
 * behind the last; `break ok` sends the record to the slow path, so each piece may refuse whatever
 * is not common, and must never take what the slow path refuses. Names in the source are letters
 * and indexes of columns; nothing of a schema or record enters it but integers.
 */

import { columnKind } from '#columns'
import { NARROW_PRECISION_MAX, type ScalarType } from '#plan'
import type { FieldLeaf } from './fields.ts'

/** Where a value is written: names of the arrays of its column, and of the row. */
export interface Target {
  /** Index of the column, and `i` before it for items of a list. */
  readonly id: string
  readonly row: string
  /** Containers that are open around the value. */
  readonly depth: number
}

const encoder = new TextEncoder()

/** A condition: the bytes from `p` are other than `bytes`; not read beyond the first difference. */
export function differs(bytes: Uint8Array, at = 'p'): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const place = (offset: number): string => (offset === 0 ? at : `${at}+${offset}`)
  const parts: string[] = []
  if (bytes.length < 4) {
    bytes.forEach((byte, offset) => {
      parts.push(`u8[${place(offset)}]!==${byte}`)
    })
    return parts.join('||')
  }
  for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
    parts.push(`dv.getInt32(${place(offset)},true)!==${view.getInt32(offset, true)}`)
  }
  const last = bytes.length - 4
  if (bytes.length % 4 !== 0) {
    parts.push(`dv.getInt32(${place(last)},true)!==${view.getInt32(last, true)}`)
  }
  return parts.join('||')
}

/** JSON text of a string as most producers write it; undefined where it needs an escape. */
export function plainJson(text: string): Uint8Array | undefined {
  const json = JSON.stringify(text)
  return json === `"${text}"` ? encoder.encode(json) : undefined
}

export function sourceOfScalar(leaf: FieldLeaf, type: ScalarType, target: Target): string {
  switch (type.kind) {
    case 'bool':
      return `if(dv.getInt32(p,true)===${TRUE}){${num(target)}=1;p=p+4|0;}
else if(dv.getInt32(p,true)===${FALS}&&u8[p+4]===101){${num(target)}=0;p=p+5|0;}else break ok;\n`
    case 'int32':
    case 'int64':
    case 'decimal':
      return sourceOfExact(leaf, type, target)
    case 'float64':
      return sourceOfFloat(leaf, target)
    case 'string':
      return sourceOfString(leaf, target)
    case 'enum':
      return sourceOfEnum(type.values, leaf, target)
    case 'timestamp':
      return sourceOfTime(leaf, target)
    case 'date':
      return leaf.parse === undefined ? sourceOfDate(target) : sourceOfParsed(leaf, target)
    case 'uuid':
      return sourceOfUuid(leaf, target)
    case 'ipv4':
      return sourceOfParsed(leaf, target)
    case 'json':
      return `{const q=skip(u8,p,${target.depth},hi);if(q<0||u8[p]===110)break ok;
o${target.id}[${target.row}]=p;l${target.id}[${target.row}]=q-p|0;p=q;}\n`
    case 'bytes':
      return sourceOfBytes(leaf, target)
  }
}

const TRUE = 0x65757274
const FALS = 0x736c6166
export const NULL_WORD = 0x6c6c756e

const num = ({ id, row }: Target): string => `v${id}[${row}]`

/** Leaves `p` at the closing quote of a string whose text begins at `s`, or at what is not plain. */
const SCAN = `for(;;){const w=dv.getInt32(p,true),q=w^0x22222222,b=w^0x5c5c5c5c;
const m=(((q-0x01010101)&~q)|((b-0x01010101)&~b)|((w-0x20202020)&~w)|(w&hi))&-2139062144;
if(m===0){p=p+4|0;continue;}p=p+((31-Math.clz32(m&-m))>>3)|0;break;}\n`

function sourceOfString(leaf: FieldLeaf, { id, row }: Target): string {
  const { rules } = leaf
  const { lengthMin = 0, lengthMax = Infinity } = leaf.type.kind === 'string' ? rules : {}
  let checks = ''
  if (lengthMax !== Infinity || lengthMin > 0) {
    // Bytes bound code points from both sides; only what lies between is counted.
    const sure = lengthMin > 1 ? `l<${lengthMin * 4}` : lengthMin === 1 ? 'l===0' : ''
    const over = lengthMax === Infinity ? '' : `l>${lengthMax}`
    const unsure = [sure, over].filter(Boolean).join('||')
    const wrong = `n<${lengthMin}${lengthMax === Infinity ? '' : `||n>${lengthMax}`}`
    checks += `if(${unsure}){const n=codePoints(u8,s,l);if(${wrong})break ok;}\n`
  }
  if (leaf.type.kind === 'string' && rules.pattern !== undefined) {
    checks += patternCheck(rules.pattern, id)
  }
  return `{if(u8[p]!==34)break ok;p=p+1|0;let s=p,l=0;${SCAN}
if(u8[p]===34)l=p-s|0;else{if(u8[p]!==92)break ok;
p=decodeString(arena,s,p,e,hi);if(p<0)break ok;s=decoded.start;l=decoded.length;}
${checks}o${id}[${row}]=s;l${id}[${row}]=l;p=p+1|0;}\n`
}

/** A pattern of one length over ASCII as compared bytes, any other as a regular expression. */
function patternCheck(pattern: string, id: string): string {
  const classes = fixedClasses(pattern)
  if (classes === undefined) return `if(!patterns[${id}].test(arena.string(s,l)))break ok;\n`
  const parts = classes.map((ranges, at) => {
    const byte = at === 0 ? 'u8[s]' : `u8[s+${at}]`
    const within = ranges.map(([low, high]) =>
      low === high ? `b===${low}` : `(b>=${low}&&b<=${high})`,
    )
    return `b=${byte};if(!(${within.join('||')}))break ok;`
  })
  return `{if(l!==${classes.length})break ok;let b=0;${parts.join('')}}\n`
}

type Ranges = readonly (readonly [low: number, high: number])[]

/** The byte classes of a pattern such as `^[A-Z]{2}-[0-9]$`; undefined where it is of another form. */
export function fixedClasses(pattern: string): Ranges[] | undefined {
  if (!/^\^.*\$$/s.test(pattern)) return undefined
  const body = pattern.slice(1, -1)
  const items = /(?:\[([A-Za-z0-9_ -]+)\]|([A-Za-z0-9_:, -]))(?:\{([1-9]|[1-5][0-9])\})?/y
  const classes: Ranges[] = []
  while (items.lastIndex < body.length) {
    const match = items.exec(body)
    if (match === null) return undefined
    const ranges = match[1] === undefined ? [single(match[2] ?? '')] : classRanges(match[1])
    if (ranges === undefined) return undefined
    for (let i = Number(match[3] ?? 1); i > 0; i--) classes.push(ranges)
  }
  return classes.length === 0 || classes.length > 60 ? undefined : classes
}

const single = (char: string): readonly [number, number] => [char.charCodeAt(0), char.charCodeAt(0)]

function classRanges(text: string): Ranges | undefined {
  const ranges: (readonly [number, number])[] = []
  for (let i = 0; i < text.length; i++) {
    const low = text.charCodeAt(i)
    if (text[i + 1] !== '-') {
      if (text[i] === '-') return undefined
      ranges.push([low, low])
      continue
    }
    const high = text.charCodeAt(i + 2)
    if (!/^[A-Za-z0-9]-[A-Za-z0-9]$/.test(text.slice(i, i + 3)) || high < low) return undefined
    ranges.push([low, high])
    i += 2
  }
  return ranges
}

function sourceOfEnum(values: readonly string[], leaf: FieldLeaf, target: Target): string {
  const plain = values.map(plainJson)
  if (values.length > 16) return sourceOfParsed(leaf, target)
  const arms = plain.flatMap((bytes, index) =>
    bytes === undefined
      ? []
      : [`if(!(${differs(bytes)})){${num(target)}=${index};p=p+${bytes.length}|0;}`],
  )
  return `${[...arms, 'break ok;'].join('else ')}\n`
}

/** A value in quotes without escapes, by the parser of the slow path. */
function sourceOfParsed(leaf: FieldLeaf, { id, row }: Target): string {
  return `{if(u8[p]!==34)break ok;const q=plainEnd(u8,p+1,hi);
if(q<0||parsers[${leaf.column}](u8,p+1,q,t${id},${row})!=='')break ok;p=q+1|0;}\n`
}

/**
 * An integer of 10^−scale. Up to 15 digits are summed in a double, exactly; more digits,
 * exponents and further zeros go to the parser of the slow path.
 */
function sourceOfExact(leaf: FieldLeaf, type: ExactType, target: Target): string {
  const { id, row } = target
  const quoted = type.kind !== 'int32'
  const scale = type.kind === 'decimal' ? type.scale : 0
  const wholeMax = type.kind === 'int32' ? 9 : NARROW_PRECISION_MAX - scale
  const common =
    wholeMax > 0 ? `x${id}:{${exactSource(leaf, type, wholeMax, target)}break n${id};}\n` : ''
  const within = leaf.min !== null || leaf.max !== null
  // A place in a list may have held a larger integer of a record that was refused half-way.
  const forget =
    id.startsWith('i') && columnKind(type) === 'wide'
      ? `if(t${id}.beyond.size>0)t${id}.beyond.delete(${row});\n`
      : ''
  return `${forget}n${id}:{${common}
${quoted ? 'const z=u8[p]===34?1:0,f=p+z' : 'const f=p'},q=${quoted ? 'z===1?plainEnd(u8,f,1):' : ''}numberEnd(u8,f);
if(q<0||parsers[${leaf.column}](u8,f,q,t${id},${row})!=='')break ok;
${within ? `if(!within[${leaf.column}](t${id},${row}))break ok;` : ''}
p=q${quoted ? '+z' : ''}|0;}\n`
}

type ExactType = Extract<ScalarType, { kind: 'int32' | 'int64' | 'decimal' }>

function exactBounds(leaf: FieldLeaf, type: ExactType): readonly [low: number, high: number] {
  const digits =
    type.kind === 'decimal' ? Math.min(type.precision, NARROW_PRECISION_MAX) : NARROW_PRECISION_MAX
  const int = type.kind === 'int32'
  const low = int ? -(2 ** 31) : 1 - 10 ** digits
  const high = int ? 2 ** 31 - 1 : 10 ** digits - 1
  return [
    leaf.min === null ? low : Math.max(low, Number(leaf.min)),
    leaf.max === null ? high : Math.min(high, Number(leaf.max)),
  ]
}

function exactSource(leaf: FieldLeaf, type: ExactType, wholeMax: number, target: Target): string {
  const leave = `break x${target.id};`
  const int = type.kind === 'int32'
  const [low, high] = exactBounds(leaf, type)
  let code = int ? 'let q=p|0;' : 'const z=u8[p]===34?1:0;let q=p+z|0;'
  // Where no negative value is valid a minus is left to the parser.
  if (low < 0) code += 'const neg=u8[q]===45;if(neg)q=q+1|0;'
  code += `const f=q;let d=u8[q]-48>>>0;if(d>9)${leave}let x=d${int ? '|0' : ''};q=q+1|0;
if(d!==0)while((d=u8[q]-48>>>0)<=9){x=x*10+d${int ? '|0' : ''};q=q+1|0;}
if(q-f>${wholeMax})${leave}\n`
  if (type.kind === 'decimal' && type.scale > 0) code += fractionSource(type.scale, leave)
  if (low < 0) code += 'if(neg)x=0-x;'
  code += `{const c=u8[q];if(c>45&&c<102&&c!==93)${leave}}\n`
  if (!int) code += `if(z===1){if(u8[q]!==34)${leave}q=q+1|0;}`
  code += `if(x<${low}||x>${high})break ok;${num(target)}=x;`
  return `${code}p=q;`
}

/** The digits behind the point, and the power of ten for those that are not written. */
function fractionSource(scale: number, leave: string): string {
  if (scale <= 2) {
    const second = 'd=u8[q]-48>>>0;if(d<=9){x+=d;q=q+1|0;}'
    return `x*=${10 ** scale};if(u8[q]===46){d=u8[q+1]-48>>>0;if(d>9)break ok;
x+=d${scale === 2 ? '*10' : ''};q=q+2|0;${scale === 2 ? second : ''}}\n`
  }
  return `if(u8[q]===46){q=q+1|0;const g=q;while((d=u8[q]-48>>>0)<=9){x=x*10+d;q=q+1|0;}
if(q===g)break ok;if(q-g>${scale})${leave}x*=pow[${scale}-(q-g)];}else x*=${10 ** scale};\n`
}

/** Up to 15 digits and a power of ten are exact doubles, and so is the rounding of their quotient. */
function sourceOfFloat(leaf: FieldLeaf, target: Target): string {
  const { id, row } = target
  const { min, max } = leaf.type.kind === 'float64' ? leaf.rules : {}
  const outside = [
    min === undefined ? '' : `!(x>=${min})`,
    max === undefined ? '' : `!(x<=${max})`,
  ].filter(Boolean)
  const check = outside.length > 0 ? `if(${outside.join('||')})break ok;` : ''
  return `{let x=0;n${id}:{x${id}:{let q=p|0;const neg=u8[q]===45;if(neg)q=q+1|0;const f=q;
let d=u8[q]-48>>>0;if(d>9)break ok;x=d;q=q+1|0;
if(d!==0)while((d=u8[q]-48>>>0)<=9){x=x*10+d;q=q+1|0;}
if(u8[q]===46){q=q+1|0;const g=q;while((d=u8[q]-48>>>0)<=9){x=x*10+d;q=q+1|0;}
if(q===g)break ok;if(q-f>16)break x${id};x/=pow[q-g];}else if(q-f>15)break x${id};
{const c=u8[q];if(c>45&&c<102&&c!==93)break x${id};}
if(neg)x=0-x;p=q;break n${id};}
const q=numberEnd(u8,p);if(q<0||parsers[${leaf.column}](u8,p,q,t${id},${row})!=='')break ok;
x=${num(target)};p=q;}
${check}${num(target)}=x;}\n`
}

const UNIX_SHIFTS: Readonly<Record<string, number>> = {
  unix_s: 6,
  unix_ms: 3,
  unix_us: 0,
  unix_ns: -3,
}

function sourceOfTime(leaf: FieldLeaf, target: Target): string {
  const spec = leaf.parse?.time
  if (spec === undefined) return sourceOfRfc3339(target)
  const shift = UNIX_SHIFTS[spec]
  if (shift === undefined) return sourceOfParsed(leaf, target)
  return `{const z=u8[p]===34?1:0;const q=time.unix(u8,p+z,${shift});
if(q<0||(z===1&&u8[q]!==34))break ok;${num(target)}=time.us;p=q+z|0;}\n`
}

/** `"yyyy-MM-ddTHH:mm:ss.SSSZ"` here, other forms in the scanner. */
function sourceOfRfc3339(target: Target): string {
  const digit = (name: string, at: number): string => `${name}=u8[p+${at}]-48>>>0`
  const digits = [
    digit('a', 12),
    digit('b', 13),
    digit('c', 15),
    digit('d', 16),
    digit('e', 18),
    digit('f', 19),
    digit('g', 21),
    digit('h', 22),
    digit('j', 23),
  ].join(',')
  return `if(u8[p]!==34)break ok;
if(u8[p+25]===34&&u8[p+24]===90&&u8[p+20]===46&&u8[p+11]===84&&u8[p+14]===58&&u8[p+17]===58){
if((dv.getInt32(p+1,true)!==time.a||dv.getInt32(p+5,true)!==time.b||dv.getInt16(p+9,true)!==time.c)&&!time.day(u8,dv,p+1))break ok;
const ${digits},hour=a*10+b|0;
if(b>9||d>9||f>9||g>9||h>9||j>9||hour>23||a>2||c>5||e>5)break ok;
${num(target)}=time.midnightUs+(hour*3600000+(c*10+d)*60000+(e*10+f)*1000+g*100+h*10+j|0)*1000;p=p+26|0;
}else{const q=time.time(u8,dv,p+1);if(q<0||u8[q]!==34)break ok;${num(target)}=time.us;p=q+1|0;}\n`
}

function sourceOfDate(target: Target): string {
  return `if(u8[p]!==34||u8[p+11]!==34||!time.day(u8,dv,p+1))break ok;${num(target)}=time.days;p=p+12|0;\n`
}

/**
 * Eight groups of four digits: nibbles are computed from four bytes at once, written again as lower
 * case and compared, which checks them without a table. Upper case goes to the parser.
 */
function sourceOfUuid(leaf: FieldLeaf, { id, row }: Target): string {
  let code = `{if(u8[p]!==34||u8[p+9]!==45||u8[p+14]!==45||u8[p+19]!==45||u8[p+24]!==45||u8[p+37]!==34)break ok;
let bad=0,high=0;const to=${row}*4;\n`
  for (const [group, offset] of UUID_GROUPS.entries()) {
    code += `{const w=dv.getInt32(p+${offset},true),h=(w>>>6)&0x01010101,n=(w&0x0f0f0f0f)+(h<<3)+h|0,g=((n+0x06060606)>>>4)&0x01010101;
bad|=(n&0x10101010)|((n+0x30303030+Math.imul(g,0x27)|0)^w);const t=n<<4|n>>>8,x=(t&255)<<8|(t>>>16)&255;
${group % 2 === 0 ? 'high=x<<16;' : `w${id}[to+${group >> 1}]=high|x;`}}\n`
  }
  return `${code}if(bad===0)z${id}[${row}]=0;
else if(parsers[${leaf.column}](u8,p+1,p+37,t${id},${row})!=='')break ok;
p=p+38|0;}\n`
}

/** Where the groups begin, from the opening quote. */
const UUID_GROUPS = [1, 5, 10, 15, 20, 25, 29, 33]

function sourceOfBytes(leaf: FieldLeaf, { id, row }: Target): string {
  const { lengthMin = 0, lengthMax = Infinity } = leaf.type.kind === 'bytes' ? leaf.rules : {}
  const wrong = `l<${lengthMin}${lengthMax === Infinity ? '' : `||l>${lengthMax}`}`
  return `{if(u8[p]!==34)break ok;const q=plainEnd(u8,p+1,1);if(q<0||q>=e)break ok;
const s=arena.used,l=appendBase64(arena,p+1,q);if(${wrong})break ok;
o${id}[${row}]=s;l${id}[${row}]=l;p=q+1|0;}\n`
}
