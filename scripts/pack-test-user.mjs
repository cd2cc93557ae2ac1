// A user of the published package: an empty folder, Node, and an npm that knows one registry. Neither Rust
// nor the repository is accessible.
import { spawn } from 'node:child_process'
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { environment } from './setup.mjs'

const TIMEOUT_MS = 60_000

/** Create the user. @returns its folder, and a function that runs a program there */
export function createUser(folder, registry) {
  const bin = join(folder, 'bin')
  const home = join(folder, 'home')
  const project = join(folder, 'project')
  for (const each of [bin, home, project]) mkdirSync(each, { recursive: true })
  for (const program of ['node', 'npm', 'npx', 'sh']) symlinkSync(find(program), join(bin, program))
  // npm refuses to publish without a token; this registry accepts any.
  const { host } = new URL(registry)
  const settings = ['audit=false', 'fund=false', 'update-notifier=false', `registry=${registry}`]
  writeFileSync(join(home, '.npmrc'), `${settings.join('\n')}\n//${host}/:_authToken=any\n`)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  const env = { PATH: bin, HOME: home, TMPDIR: folder, npm_config_cache: join(folder, 'cache') }
  return { project, env, run: (program, ...args) => run(program, args, { cwd: project, env }) }
}

/** Run a program to its end, whatever its exit code. */
export function run(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => {
        output[name] += text
      })
    child.once('error', reject).once('close', (code, signal) => resolve({ ...output, code: code ?? signal }))
  })
}

function find(program) {
  for (const folder of environment.PATH.split(delimiter)) {
    try {
      return realpathSync(join(folder, program))
    } catch {
      // Not in this folder; try the next one.
    }
  }
  throw new Error(`${program} is not on the PATH`)
}
