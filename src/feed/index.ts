/** Records from files, standard input and recorded topics, into a log. */

export {
  type IngestOptions,
  type IngestProgress,
  type IngestResult,
  type InputResult,
  ingest,
  STANDARD_INPUT,
} from './ingest.ts'
export { type PacedReplayOptions, pacedReplay, topicBlocks } from './paced-replay.ts'
