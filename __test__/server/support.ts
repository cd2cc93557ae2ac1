/** A server of the page without a socket. */
import { buildServer } from '../../src/server/app.ts'
import { Contents, contentsOf } from '../../src/server/contents.ts'
import { Downloads } from '../../src/server/downloads.ts'
import { Guard } from '../../src/server/guard.ts'
import { LiveMetrics } from '../../src/server/live-metrics.ts'
import { RunLists, sourceOf } from '../../src/server/run-lists.ts'
import { RunReader } from '../../src/server/run-reader.ts'
import { storeIn } from '../../src/store/store.ts'
import type { PageFiles } from '../../src/server/page-files.ts'

const PORT = 8765

/** The name of the server in a request. */
export const HOST = '127.0.0.1:8765'

const PAGE: PageFiles = {
  at: (path) =>
    path === '/' ? { bytes: new Uint8Array([60]), type: 'text/html', isPermanent: false } : undefined,
}

/** A server of the runs in a folder, and a session of it. */
export interface TestServer {
  readonly guard: Guard
  /** Ask with the key of a session, unless other headers are given. */
  readonly ask: (path: string, request?: RequestInit) => Promise<Response>
}

/** Build a server. */
export function serverOf(root: string): TestServer {
  const store = storeIn(root)
  const guard = new Guard()
  const services = {
    store,
    directory: root,
    trackers: [],
    guard,
    lists: new RunLists(sourceOf(store), new LiveMetrics(store)),
    reader: new RunReader(store),
    contents: new Contents(store, contentsOf(store)),
    downloads: new Downloads(),
  }
  const app = buildServer(services, PAGE, () => PORT)
  const key = guard.exchange(guard.newToken())
  return {
    guard,
    ask: async (path, { headers, ...request } = {}) =>
      app.request(`http://${HOST}${path}`, {
        ...request,
        headers: { Host: HOST, Authorization: `Bearer ${key}`, ...(headers as Record<string, string>) },
      }),
  }
}
