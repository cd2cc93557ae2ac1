// Set up a clean clone: dependencies, the addon, and the compiled TypeScript. This script runs on the
// installed Node (20 or newer); everything that it sets up runs on the pinned Node.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')

/** The environment of every step. The pinned Node comes first on PATH. */
export const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }

/** Run a command. If it fails, end this process with its exit code. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit', ...options })
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`)
    process.exit(1)
  }
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** Run a step, unless its inputs are the same as when it last succeeded. */
function step(name, inputs, outputs, work) {
  const stamps = join(root, 'node_modules', '.cache', 'lineaprint')
  const stamp = join(stamps, name)
  const state = stateOf(inputs)
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === state
  if (fresh && outputs.every((output) => existsSync(join(root, output)))) return
  console.log(`setup: ${name}`)
  work()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, state)
}

/** Hash names and contents of files and folders. */
function stateOf(paths) {
  const hash = createHash('sha256')
  const visit = (path) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).toSorted()) visit(join(path, name))
      return
    }
    hash.update(`${path}\0`).update(createHash('sha256').update(readFileSync(path)).digest())
  }
  for (const path of paths) visit(join(root, path))
  return hash.digest('hex')
}

const MANIFEST = 'crates/binding/Cargo.toml'
const ADDON_SOURCES = ['crates', 'Cargo.toml', 'Cargo.lock', 'scripts/build-launcher.mjs']
const ADDON = ['native/index.d.ts', ...(process.platform === 'win32' ? [] : ['native/lineaprint-launcher'])]

/** Install the dependencies, and build what has changed. */
export function setup() {
  needRust()
  step('dependencies', ['package-lock.json'], ['node_modules/.bin/napi', 'node_modules/.bin/tsc'], () => {
    compileCrates()
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  })
  step('addon', ADDON_SOURCES, ADDON, () => run('npm', ['run', '--silent', 'build:native']))
  step(
    'typescript',
    [
      'src',
      'scripts/build-typescript.mjs',
      'scripts/bundle-cli.mjs',
      'tsconfig.json',
      'tsconfig.build.json',
      'native/index.d.ts',
    ],
    ['dist/index.js'],
    () => {
      rmSync(join(root, 'dist'), { recursive: true, force: true })
      run('npm', ['run', '--silent', 'build:typescript'])
    },
  )
  step('page', ['web', 'src/server/api/types.ts', 'package-lock.json'], ['dist/web/index.html'], () =>
    run('npm', ['run', '--silent', 'build:page']),
  )
}

/**
 * Start to compile the crates while npm downloads its packages, with the arguments of `napi build`, so that it
 * finds them compiled. The crate of the addon is left to it: it would compile that crate again to have its types.
 * It waits until this is done, because cargo locks its folder, and reports what cannot be compiled.
 */
function compileCrates() {
  const version = spawnSync('rustc', ['-vV'], { encoding: 'utf8' }).stdout ?? ''
  const target = /^host: (.+)$/m.exec(version)?.[1]
  if (target === undefined) return
  const build = [
    'build',
    '--release',
    '--locked',
    '--keep-going',
    '--target',
    target,
    '--manifest-path',
    MANIFEST,
  ]
  const env = { ...environment, LINEAPRINT_DEPENDENCIES_ONLY: '1' }
  // The launcher follows, while the crate of the addon leaves a core idle. Windows has none.
  const launcher = 'exec cargo build --profile launcher --locked --package lineaprint-launcher'
  const [command, args] =
    process.platform === 'win32'
      ? ['cargo', build]
      : ['sh', ['-c', `cargo "$@"; ${launcher}`, 'sh', ...build]]
  void beside(command, args, { env })
}

/**
 * Start a command and go on. It ends with this process.
 *
 * @param options.priority How little it has of the cores that others need, up to 19.
 * @returns A promise of its end, whatever that is: whoever needs what it makes runs it again.
 */
export function beside(command, args, { env = environment, priority = 0 } = {}) {
  // A group of its own: what it has started ends with it.
  const child = spawn(command, args, { cwd: root, env, stdio: 'ignore', detached: true })
  const ended = new Promise((resolve) => child.once('error', resolve).once('exit', resolve))
  if (child.pid !== undefined) setPriority(child.pid, priority)
  process.once('SIGINT', () => process.exit(130))
  process.on('exit', () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    } catch (error) {
      // It has ended by itself.
      if (error.code !== 'ESRCH') throw error
    }
  })
  return ended
}

function needRust() {
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0) return
  console.error(
    'Rust is needed to build the addon from source, and cargo was not found. Install Rust 1.90 or newer.',
  )
  process.exit(1)
}
