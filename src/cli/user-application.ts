/**
 * Finds an application: one that ships, by name, or a file of the user's, by path.
 *
 * A user's file imports `millrace`; a resolve hook answers that from this package, so that the file
 * may lie anywhere. The file exports `const app = defineApp(…)`.
 */

import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlatformError } from '#base'
import { type Application, checkApplication } from '#plan'
import { resolveDoors } from './doors.ts'
import type { DemoFeed } from './running/demo-feed.ts'

const ROOT = join(import.meta.dirname, '../..')

/** The file of an application named or pathed by `name`, absolute. */
export function applicationPath(name: string, directory: string): string {
  const shipped = join(ROOT, 'apps', name, 'app.ts')
  if (/^[a-z][a-z0-9-]*$/.test(name) && existsSync(shipped)) return shipped
  const path = resolve(directory, name)
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new PlatformError('app.not_found', `no application "${name}"`, {
      hint: `Give the path of a file that exports "app", as in ./my-app.ts (looked at "${path}").`,
    })
  }
  return path
}

/** What a file exports, `app` among it. */
async function exportsOf(
  name: string,
  directory: string,
): Promise<Readonly<Record<string, unknown>>> {
  const path = applicationPath(name, directory)
  resolveDoors()
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw placed(cause, name, path)
  }
}

/** An error of a user's file, with the line of it that it comes from. */
function placed(cause: unknown, name: string, path: string): PlatformError {
  const stack = cause instanceof Error ? (cause.stack ?? '') : ''
  const behind = stack.split(pathToFileURL(path).href)[1] ?? stack.split(path)[1]
  const line = /^:(\d+)/.exec(behind ?? '')?.[1]
  const place = line === undefined ? '' : ` at line ${line} of "${name}"`
  if (cause instanceof PlatformError) {
    const hint = cause.hint === undefined ? {} : { hint: cause.hint }
    return new PlatformError(cause.code, `${cause.message}${place}`, { ...hint, cause })
  }
  const said = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
  return new PlatformError('app.invalid', `"${name}" does not load: ${said}`, {
    hint: `Correct ${line === undefined ? '' : `line ${line} of `}${path}.`,
    cause,
  })
}

/**
 * The application of a file.
 *
 * @throws PlatformError `app.not_found`, `app.invalid`, and the `plan.*` errors of its plans
 */
export async function loadApplication(name: string, directory: string): Promise<Application> {
  const { app } = await exportsOf(name, directory)
  if (app === undefined) {
    throw new PlatformError('app.invalid', `"${name}" exports no "app"`, {
      hint: 'Add "export const app = defineApp({ … })".',
    })
  }
  try {
    return checkApplication(app)
  } catch (cause) {
    // What defineApp made it has checked itself.
    if (!(cause instanceof PlatformError)) throw cause
    throw new PlatformError('app.invalid', `the "app" of "${name}" is none: ${cause.message}`, {
      hint: 'Make it with defineApp({ … }).',
      cause,
    })
  }
}

/** The made-up input that a file exports as `demo`, where it does. */
export async function loadDemo(name: string, directory: string): Promise<DemoFeed | undefined> {
  const { demo } = await exportsOf(name, directory)
  return demo as DemoFeed | undefined
}
