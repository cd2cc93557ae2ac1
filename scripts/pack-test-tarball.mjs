// Readers of npm tarballs.
import { execFileSync } from 'node:child_process'

/** List the paths of the files, relative to the folder `package` that contains all of them. */
export function listFiles(tarball) {
  const paths = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
  return paths.map((path) => path.replace('package/', ''))
}

/** Read the package.json in a tarball. */
export function readManifest(tarball) {
  return JSON.parse(execFileSync('tar', ['-xOzf', tarball, 'package/package.json'], { encoding: 'utf8' }))
}
