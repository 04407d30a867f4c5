#!/usr/bin/env node
// The command. Node 24 runs TypeScript as it is; an older node (the machine's, which may have
// started this file) hands over to the one this package brings.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const major = Number(process.versions.node.split('.')[0])
if (major >= 24) {
  // Types are stripped once and not at each start, which takes a third of the time then. The cache is
  // in the package: who may write it may change the code itself. Workers find it in the environment.
  const cache = join(root, 'node_modules/.cache/compile')
  module.enableCompileCache(cache)
  process.env.NODE_COMPILE_CACHE ??= cache
  await import('../src/cli/main.ts')
} else {
  const node = join(root, 'node_modules/node/bin/node')
  if (!existsSync(node)) {
    process.stderr.write(
      `millrace: needs Node 24, this is ${process.version}\n  Run "npm install" in ${root}.\n`,
    )
    process.exit(1)
  }
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const { status, signal } = spawnSync(node, args, { stdio: 'inherit' })
  if (signal) process.kill(process.pid, signal)
  process.exit(status ?? 1)
}
