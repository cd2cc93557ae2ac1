// The runtimes, package managers and bundlers that the test of the packages uses, in .peers/runtimes: about 700 MB. Every one
// is pinned in scripts/peers/runtimes. No script of them runs; those that need one are started by their own file.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { arch } from 'node:process'
import { root, run } from './setup.mjs'

/** Install them, unless they are there. @returns the file of each */
export function setupRuntimes() {
  const source = join(root, 'scripts', 'peers', 'runtimes')
  const folder = join(root, '.peers', 'runtimes')
  const stamp = join(folder, 'lineaprint-stamp')
  const wanted = readFileSync(join(source, 'package-lock.json'), 'utf8')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    console.log('setup: runtimes')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    cpSync(source, folder, { recursive: true })
    // Not "npm ci", which refuses a lock without the programs that a registry lacks for other systems.
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
    })
    writeFileSync(stamp, wanted)
  }
  const modules = join(folder, 'node_modules')
  return {
    modules,
    node20: join(modules, `node-20-${arch}`, 'bin', 'node'),
    node22: join(modules, `node-22-${arch}`, 'bin', 'node'),
    bun: onlyOne(join(modules, '@oven'), 'bin/bun'),
    deno: onlyOne(join(modules, '@deno'), 'deno'),
    pnpm: join(modules, '.bin', 'pnpm'),
    yarn: join(modules, '.bin', 'yarn'),
    esbuild: join(modules, '.bin', 'esbuild'),
    rolldown: join(root, 'node_modules', '.bin', 'rolldown'),
    webpack: join(modules, 'webpack'),
  }
}

/** Return the file of the package for this machine. npm installs no other. */
function onlyOne(scope, file) {
  const name = readdirSync(scope).find((each) => existsSync(join(scope, each, file)))
  if (name === undefined) throw new Error(`setup-runtimes: nothing in ${scope} has ${file}`)
  return join(scope, name, file)
}
