/** The native program that starts commands: in the repository beside the addon, otherwise in the package of the platform. */
import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, platform } from 'node:process'
import { fileURLToPath } from 'node:url'

const NAME = 'lineaprint-launcher'
const NATIVE: string = fileURLToPath(new URL('../../../native', import.meta.url))

/** Return the path of the launcher; `undefined` if this platform has none, or it may not be executed. */
export function findLauncher(): string | undefined {
  if (platform === 'win32') return undefined
  return [() => NATIVE, ...packageFolders()].map((folder) => launcherIn(folder)).find(Boolean)
}

/** Return the folders of packages that may hold it. npm installs only the one for this platform. */
function packageFolders(): (() => string)[] {
  const { resolve } = createRequire(import.meta.url)
  const names =
    platform === 'linux' ? ['gnu', 'musl'].map((libc) => `linux-${arch}-${libc}`) : [`${platform}-${arch}`]
  return names.map((name) => () => dirname(resolve(`@lineaprint/binding-${name}/package.json`)))
}

function launcherIn(folder: () => string): string | undefined {
  try {
    const path = join(folder(), NAME)
    accessSync(path, constants.X_OK)
    return path
  } catch {
    // It is not there. Commands are started by Node then, and `doctor` says so.
    return undefined
  }
}
