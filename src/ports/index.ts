/** The ports that a runner meets its surroundings in: the durable log, and checkpoints. */

export type { AppendBlock, FeedProgress, Log, LogBlock, TopicInfo, TopicSpec } from './log.ts'
export { END_OF_TIME_US } from './log.ts'
export type {
  EpochCommit,
  Manifest,
  StateEntry,
  StateStore,
  TaskCommit,
  TaskId,
  TaskRestore,
  Unit,
} from './state.ts'
