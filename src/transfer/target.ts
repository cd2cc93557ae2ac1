/** The server that a run is sent to while it goes on: its address, and the token from the surroundings. */
import { readFile } from 'node:fs/promises'
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
export const TOKEN_VARIABLE = 'LINEAPRINT_TOKEN'
export const FILE_VARIABLE = 'LINEAPRINT_TOKEN_FILE'

/** Sentence about an address for which {@link isInClear} is true. */
export const CLEAR_WARNING = 'http sends the token in clear; anybody on the way can read it'

/** Check whether a token that is sent to an address can be read on the way: http to another machine. */
export function isInClear(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname)
}

/** Characters of the longest file with a token. */
const FILE_LIMIT = 1000

const TOKEN = /^lp_[A-Za-z0-9_-]{43}$/

/**
 * Complete the options of a configuration.
 *
 * @param variables LINEAPRINT_TOKEN has the token, or LINEAPRINT_TOKEN_FILE names a file with it.
 * @returns The target; a sentence about the token if there is none. The same address serves other commands, whose token can
 * be elsewhere, so that this is no reason not to run a program.
 */
export async function streamTarget(
  options: {
    readonly server: string
    readonly serverProject: string | undefined
    readonly serverTimeoutMs: number
  },
  variables: Readonly<Record<string, string | undefined>>,
): Promise<StreamTarget | { readonly url: string; readonly problem: string }> {
  const { server, serverProject: project, serverTimeoutMs: timeoutMs } = options
  const { origin, pathname } = new URL(server)
  const url = `${origin}${pathname.replace(/\/+$/, '')}`
  const token = (variables[TOKEN_VARIABLE] ?? '') || (await tokenInFile(variables[FILE_VARIABLE]))
  if (typeof token !== 'string') return { url, ...token }
  if (TOKEN.test(token.trim())) return { url, token: token.trim(), project, timeoutMs }
  const problem =
    token === ''
      ? `there is no token; set ${TOKEN_VARIABLE}, or ${FILE_VARIABLE} to the path of a file that holds it`
      : // A token with a wrong character is a secret, too.
        `the token has another form than those of "lineaprint token create": ${token.length} characters`
  return { url, problem }
}

/** Read a file with a token, up to the length that one can have. @throws The errors of reading. */
export async function readTokenFile(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).slice(0, FILE_LIMIT)
}

async function tokenInFile(path: string | undefined): Promise<string | { readonly problem: string }> {
  if (path === undefined || path === '') return ''
  try {
    return await readTokenFile(path)
  } catch (error) {
    return { problem: `the file that ${FILE_VARIABLE} names cannot be read: ${reasonOf(error)}` }
  }
}
