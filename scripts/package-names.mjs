// Names of the published packages: the root package and one package per platform.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arch, platform, report } from 'node:process'
import { root } from './setup.mjs'

export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Return the platform of a target: `linux-x64-gnu` for `x86_64-unknown-linux-gnu`. */
export function platformOf(target) {
  const [processor, , system, abi] = target.split('-')
  const names = { x86_64: 'x64', aarch64: 'arm64', windows: 'win32' }
  return [names[system] ?? system, names[processor], abi].filter(Boolean).join('-')
}

/** Return the target of a platform. */
export function targetOf(name) {
  return manifest.napi.targets.find((target) => platformOf(target) === name)
}

/** All platforms that have a package. */
export const platforms = manifest.napi.targets.map(platformOf)

/** Return the platform of this machine. */
export function localPlatform() {
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  return `linux-${arch}-${report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'}`
}

export function packageOf(name) {
  return `${manifest.napi.packageName}-${name}`
}

export function addonOf(name) {
  return `${manifest.napi.binaryName}.${name}.node`
}

/** The program that starts commands, in the package of every platform but Windows. */
export const LAUNCHER = 'lineaprint-launcher'

/** Return whether the package of a platform has the program that starts commands. */
export function hasLauncher(name) {
  return !name.startsWith('win32-')
}

/** Return the file name that `npm pack` gives a package of this version. */
export function tarballOf(name) {
  return `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
}
