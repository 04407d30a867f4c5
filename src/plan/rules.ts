/** The law of plans, piece by piece, for whoever makes one step by step: the builder. */

import { aggregateType } from './aggregates.ts'
import { checkPipeline, checkSource, checkTable, RECORD_COLUMNS } from './check/application.ts'
import { callType, checkExpression } from './check/expression.ts'
import { checkOperator, mayRetract, pathOf } from './check/operator.ts'
import { isValue } from './check/value.ts'
import { isRefusal, nullable, sameType, withNull } from './functions/signature.ts'
import { keepsTogether, partitionedAlike, placementOf } from './partitioning.ts'

/** Each is described where it stands; all throw `plan.*` with the place. */
export const rules = Object.freeze({
  RECORD_COLUMNS,
  aggregateType,
  callType,
  checkExpression,
  checkOperator,
  checkPipeline,
  checkSource,
  checkTable,
  isRefusal,
  isValue,
  keepsTogether,
  mayRetract,
  nullable,
  partitionedAlike,
  pathOf,
  placementOf,
  sameType,
  withNull,
})
