/** The source `node`: the Node.js of this process. */
import { execArgv, execPath, version, versions } from 'node:process'
import { redactArguments } from '../../../secrets/redact.ts'
import type { Source } from '../source.ts'

/** Source of the version, the engine and the start options of Node.js. */
export const nodeSource: Source<'node'> = {
  name: 'node',
  probe: async () => ({
    version: version.replace(/^v/, ''),
    v8: versions.v8,
    openssl: versions.openssl,
    uv: versions.uv,
    execPath,
    execArgv: redactArguments(execArgv),
  }),
}
