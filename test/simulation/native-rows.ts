/** Rows of a Native block, for what the engine's tests write: enough types to compare tables. */

const TWO_32 = 4294967296

export type NativeRow = Record<string, string | number | null>

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  length(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#bytes[this.at++] as number
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }

  text(): string {
    const length = this.length()
    this.at += length
    return Buffer.from(this.#bytes.subarray(this.at - length, this.at)).toString()
  }

  byte(): number {
    return this.#bytes[this.at++] as number
  }

  int32(): number {
    this.at += 4
    return this.#view.getInt32(this.at - 4, true)
  }

  int64(): number {
    this.at += 8
    const low = this.#view.getUint32(this.at - 8, true)
    return this.#view.getInt32(this.at - 4, true) * TWO_32 + low
  }
}

function readValue(reader: Reader, type: string): string | number {
  if (type === 'String') return reader.text()
  if (type === 'Bool' || type === 'UInt8') return reader.byte()
  if (type === 'Int32' || type === 'UInt32') return reader.int32()
  if (type === 'Int64' || type === 'UInt64' || type.startsWith('DateTime64')) return reader.int64()
  throw new Error(`no reader for ${type}`)
}

export function nativeRows(bytes: Uint8Array): NativeRow[] {
  const reader = new Reader(bytes)
  const columns = reader.length()
  const count = reader.length()
  const rows: NativeRow[] = Array.from({ length: count }, () => ({}))
  for (let c = 0; c < columns; c++) {
    const name = reader.text()
    const type = reader.text()
    const inner = /^Nullable\((.*)\)$/.exec(type)?.[1]
    const nulls = rows.map(() => (inner === undefined ? 0 : reader.byte()))
    for (const [index, row] of rows.entries()) {
      const value = readValue(reader, inner ?? type)
      row[name] = nulls[index] === 1 ? null : value
    }
  }
  return rows
}
