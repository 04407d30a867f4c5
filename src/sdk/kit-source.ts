/** A source of the test kit: it takes rows as they are, whatever its format was. */

import type { JsonField, Row, SourceSpec, Type, Value } from '#plan'

/** The source with its row type as JSON fields, and nothing left to map. */
export function rowSource(source: SourceSpec): SourceSpec {
  const fields = source.schema.map(
    ({ name, type }): JsonField => ({
      path: [name],
      column: name,
      optional: type.nullable === true,
      ...(type.kind === 'timestamp' ? { parse: { time: 'unix_us' } } : {}),
    }),
  )
  return {
    ...source,
    format: { kind: 'json', fields, unknown: 'reject' },
    raw: source.schema,
    map: source.schema.map(({ name, type }) => ({ node: 'column', name, type })),
    skewMaxUs: Number.MAX_SAFE_INTEGER,
  }
}

/** A row as a record of such a source. */
export function recordOf(source: SourceSpec, row: Row): string {
  const members = source.schema.flatMap(({ name, type }) => {
    const value = row[name] ?? null
    return value === null ? [] : [`${JSON.stringify(name)}:${jsonOf(value, type)}`]
  })
  return `{${members.join(',')}}`
}

function jsonOf(value: Value, type: Type): string {
  if (value === null) return 'null'
  if (type.kind === 'json') return String(value)
  if (type.kind === 'bytes')
    return JSON.stringify(Buffer.from(value as Uint8Array).toString('base64'))
  if (type.kind === 'int64' || type.kind === 'decimal') return `"${String(value)}"`
  if (type.kind === 'date') {
    return JSON.stringify(new Date(Number(value) * 86_400_000).toISOString().slice(0, 10))
  }
  if (type.kind === 'array') {
    return `[${(value as readonly Value[]).map(item => jsonOf(item, type.of)).join(',')}]`
  }
  return JSON.stringify(value)
}
