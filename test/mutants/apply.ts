/**
 * Preloaded into a test process: breaks one place of one source file as it is loaded.
 *
 * The mutant comes as JSON in `MILLRACE_MUTANT`. Where the text to break is not found exactly once
 * the process ends with code 86, so that a mutant cannot rot unnoticed.
 */

import { registerHooks } from 'node:module'

interface Broken {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const MUTANT_NOT_FOUND = 86
const mutant = JSON.parse(process.env['MILLRACE_MUTANT'] ?? 'null') as Broken | null

if (mutant !== null) {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      if (!url.endsWith(`/${mutant.file}`)) return loaded
      const parts = String(loaded.source).split(mutant.find)
      if (parts.length !== 2) {
        process.stderr.write(
          `"${mutant.find}" stands ${parts.length - 1} times in ${mutant.file}\n`,
        )
        process.exit(MUTANT_NOT_FOUND)
      }
      return { ...loaded, source: parts.join(mutant.replace) }
    },
  })
}
