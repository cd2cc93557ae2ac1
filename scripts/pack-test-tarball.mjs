// What lies in a tarball of npm.
import { execFileSync } from 'node:child_process'

/** The paths of its files, below the folder `package` that all of them are in. */
export function listFiles(tarball) {
  const paths = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
  return paths.map((path) => path.replace('package/', ''))
}

/** Its package.json. */
export function readManifest(tarball) {
  return JSON.parse(execFileSync('tar', ['-xOzf', tarball, 'package/package.json'], { encoding: 'utf8' }))
}
