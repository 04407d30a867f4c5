import { explain } from '../../src/plan/explain.ts'
import { app } from './sales.ts'
console.log(explain(app))
