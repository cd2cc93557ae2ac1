/** The options that name the server of a team. */
import { env } from 'node:process'
import { LineaprintError } from '../../core/errors.ts'
import { inputError } from '../../util/fs.ts'
import {
  CLEAR_WARNING,
  FILE_VARIABLE,
  TOKEN_VARIABLE,
  isInClear,
  readTokenFile,
} from '../../transfer/target.ts'
import { printError } from './output.ts'
import type { Command } from 'commander'
import type { TeamClient } from '../../server/team/client.ts'
import type { StoreOptions } from './store.ts'

/** Values of the options. */
export interface ServerOptions extends StoreOptions {
  readonly project?: string
  readonly tokenFile?: string
}

/** The variable with the address. */
const SERVER_VARIABLE = 'LINEAPRINT_SERVER'

/** Add the options to a command. @param flag Name of the option for the address. */
export function serverOptions(target: Command, flag: '--to' | '--from'): Command {
  return target
    .option(`${flag} <url>`, `address of the server (default: ${SERVER_VARIABLE})`)
    .option('--project <name>', 'project on the server (default: that of the token)')
    .option(
      '--token-file <file>',
      `file with the token (default: ${TOKEN_VARIABLE}, or the file of ${FILE_VARIABLE})`,
    )
}

/** Return a client. @throws ERR_LINEAPRINT_ARGUMENT without an address or a token. */
export async function openClient(
  flag: '--to' | '--from',
  given: string | undefined,
  { project, tokenFile }: ServerOptions,
): Promise<TeamClient> {
  const url = given ?? env[SERVER_VARIABLE]
  if (url === undefined || url === '')
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the address of the server is needed', {
      field: flag,
      expected: `${flag} https://HOST, or the variable ${SERVER_VARIABLE}`,
      received: 'none',
    })
  const token = await (tokenFile === undefined ? tokenAround() : tokenIn(tokenFile))
  if (token === undefined || token === '')
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a token of the server is needed', {
      field: '--token-file',
      expected: `--token-file FILE, or the variable ${TOKEN_VARIABLE} or ${FILE_VARIABLE}`,
      received: 'none',
    })
  const { TeamClient: Client } = await import('../../server/team/client.ts')
  const client = new Client({ url, token, project })
  if (isInClear(client.url)) printError(`lineaprint: warning: ${CLEAR_WARNING}`)
  return client
}

/** Return the token of the surroundings; `undefined` if there is none. */
async function tokenAround(): Promise<string | undefined> {
  const path = env[FILE_VARIABLE] ?? ''
  return (env[TOKEN_VARIABLE] ?? '') || (path === '' ? undefined : tokenIn(path))
}

async function tokenIn(path: string): Promise<string> {
  try {
    return (await readTokenFile(path)).trim()
  } catch (cause) {
    throw inputError(path, 'read', cause)
  }
}
