/**
 * Makes `millrace` and `millrace/test` resolve for every file this process imports, wherever it
 * lies. Commands do it before they load a user's file; `node --import …/bin/doors.js` does it for a
 * user's tests.
 */

import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../..')

const DOORS: Readonly<Record<string, string>> = {
  millrace: pathToFileURL(join(ROOT, 'src/sdk/index.ts')).href,
  'millrace/test': pathToFileURL(join(ROOT, 'src/sdk/test-kit.ts')).href,
}

let hooked = false

/** Answers the two names from this package from now on. */
export function resolveDoors(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      const url = DOORS[specifier]
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
    },
  })
}
