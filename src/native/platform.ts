/** The platform of this process, as spelled in the names of the packages that hold the addon. */
import { readFileSync } from 'node:fs'
import process, { arch, platform } from 'node:process'

/** The platforms that have a binary. */
export const PLATFORMS: readonly string[] = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
]

/** Return the platform as spelled in package names, for example `linux-x64-gnu`. */
export function platformName(): string {
  const system = `${platform}-${arch}`
  if (platform === 'linux') return `${system}-${isMusl() ? 'musl' : 'gnu'}`
  if (platform === 'win32') return `${system}-msvc`
  return system
}

/** Return the package that holds the addon of a platform. */
export function packageFor(name: string): string {
  return `@lineaprint/binding-${name}`
}

/** Check for musl. The script `ldd` of a system names it; a report of Node takes a hundred times as long to read. */
function isMusl(): boolean {
  try {
    return readFileSync('/usr/bin/ldd', 'latin1').includes('musl')
  } catch {
    const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
    return header?.glibcVersionRuntime === undefined
  }
}
