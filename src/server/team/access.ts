/**
 * Checks who may do what. A request carries a token in `Authorization`, which no other site can make a browser send; there are no
 * cookies. A token that was checked counts for a few seconds, and for a day while the database does not answer: runs that
 * go on are still taken.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { includesRole, tokenHash } from '../../database/team/tokens.ts'
import { LineaprintError } from '../../core/errors.ts'
import { Refusal } from '../errors.ts'
import { Buckets } from './rate.ts'
import type { Role, TokenInfo } from '../../database/team/tokens.ts'

/** Milliseconds for which a token counts without a question. A revoked one is refused after that. */
const FRESH = 5_000

/** Milliseconds for which a token counts while the database does not answer. */
const OUTAGE = 24 * 3_600_000

/** Milliseconds until a database that did not answer is asked again. */
const RETRY = 2_000

/** Milliseconds for which a request with a known token waits for the database. */
const PATIENCE = 1_000

/** Tokens that are remembered. */
const KNOWN_LIMIT = 10_000

/** Wrong tokens that an address can send in a second. */
const WRONG_RATE = { perSecond: 5, burst: 50 } as const

/** A source of tokens. */
export interface TokenSource {
  /** Return the token with a digest, unless it was revoked. @throws ERR_LINEAPRINT_SERVICE */
  readonly useToken: (hashed: string) => Promise<TokenInfo | undefined>
}

interface Known {
  readonly info: TokenInfo
  readonly at: number
}

/** The check of tokens. */
export class Access {
  readonly #source: TokenSource
  readonly #known = new Map<string, Known>()
  readonly #asked = new Map<string, Promise<TokenInfo | undefined>>()
  readonly #wrong = new Buckets(WRONG_RATE)
  /** Until then the database is not asked about a token that is known. */
  #outageUntil = -Infinity

  constructor(source: TokenSource) {
    this.#source = source
  }

  /**
   * Return the token of a request.
   *
   * @param address Address of the client.
   * @throws Refusal without a token that is in force, ERR_LINEAPRINT_SERVICE if that cannot be found out.
   */
  async check(authorization: string | undefined, address: string): Promise<TokenInfo> {
    const [, token = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? []
    const hashed = tokenHash(token)
    const info = hashed === undefined ? undefined : await this.#infoOf(hashed, address)
    if (info !== undefined) return info
    if (token !== '') this.#wrong.take(address)
    throw new Refusal(
      401,
      'ERR_LINEAPRINT_TOKEN',
      token === '' ? 'a token is needed' : 'the token is not in force',
      {
        where: 'Authorization',
        expected: 'Bearer and a token that "lineaprint token create" printed',
        received: token === '' ? 'none' : 'one that is unknown or was revoked',
        do: 'ask whoever runs the server for a token',
      },
    )
  }

  async #infoOf(hashed: string, address: string): Promise<TokenInfo | undefined> {
    const known = this.#known.get(hashed)
    if (known !== undefined && performance.now() - known.at < FRESH) return known.info
    const isUsable = known !== undefined && performance.now() - known.at < OUTAGE
    if (isUsable && performance.now() < this.#outageUntil) return known.info
    // One who guesses does not keep the database busy.
    if (known === undefined) this.#wrong.check(address)
    try {
      const info = isUsable ? await withinPatience(this.#ask(hashed)) : await this.#ask(hashed)
      this.#known.delete(hashed)
      if (info !== undefined) this.#known.set(hashed, { info, at: performance.now() })
      const [oldest] = this.#known.keys()
      if (this.#known.size > KNOWN_LIMIT && oldest !== undefined) this.#known.delete(oldest)
      return info
    } catch (error) {
      const isOutage = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_SERVICE'
      if (!isOutage || !isUsable) throw error
      this.#outageUntil = performance.now() + RETRY
      return known.info
    }
  }

  /** Ask once for all requests that wait for the same answer. */
  async #ask(hashed: string): Promise<TokenInfo | undefined> {
    let asked = this.#asked.get(hashed)
    if (asked === undefined) {
      asked = this.#source.useToken(hashed).finally(() => this.#asked.delete(hashed))
      this.#asked.set(hashed, asked)
    }
    return asked
  }
}

async function withinPatience<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController()
  try {
    return await Promise.race([
      answer,
      sleep(PATIENCE, undefined, { signal: late.signal }).then(() => {
        throw new LineaprintError('ERR_LINEAPRINT_SERVICE', 'the database does not answer in time')
      }),
    ])
  } finally {
    late.abort()
    // Its failure is of no interest once nobody waits.
    answer.catch(() => undefined)
  }
}

/** Check that a token is for a project and allows a role. @throws Refusal. */
export function checkRole(token: TokenInfo, project: string, role: Role): void {
  if (token.project !== project)
    throw new Refusal(403, 'ERR_LINEAPRINT_ROLE', 'the token is of another project', {
      where: 'Authorization',
      expected: `a token of the project ${JSON.stringify(project.slice(0, 80))}`,
      received: `one of the project ${JSON.stringify(token.project)}`,
      do: 'use a token of this project',
    })
  if (includesRole(token.role, role)) return
  throw new Refusal(403, 'ERR_LINEAPRINT_ROLE', 'the token does not allow this', {
    where: 'Authorization',
    expected: `the role ${role}`,
    received: `the role ${token.role}`,
    do: 'ask whoever runs the server for a token with that role',
  })
}
