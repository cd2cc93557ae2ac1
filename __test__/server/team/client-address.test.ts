/** The address of a client: nobody but a trusted proxy can claim another one. */
import { expect, test } from 'vitest'
import { Proxies } from '../../../src/server/team/client-address.ts'

const none = new Proxies([])
const proxies = new Proxies(['127.0.0.1', '10.0.0.2', 'fd00::1'])

test.each([
  [none, '127.0.0.1', '6.6.6.6', '127.0.0.1'],
  [none, '::ffff:192.0.2.1', undefined, '192.0.2.1'],
  [none, undefined, '6.6.6.6', 'unknown'],
  [proxies, '127.0.0.1', undefined, '127.0.0.1'],
  [proxies, '127.0.0.1', '192.0.2.7', '192.0.2.7'],
  [proxies, '::ffff:127.0.0.1', '192.0.2.7', '192.0.2.7'],
  [proxies, 'fd00::1', '2001:db8::7', '2001:db8::7'],
  // The client wrote the first.
  [proxies, '127.0.0.1', '6.6.6.6, 192.0.2.7', '192.0.2.7'],
  // Two proxies.
  [proxies, '127.0.0.1', '6.6.6.6, 192.0.2.7, 10.0.0.2', '192.0.2.7'],
  [proxies, '192.0.2.1', '6.6.6.6', '192.0.2.1'],
  [proxies, '127.0.0.1', '<script>\u001b[31m', '127.0.0.1'],
  [proxies, '127.0.0.1', '192.0.2.7, unknown', '127.0.0.1'],
  [proxies, '127.0.0.1', '', '127.0.0.1'],
  [proxies, '127.0.0.1', `${'6.6.6.6,'.repeat(100_000)}192.0.2.7`, '192.0.2.7'],
] as const)('%o: of a connection from %s with %j the client is %s', (given, peer, forwarded, client) => {
  expect(given.clientOf(peer, forwarded)).toBe(client)
})

test('a name is no address of a proxy', () => {
  expect(() => new Proxies(['proxy.example'])).toThrow('this is not an address of a proxy')
})
