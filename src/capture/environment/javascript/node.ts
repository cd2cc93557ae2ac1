/** The source `node`: the Node.js of this process, or the runtime that stands in for it. */
import { execArgv, execPath, versions } from 'node:process'
import { redactArguments } from '../../../secrets/redact.ts'
import type { Source } from '../source.ts'

/** Source of the version, the engine and the start options of Node.js. */
export const nodeSource: Source<'node'> = {
  name: 'node',
  probe: async () => ({
    version: runtimeVersion(),
    v8: versions.v8,
    openssl: versions.openssl,
    uv: versions.uv,
    execPath,
    execArgv: redactArguments(execArgv),
  }),
}

/** Return the version. Bun and Deno give that of the Node.js that they stand in for, which is not what ran. */
export function runtimeVersion(given: Readonly<Record<string, string | undefined>> = versions): string {
  for (const [key, name] of [
    ['bun', 'Bun'],
    ['deno', 'Deno'],
  ] as const)
    if (given[key] !== undefined) return `${name} ${given[key]}, as Node ${given['node']}`
  return given['node'] ?? ''
}
