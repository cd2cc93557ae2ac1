/** The native program that starts commands: in the repository beside the addon, otherwise in the package of the platform. */
import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import process, { arch, platform } from 'node:process'
import { ownPath } from '../../util/own-package.ts'

const NAME = 'lineaprint-launcher'

/** Return the path of the launcher; `undefined` if this platform has none, or it may not be executed. */
export function findLauncher(): string | undefined {
  if (platform === 'win32') return undefined
  return [() => ownPath('native'), ...packageFolders()].map((folder) => launcherIn(folder)).find(Boolean)
}

/** Return the folders of packages that may hold it. npm installs only the one for this platform. */
function packageFolders(): (() => string | undefined)[] {
  const own = import.meta.url as string | undefined
  if (own === undefined) return []
  const { resolve } = process.getBuiltinModule('node:module').createRequire(own)
  const names =
    platform === 'linux' ? ['gnu', 'musl'].map((libc) => `linux-${arch}-${libc}`) : [`${platform}-${arch}`]
  return names.map((name) => () => dirname(resolve(`@lineaprint/binding-${name}/package.json`)))
}

function launcherIn(folder: () => string | undefined): string | undefined {
  try {
    const path = join(folder() ?? '', NAME)
    accessSync(path, constants.X_OK)
    return path
  } catch {
    // It is not there. Commands are started by Node then, and `doctor` says so.
    return undefined
  }
}
