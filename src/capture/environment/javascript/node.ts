/** The Node.js that runs this. */
import { execArgv, execPath, version, versions } from 'node:process'
import { redactArguments } from '../../../secrets/redact.ts'
import type { Source } from '../source.ts'

/** Version, engine, and how it was started. */
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
