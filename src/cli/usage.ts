/** Wrong usage as the command-line parser finds it, as an error of ours: a message, and what to type. */

import type { CommanderError } from 'commander'
import { PlatformError } from '#base'

/** Says what of the command line cannot be used; the hint says where to look. */
export function usage(message: string, hint: string): PlatformError {
  return new PlatformError('usage', message, { hint })
}

/** What the parser threw, as ours; undefined where help or the version was asked for. */
export function usageError(
  error: CommanderError,
  args: readonly string[],
): PlatformError | undefined {
  if (error.exitCode === 0) return undefined
  if (error.code === 'commander.help') return usage('no command was given', SEE_HELP)
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const nearest = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1]
  const message = first.replaceAll("'", '"')
  const invalid = /^(option|command-argument) (.*) argument "(.*)" is invalid\. (.*)$/.exec(message)
  if (invalid !== null) {
    const [, , option = '', value = '', wanted = ''] = invalid
    return usage(`"${value}" is no value for ${option}`, wanted)
  }
  const command = args.find(arg => /^[a-z]+$/.test(arg))
  const help =
    command === undefined || error.code === 'commander.unknownCommand'
      ? SEE_HELP
      : `Run "millrace ${command} --help" for what it takes.`
  return usage(message, nearest === undefined ? help : `Did you mean "${nearest}"? ${help}`)
}

const SEE_HELP = 'Run "millrace --help" for what there is.'
