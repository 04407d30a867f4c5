#!/usr/bin/env node
// The command. Node 24 runs TypeScript as it is; an older node (the machine's, which may have
// started this file) hands over to the one this package brings.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const major = Number(process.versions.node.split('.')[0])
if (major >= 24) {
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
