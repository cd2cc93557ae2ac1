/** The socket of the local page. */
import { createAdaptorServer } from '@hono/node-server'
import { LineaprintError } from '../core/errors.ts'
import { systemReason } from '../util/fs.ts'
import { buildServer } from './app.ts'
import { Contents, contentsOf } from './contents.ts'
import { Downloads } from './downloads.ts'
import { Guard } from './guard.ts'
import { readPageFiles } from './page-files.ts'
import { LiveMetrics } from './live-metrics.ts'
import { RunLists, sourceOf } from './run-lists.ts'
import { RunReader } from './run-reader.ts'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Component } from '../core/component.ts'
import type { Store } from '../store/store.ts'

/** Options of {@link servePage}. */
export interface PageOptions {
  readonly store: Store
  /** Absolute path of the folder whose code and environment a verification compares. */
  readonly directory: string
  readonly trackers: readonly Component[]
  /** Port on 127.0.0.1; 0 for one that is free. */
  readonly port: number
}

/** The page, as it is served. */
export interface ServedPage {
  readonly port: number
  /** Return a new link, which is good once. @param path View to open, as `/runs/…`. @default the list of runs */
  readonly link: (path?: string) => string
  /** Stop, and cut off what is still connected. */
  readonly close: () => Promise<void>
}

/**
 * Serve the page on 127.0.0.1.
 *
 * @throws ERR_LINEAPRINT_SERVICE if the port cannot be used, ERR_LINEAPRINT_NOT_FOUND if the page was not built.
 */
export async function servePage({ store, directory, trackers, port }: PageOptions): Promise<ServedPage> {
  const files = await readPageFiles()
  const guard = new Guard()
  const services = {
    store,
    directory,
    trackers,
    guard,
    lists: new RunLists(sourceOf(store), new LiveMetrics(store)),
    reader: new RunReader(store),
    contents: new Contents(store, contentsOf(store)),
    downloads: new Downloads(),
  }
  let own = port
  const app = buildServer(services, files, () => own)
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new LineaprintError(
          'ERR_LINEAPRINT_SERVICE',
          `port ${port} of 127.0.0.1 cannot be used: ${systemReason(cause)}`,
          {
            field: 'port',
            hint: 'choose another --port, or leave it out',
            cause,
          },
        ),
      )
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  own = (server.address() as AddressInfo).port
  return {
    port: own,
    link: (path = '/') => `http://127.0.0.1:${own}${path}#token=${guard.newToken()}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}
