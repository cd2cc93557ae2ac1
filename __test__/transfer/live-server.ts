/** A server that keeps the files of runs that go on, as that of a team does, and fails when it is told to. */
import { serve } from '../export/mlflow/bad-servers.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A server of live runs. */
export interface LiveServer {
  readonly url: string
  readonly requests: readonly string[]
  /** The bytes of each file, by `run/name`. */
  readonly files: Map<string, Buffer>
  /** Answers instead of the server while it is set. */
  failing: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
}

/** Start one; it ends with the test. @param atEnd Tells what is to be done when the test is over. */
export async function liveServer(atEnd: (work: () => void) => void): Promise<LiveServer> {
  const files = new Map<string, Buffer>()
  const state: { failing: LiveServer['failing'] } = { failing: undefined }
  const { url, requests } = await serve((request, response) => {
    if (state.failing !== undefined) return state.failing(request, response)
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    if (pathname === '/api/v1/projects') {
      response.end(JSON.stringify({ projects: [{ name: 'vision', role: 'writer' }] }))
      return
    }
    const [, id] = /^\/api\/v1\/projects\/vision\/runs\/([^/]+)\/live$/.exec(pathname) ?? []
    if (id === undefined) {
      response.writeHead(404).end('{}')
      return
    }
    const key = `${id}/${searchParams.get('file')}`
    const from = Number(searchParams.get('from'))
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const before = files.get(key) ?? Buffer.alloc(0)
      const isRecord = key.endsWith('/run.json')
      if (isRecord) files.set(key, Buffer.concat(parts))
      else if (before.length === from) files.set(key, Buffer.concat([before, ...parts]))
      const isThere = isRecord || before.length === from
      const size = files.get(key)?.length ?? 0
      response.end(JSON.stringify({ state: isThere ? 'appended' : 'elsewhere', size }))
    })
  }, atEnd)
  return {
    url,
    requests,
    files,
    get failing() {
      return state.failing
    },
    set failing(answer) {
      state.failing = answer
    },
  }
}
