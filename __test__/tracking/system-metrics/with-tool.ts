import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { folderOf } from '../../support/folder.ts'

/** An environment in which `nvidia-smi` is this shell script. */
export function withTool(script: string): NodeJS.ProcessEnv {
  const folder = folderOf({ 'nvidia-smi': `#!/bin/sh\n${script}\n` })
  chmodSync(join(folder, 'nvidia-smi'), 0o755)
  return { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}` }
}
