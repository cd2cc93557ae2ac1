/** The server that a run is sent to while it goes on: its address, and the token from the surroundings. */
import { readFile } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'

/** A checked target. */
export interface StreamTarget {
  /** Address without a slash at its end. */
  readonly url: string
  /** Never written anywhere. */
  readonly token: string
  readonly project: string | undefined
  readonly timeoutMs: number
}

/** Variables with the token, or with the path of a file that holds it. */
const TOKEN_VARIABLE = 'LINEAPRINT_TOKEN'
const FILE_VARIABLE = 'LINEAPRINT_TOKEN_FILE'

/** Characters of the longest file with a token. */
const FILE_LIMIT = 1000

const TOKEN = /^lp_[A-Za-z0-9_-]{43}$/

/**
 * Complete the options of a configuration.
 *
 * @param variables LINEAPRINT_TOKEN has the token, or LINEAPRINT_TOKEN_FILE names a file with it.
 * @throws ERR_LINEAPRINT_CONFIGURATION if there is no token, or something else.
 */
export async function streamTarget(
  options: {
    readonly server: string
    readonly serverProject: string | undefined
    readonly serverTimeoutMs: number
  },
  variables: Readonly<Record<string, string | undefined>>,
): Promise<StreamTarget> {
  const { server, serverProject: project, serverTimeoutMs: timeoutMs } = options
  const { origin, pathname } = new URL(server)
  const url = `${origin}${pathname.replace(/\/+$/, '')}`
  const token = (variables[TOKEN_VARIABLE] ?? '') || (await tokenInFile(variables[FILE_VARIABLE]))
  if (TOKEN.test(token.trim())) return { url, token: token.trim(), project, timeoutMs }
  throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `a token is needed to send the run to ${url}`, {
    field: 'server',
    expected: `the text that "lineaprint token create" printed, in ${TOKEN_VARIABLE}, or in a file that ${FILE_VARIABLE} names`,
    // A token with a wrong character is a secret, too.
    received: token === '' ? 'none' : `${token.length} characters of another form`,
  })
}

async function tokenInFile(path: string | undefined): Promise<string> {
  if (path === undefined || path === '') return ''
  try {
    return (await readFile(path, 'utf8')).slice(0, FILE_LIMIT)
  } catch (cause) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_CONFIGURATION',
      `the token cannot be read: ${reasonOf(cause)}`,
      {
        path,
        field: FILE_VARIABLE,
        cause,
      },
    )
  }
}
