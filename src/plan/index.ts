/** What a plan means: types, expressions, operators, applications, and the stages they run in. */

export { analyse } from './analyse.ts'
export type {
  Application,
  Emit,
  FieldRules,
  FormatSpec,
  JsonField,
  ParseSpec,
  PipelineSpec,
  ProcessFunction,
  SourceSpec,
  TableSpec,
} from './application.ts'
export { canonicalJson, planHash } from './canonical.ts'
export { checkApplication, readSource } from './check/application.ts'
export { explain } from './explain.ts'
export type { Expression } from './expression.ts'
export { type FunctionExample, type FunctionSpec, typeText } from './functions/signature.ts'
export { FUNCTIONS, type FunctionName } from './functions.ts'
export type { Aggregate, Operator, OperatorName, Window } from './operator.ts'
export { inputsOf, TRAITS } from './operator.ts'
export { rules } from './rules.ts'
export type { Stage, StageInput, StageOperator } from './stages.ts'
export type { Column, Row, ScalarType, Schema, Type, Value } from './type.ts'
export { findColumn, NARROW_PRECISION_MAX } from './type.ts'
