/** Bytes to columns and back: readers, writers and log blocks of every format. */

export {
  type CanonicalRows,
  type CanonicalSpec,
  canonicalOfRows,
  canonicalTable,
} from './canonical.ts'
export { crc32c } from './checksum.ts'
export type { Codec, Reject } from './codec.ts'
export { type CodecOptions, compileCodec, OVERSIZE_HEADER } from './compile-codec.ts'
export { compileJsonDecoder, type JsonDecoder, type RecordSpans } from './json-decoder.ts'
export {
  BLOCK_PADDING,
  type BlockFault,
  type DecodedBlock,
  decodeBlock,
  encodeBlock,
  type PackedBlock,
  packBlock,
  peekBlock,
  placeSeed,
  sealBlock,
} from './log-block.ts'
export { nativeRows, type StoredRow } from './native-reader.ts'
export { NativeBlock, partitionIds } from './native-writer.ts'
export { murmur2, partitionOf, partitionRows } from './partition.ts'
export { RowCodec } from './row-codec.ts'
export { GrowingBytes } from './rowbinary-writer.ts'
export { clickhouseType, type TableLayout, tableLayout } from './table-layout.ts'
export { type CsvHeader, csvHeader, type HeaderMatch, matchHeader } from './text/csv-header.ts'
export { readHeaderNames } from './text/csv-reader.ts'
