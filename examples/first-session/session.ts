/** The folder and the environment in which the first session is typed. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const PROGRAMS = ['forest.py', 'network.py']

/** Where the commands of a session run. */
export interface Session {
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Make a git repository with the two programs, and a command `lineaprint`.
 *
 * @param base An empty folder, the home of the user of the session.
 * @param main The program: `dist/cli/main.js` or the sources.
 * @param environment The bin folder of an environment with scikit-learn, torch, tensorboard and safetensors.
 */
export function makeSession(base: string, main: string, environment: string): Session {
  const folder = join(base, 'digits')
  const bin = join(base, 'bin')
  for (const path of [folder, bin]) mkdirSync(path)
  writeFileSync(join(bin, 'lineaprint'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, {
    mode: 0o755,
  })
  for (const name of PROGRAMS) cpSync(join(import.meta.dirname, name), join(folder, name))
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '-q', '-m', 'two programs'],
  ])
    execFileSync('git', args, { cwd: folder })
  const env = {
    ...process.env,
    PATH: [bin, environment, process.env['PATH']].join(delimiter),
    CUDA_VISIBLE_DEVICES: '',
    NO_COLOR: '1',
    HOME: base,
    XDG_STATE_HOME: join(base, 'state'),
  }
  return { folder, env }
}
