/** What the store must show after each start before free SQL of users is let in. */

import { PlatformError } from '#base'
import { engineCode, type StoreClient } from '../client.ts'

export interface SelfTest {
  /** Of ClickHouse, as in `26.7.2.1`. */
  readonly version: string
  /** Version of the kernel's Landlock that holds the store; 0 where there is no sandbox. */
  readonly landlock: number
  /** Whether free SQL may run as `console`. */
  readonly freeSql: boolean
  /** One line for the operator: why free SQL is off, or what bounds it. */
  readonly reason: string
}

interface Tested {
  readonly admin: StoreClient
  readonly console: StoreClient
  /** A file that exists outside the sandbox. */
  readonly canary: string
  readonly landlock: number
}

/**
 * Asks for the version, and tries as `console` to read a file of ours. Where a sandbox is on and
 * the file is readable, something is not as we think, and free SQL stays off.
 */
export async function selfTest(tested: Tested): Promise<SelfTest> {
  const { landlock } = tested
  const rows = await tested.admin.rows('SELECT version()')
  const version = String(rows[0]?.[0])
  if (landlock === 0) {
    const reason = 'this machine has no Landlock: the statement gate alone bounds the console'
    return { version, landlock, freeSql: true, reason }
  }
  try {
    await tested.console.read('SELECT length(file({path:String}))', {
      params: { path: tested.canary },
    })
  } catch (error) {
    if (engineCode(error) === undefined) throw error
    const denied = error instanceof PlatformError && /errno: 13\b/.test(String(error.cause))
    if (denied)
      return { version, landlock, freeSql: true, reason: `sandboxed (Landlock ${landlock})` }
    const reason = `the sandbox could not be tested: ${(error as Error).message}`
    return { version, landlock, freeSql: false, reason }
  }
  const reason = 'the store can read files outside its directories in spite of its sandbox'
  return { version, landlock, freeSql: false, reason }
}
