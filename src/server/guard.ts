/**
 * The door of the local page. Only this machine can connect; these checks keep out other users of it, and web sites that the
 * browser shows.
 *
 * - A link holds a token that is good for one exchange. The page exchanges it for the key of a session and sends that in a
 *   header, which no other site can make a browser do. There is no cookie: one for 127.0.0.1 goes to every port.
 * - Other users can read the arguments of the program that opens the browser, and with them the link. Where the system tells
 *   whose a connection is, only a link that this user opens is exchanged.
 * - The name in `Host` must be that of the loopback. A site whose name is made to point to 127.0.0.1 has another name there.
 */
import { timingSafeEqual } from 'node:crypto'
import { randomHex } from '../core/random.ts'
import { Refusal } from './errors.ts'

/** Links that wait to be opened. */
const LINK_LIMIT = 100

/** Sessions of one server. */
const SESSION_LIMIT = 100

/** Tokens and sessions of one server. */
export class Guard {
  readonly #tokens = new Set<string>()
  readonly #sessions = new Set<string>()

  /** Return a new token, for one exchange. */
  newToken(): string {
    return added(this.#tokens, LINK_LIMIT)
  }

  /** Exchange a token for the key of a session. @throws Refusal if it is unknown or was used. */
  exchange(token: string): string {
    const known = [...this.#tokens].find((other) => isEqual(other, token))
    if (known === undefined) {
      throw new Refusal(401, 'ERR_LINEAPRINT_SESSION', 'this link was used, or is not of this server', {
        do: 'press Enter in the terminal of "lineaprint ui" for another link, or start it again',
      })
    }
    this.#tokens.delete(known)
    return added(this.#sessions, SESSION_LIMIT)
  }

  /** Check the header of a request for data. @throws Refusal without the key of a session. */
  checkKey(authorization: string | undefined): void {
    const [, key = ''] = /^Bearer ([\da-f]+)$/.exec(authorization ?? '') ?? []
    if ([...this.#sessions].some((known) => isEqual(known, key))) return
    throw new Refusal(401, 'ERR_LINEAPRINT_SESSION', 'this page is not signed in', {
      where: 'Authorization',
      do: 'open the link that "lineaprint ui" printed; press Enter there for another one',
    })
  }
}

function added(set: Set<string>, limit: number): string {
  const [oldest] = set
  if (set.size >= limit && oldest !== undefined) set.delete(oldest)
  const text = randomHex(32)
  set.add(text)
  return text
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/**
 * Check that it is this user who opens a link. Root can read everything anyway, and `sudo` has another user's browser.
 *
 * @param user Id of the user at the other end; `undefined` if the system does not tell.
 * @throws Refusal for another user.
 */
export function checkUser(user: number | undefined): void {
  const own = process.geteuid?.()
  if (user === undefined || own === undefined || user === own || user === 0) return
  if (own === 0 && String(user) === process.env['SUDO_UID']) return
  throw new Refusal(403, 'ERR_LINEAPRINT_SESSION', 'another user of this machine opens this link', {
    expected: `the user ${own}`,
    received: `the user ${user}`,
    do: 'open it as the user who started "lineaprint ui"',
  })
}

/** Return the names that the host of a request can have. */
function hostsOf(port: number): string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`]
}

/**
 * Check that a request is for this server by its name.
 *
 * @param port The one that the server listens on.
 * @throws Refusal for another name.
 */
export function checkHost(headers: Headers, port: number): void {
  const host = headers.get('host') ?? ''
  if (hostsOf(port).includes(host.toLowerCase())) return
  throw new Refusal(421, 'ERR_LINEAPRINT_HOST', 'the request names another host', {
    where: 'Host',
    expected: hostsOf(port).join(' or '),
    received: JSON.stringify(host.slice(0, 100)),
    do: 'open the link that "lineaprint ui" printed',
  })
}

/**
 * Check the headers by which browsers tell which site a request for data comes from.
 *
 * @throws Refusal for another site.
 */
export function checkOrigin(headers: Headers, port: number): void {
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  const isForeign = origin !== null && !hostsOf(port).some((own) => origin === `http://${own}`)
  if (!isForeign && (site === null || site === 'same-origin' || site === 'none')) return
  throw new Refusal(403, 'ERR_LINEAPRINT_ORIGIN', 'the request comes from another site', {
    where: origin === null ? 'Sec-Fetch-Site' : 'Origin',
    expected: `http://${hostsOf(port)[0]}`,
    received: JSON.stringify((origin ?? site ?? '').slice(0, 100)),
  })
}
