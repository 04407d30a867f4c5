/**
 * Commands on a directory that a running platform holds: sent to it, carried out there, and their
 * output sent back, so that a command reads the same whether or not the platform runs.
 *
 * One request a command on a loopback port, with the token of `run.json`; the body is standard
 * input, the answer a line of JSON for each piece of output and a last one with the exit code.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PlatformError } from '#base'
import { type Context, describeFailure, interrupted } from '../terminal.ts'
import type { RunFile } from './run-file.ts'

/** A command as it travels. */
export interface CommandCall {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly directory: string
  readonly json: boolean
}

type Line =
  | { readonly out: string }
  | { readonly bytes: string }
  | { readonly say: string }
  | { readonly exit: number }

export interface Control extends AsyncDisposable {
  readonly port: number
  readonly token: string
}

/** Listens for commands and has `carryOut` do each. */
export async function listenForCommands(
  carryOut: (call: CommandCall, context: Context) => Promise<void>,
): Promise<Control> {
  const token = randomBytes(32).toString('hex')
  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing, token, carryOut)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    token,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  token: string,
  carryOut: (call: CommandCall, context: Context) => Promise<void>,
): Promise<void> {
  const shown = Buffer.from(String(incoming.headers['x-millrace-token'] ?? ''))
  const expected = Buffer.from(token)
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) {
    outgoing.writeHead(401).end()
    return
  }
  const send = (line: Line): void => {
    outgoing.write(`${JSON.stringify(line)}\n`)
  }
  const taken = async (): Promise<void> => {
    if (outgoing.writableNeedDrain)
      await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')])
  }
  const gone = new AbortController()
  outgoing.on('close', () => gone.abort())
  const call = JSON.parse(
    Buffer.from(String(incoming.headers['x-millrace-command']), 'base64').toString(),
  ) as CommandCall
  outgoing.writeHead(200, { 'content-type': 'application/x-ndjson' })
  let exit = 0
  try {
    await carryOut(call, {
      directory: call.directory,
      json: call.json,
      interactive: false,
      signal: gone.signal,
      out: part =>
        send(
          typeof part === 'string'
            ? { out: part }
            : { bytes: Buffer.from(part).toString('base64') },
        ),
      say: text => send({ say: text }),
      ready: taken,
      input: incoming,
    })
  } catch (error) {
    const failure = describeFailure(error, call.json)
    send(call.json ? { out: failure.text } : { say: failure.text })
    exit = failure.exit
  }
  send({ exit })
  outgoing.end()
}

/** Sends `call` to the running platform of `file`; its output appears as if done here. */
export function sendCommand(
  file: RunFile,
  call: CommandCall,
  context: Context,
  withInput: boolean,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: file.controlPort,
      method: 'POST',
      signal: context.signal,
      headers: {
        'x-millrace-token': file.token,
        'x-millrace-command': Buffer.from(JSON.stringify(call)).toString('base64'),
      },
    })
    const lost = (cause?: unknown): void => {
      const silent = `the platform of process ${file.pid} does not answer`
      const hint = 'It may be starting or stopping: try again, or stop it.'
      reject(
        context.signal.aborted
          ? interrupted(`"${call.name}"`)
          : new PlatformError('data.locked', silent, { hint, cause }),
      )
    }
    outgoing.on('error', lost)
    outgoing.on('response', incoming => {
      if (incoming.statusCode !== 200) return lost()
      repeat(incoming, context).then(
        exit => (exit === undefined ? lost() : resolve(exit)),
        (error: unknown) => lost(error),
      )
    })
    if (withInput) void pump(context.input, outgoing)
    else outgoing.end()
  })
}

/** Says again what the running platform says; its exit code where it came to an end. */
async function repeat(incoming: IncomingMessage, context: Context): Promise<number | undefined> {
  let rest = ''
  let exit: number | undefined
  incoming.setEncoding('utf8')
  for await (const text of incoming) {
    const lines = (rest + String(text)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const part = JSON.parse(line) as Line
      if ('out' in part) context.out(part.out)
      else if ('bytes' in part) context.out(Buffer.from(part.bytes, 'base64'))
      else if ('say' in part) context.say(part.say)
      else exit = part.exit
    }
    await context.ready()
  }
  return exit
}

async function pump(
  input: AsyncIterable<Uint8Array>,
  outgoing: ReturnType<typeof request>,
): Promise<void> {
  for await (const chunk of input) {
    if (outgoing.write(chunk)) continue
    await new Promise(resolve => outgoing.once('drain', resolve))
  }
  outgoing.end()
}
