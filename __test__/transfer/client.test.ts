/** The client, and servers that are none: no answer without end is held. */
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { TransferClient } from '../../src/transfer/client.ts'
import type { AddressInfo } from 'node:net'

const TOKEN = `lp_${'a'.repeat(43)}`

const MIB = 1 << 20

test.each([
  ['projects', 1, async (client: TransferClient) => client.projects()],
  ['live', 1, async (client: TransferClient) => client.live('run', 'events.jsonl', 0, new Uint8Array(1))],
  ['missing objects', 1, async (client: TransferClient) => client.missingObjects(['blake3:0'])],
  ['commit', 64, async (client: TransferClient) => client.commit('run', [])],
  ['files', 128, async (client: TransferClient) => client.files('run')],
] as const)(
  'an endless answer about %s is cut off after %d MiB at most',
  { timeout: 60_000 },
  async (_, most, ask) => {
    let sent = 0
    const block = Buffer.alloc(MIB / 4, 0x20)
    const server = createServer((request, response) => {
      request.resume()
      const more = (): void => {
        while (!response.destroyed) {
          sent += block.length
          if (!response.write(block)) return void response.once('drain', more)
        }
      }
      more()
    })
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done)
    })
    try {
      const { port } = server.address() as AddressInfo
      const client = new TransferClient({ url: `http://127.0.0.1:${port}`, token: TOKEN, project: 'vision' })
      await expect(ask(client)).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_SERVICE',
        message: expect.stringContaining('the answer of the server is too long') as unknown,
      })
      // What is on the way is in the buffers of the two sockets.
      expect(sent).toBeLessThan((most + 32) * MIB)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  },
)
