/**
 * The names of a server. A site whose name is made to point to the address of this server has another name in `Host`; and
 * browsers tell which site a request comes from.
 */
import { isIPv6 } from 'node:net'
import { Refusal } from '../errors.ts'

/** The names that a server has. */
export class Hosts {
  readonly #names: ReadonlySet<string>

  /** @param names Names and addresses beside those of the loopback. Ports and brackets do not matter. */
  constructor(names: readonly string[]) {
    this.#names = new Set(['127.0.0.1', 'localhost', '[::1]', ...names.map(nameOf)])
  }

  /** Check that a request is for this server by its name. @throws Refusal for another name. */
  checkHost(headers: Headers): void {
    const host = headers.get('host') ?? ''
    if (this.#isOwn(host)) return
    throw new Refusal(421, 'ERR_LINEAPRINT_HOST', 'the request names another host', {
      where: 'Host',
      expected: 'a name of this server',
      received: JSON.stringify(host.slice(0, 100)),
      do: 'start "lineaprint server" with --name and the name by which clients reach it',
    })
  }

  /** Check that a request for data comes from the page of this server, or from no page. @throws Refusal for another site. */
  checkOrigin(headers: Headers): void {
    const origin = headers.get('origin')
    const site = headers.get('sec-fetch-site')
    const own = /^https?:\/\/(.*)$/.exec(origin ?? '')?.[1]
    const isForeign = origin !== null && (own === undefined || !this.#isOwn(own))
    if (!isForeign && (site === null || site === 'same-origin' || site === 'none')) return
    throw new Refusal(403, 'ERR_LINEAPRINT_ORIGIN', 'the request comes from another site', {
      where: origin === null ? 'Sec-Fetch-Site' : 'Origin',
      expected: 'the page of this server',
      received: JSON.stringify((origin ?? site ?? '').slice(0, 100)),
    })
  }

  #isOwn(host: string): boolean {
    return this.#names.has(withoutPort(host))
  }
}

/** Return a name as `Host` has it: an address of IPv6 in brackets. */
function nameOf(name: string): string {
  return isIPv6(name) ? `[${name.toLowerCase()}]` : withoutPort(name)
}

function withoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, '')
}
