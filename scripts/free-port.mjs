// Find a port of the loopback on which nobody listens.
import { createServer } from 'node:net'

/** Return a free port. Another program can take it before it is used. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
