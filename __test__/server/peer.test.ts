/** Whose a connection is. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { platform } from 'node:process'
import { expect, test } from 'vitest'
import { checkUser } from '../../src/server/guard.ts'
import { userIn, userOfPeer } from '../../src/server/peer.ts'
import type { AddressInfo } from 'node:net'

const CONNECTION = {
  remoteAddress: '127.0.0.1',
  remotePort: 0xb646,
  localAddress: '127.0.0.1',
  localPort: 0xa17d,
}

const row = (ends: string, user: number): string =>
  `   1: ${ends} 01 00000000:00000000 00:00000000 00000000  ${user}        0 22 1 0000000048f297ed 20 4 30 10 -1`

test('the user is that of the client, and of no connection that looks like it', () => {
  const others = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('0100007F:A17D 0100007F:B646', 1),
    row('0200007F:B646 0100007F:A17D', 2),
    row('0100007F:B646 0200007F:A17D', 3),
    row('0100007F:B647 0100007F:A17D', 4),
  ]
  expect(userIn(others.join('\n'), CONNECTION)).toBeUndefined()
  expect(userIn([...others, row('0100007F:B646 0100007F:A17D', 1001), ''].join('\n'), CONNECTION)).toBe(1001)
  const mapped = '0000000000000000FFFF00000100007F'
  expect(userIn(row(`${mapped}:B646 ${mapped}:A17D`, 1002), CONNECTION)).toBe(1002)
  expect(userIn('', CONNECTION)).toBeUndefined()
  expect(userIn(others.join('\n'), {})).toBeUndefined()
})

test.skipIf(platform !== 'linux').each(['127.0.0.1', '127.0.0.2'])(
  'this process connects from %s as its own user',
  async (localAddress) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = connect({ port, host: '127.0.0.1', localAddress })
    try {
      const [accepted] = (await once(server, 'connection')) as [typeof client]
      expect(await userOfPeer(accepted)).toBe(process.geteuid?.())
    } finally {
      client.destroy()
      server.close()
    }
  },
)

test('only this user and root open a link', () => {
  const own = process.geteuid?.() ?? 0
  for (const user of [undefined, own, 0]) expect(() => checkUser(user)).not.toThrow()
  expect(() => checkUser(own + 1)).toThrow('another user of this machine')
})
