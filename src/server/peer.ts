/** The user at the other end of a connection within this machine, as Linux tells it. */
import { readFile } from 'node:fs/promises'

/** The ends of a connection, as a socket of this process names them. */
export interface Connection {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

/** Tables of the connections of this machine. A client can use a socket of either family. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Return the id of the user whose process connected; `undefined` where the system does not tell. */
export async function userOfPeer(connection: Connection): Promise<number | undefined> {
  for (const path of TABLES) {
    const user = userIn(await readFile(path, 'latin1').catch(() => ''), connection)
    if (user !== undefined) return user
  }
  return undefined
}

/**
 * Return the user of the client in a table of connections.
 *
 * @param table Text of `/proc/net/tcp` or `/proc/net/tcp6`.
 */
export function userIn(table: string, connection: Connection): number | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = connection
  const [client, server] = [endOf(remoteAddress, remotePort), endOf(localAddress, localPort)]
  if (client === undefined || server === undefined) return undefined
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , user] = line.trim().split(/\s+/)
    if (local?.replace(MAPPED, '') !== client || remote?.replace(MAPPED, '') !== server) continue
    if (user !== undefined && /^\d+$/.test(user)) return Number(user)
  }
  return undefined
}

/** The head of an IPv4 address in a table of IPv6. */
const MAPPED = /^0{16}FFFF0000/

/** Return an end as a table has it: each platform of the addon is little-endian, and the kernel prints addresses as words. */
function endOf(address: string | undefined, port: number | undefined): string | undefined {
  const [, ...parts] = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/i.exec(address ?? '') ?? []
  if (parts.length === 0 || port === undefined) return undefined
  return `${parts
    .toReversed()
    .map((part) => hex(Number(part), 2))
    .join('')}:${hex(port, 4)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
