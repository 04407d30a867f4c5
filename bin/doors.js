// `node --import <checkout>/bin/doors.js --test`: a user's tests find `millrace` and `millrace/test`.
import { resolveDoors } from '../src/cli/doors.ts'

resolveDoors()
