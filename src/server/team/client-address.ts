/** The address of a client: that of its connection, or what a proxy before the server says. */
import { BlockList, isIP, isIPv6 } from 'node:net'
import { LineaprintError } from '../../core/errors.ts'

/** Characters of the longest header that is read. A proxy appends to what a client sent. */
const HEADER_LIMIT = 2000

/** The proxies whose word is taken. */
export class Proxies {
  readonly #known = new BlockList()

  /** @param addresses Addresses of proxies. @throws ERR_LINEAPRINT_ARGUMENT for anything else. */
  constructor(addresses: readonly string[]) {
    for (const address of addresses) {
      if (isIP(address) === 0)
        throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not an address of a proxy', {
          field: '--trusted-proxy',
          expected: 'an address of IPv4 or IPv6',
          received: JSON.stringify(address.slice(0, 80)),
        })
      this.#known.addAddress(address, familyOf(address))
    }
  }

  /**
   * Return the address of a client.
   *
   * @param peer Address at the other end of the connection; `undefined` if it is closed.
   * @param forwarded The header `X-Forwarded-For`: the last address is by the proxy, those before it by anybody.
   */
  clientOf(peer: string | undefined, forwarded: string | undefined): string {
    if (peer === undefined) return 'unknown'
    let address = unmapped(peer)
    const reported = (forwarded ?? '').slice(-HEADER_LIMIT).split(',')
    while (this.#isKnown(address)) {
      const before = unmapped(reported.pop()?.trim() ?? '')
      if (isIP(before) === 0) break
      address = before
    }
    return address
  }

  #isKnown(address: string): boolean {
    return isIP(address) !== 0 && this.#known.check(address, familyOf(address))
  }
}

/** Return an address of IPv4 without the form that a socket of IPv6 gives it. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
