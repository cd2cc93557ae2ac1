/** The npm project a run works in: lock files, and what is really installed. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Absent, NotThere } from '../absent.ts'
import { foldersUp, readHint, readIfThere } from './files.ts'
import { NPM_LOCK_FILES, findLockFiles } from './lock-files.ts'
import { collectPackages } from './packages.ts'
import type { JsonObject } from '../../json/value.ts'
import type { Package } from './packages.ts'
import type { Source } from './source.ts'

/** Name of the project, lock files by their bytes, and installed packages. */
export const npmSource: Source = {
  name: 'npm',
  look: async ({ directory, signal, warnings }) => {
    const project = await findProject(directory)
    const lockFiles = await findLockFiles(directory, NPM_LOCK_FILES, warnings)
    if (project === undefined && Object.keys(lockFiles).length === 0) {
      throw new NotThere('there is no package.json in this folder or above it')
    }
    const installed = await findInstalled(directory, signal, warnings)
    return { ...project, lockFiles, ...installed }
  },
}

async function findProject(directory: string): Promise<JsonObject | undefined> {
  for await (const folder of foldersUp(directory)) {
    const path = join(folder, 'package.json')
    const bytes = await readIfThere(path)
    if (bytes === undefined) continue
    const { name, version } = parseManifest(bytes.toString()) ?? {}
    return { name: name ?? null, version: version ?? null }
  }
  return undefined
}

/**
 * Installed packages of the nearest `node_modules`: from npm's own list where it is there, else by looking at the
 * folders two levels deep.
 */
async function findInstalled(
  directory: string,
  signal: AbortSignal,
  warnings: string[],
): Promise<JsonObject> {
  for await (const folder of foldersUp(directory)) {
    const modules = join(folder, 'node_modules')
    const text = await readHint(join(modules, '.package-lock.json'))
    const listed = text === undefined ? undefined : parseList(text)
    if (listed) return { packages: collectPackages(listed), packagesFrom: 'node_modules/.package-lock.json' }
    if (text !== undefined) warnings.push('node_modules/.package-lock.json does not parse')
    const walked = await walkModules(modules, signal)
    // Tools put a `node_modules` with nothing but a cache beside each package of a workspace.
    if (walked === undefined || walked.length === 0) continue
    warnings.push('npm did not install this tree: packages below the second level are not listed')
    return { packages: collectPackages(walked), packagesFrom: 'node_modules' }
  }
  warnings.push('there is no node_modules: installed packages are not known')
  return { packages: null, packagesFrom: null }
}

/** The packages of `.package-lock.json`. Links and the folders of a workspace are the project's own code. */
function parseList(text: string): Package[] | undefined {
  const found: Package[] = []
  const packages = (parse(text) as { packages?: unknown } | undefined)?.packages
  if (packages === null || typeof packages !== 'object') return undefined
  for (const [path, entry] of Object.entries(packages as Record<string, unknown>)) {
    const at = path.lastIndexOf('node_modules/')
    const { version, name } = (entry ?? {}) as { version?: unknown; name?: unknown }
    if (at < 0 || typeof version !== 'string') continue
    // An alias is installed under one name and is another package.
    found.push({ name: typeof name === 'string' ? name : path.slice(at + 'node_modules/'.length), version })
  }
  return found
}

async function walkModules(modules: string, signal: AbortSignal, depth = 1): Promise<Package[] | undefined> {
  const names = await list(modules)
  if (names === undefined) return undefined
  const found: Package[] = []
  for (const name of names) {
    signal.throwIfAborted()
    if (name.startsWith('.')) continue
    const inScope = name.startsWith('@') ? ((await list(join(modules, name))) ?? []) : ['']
    for (const inner of inScope) {
      const folder = join(modules, name, inner)
      const manifest = parseManifest((await readHint(join(folder, 'package.json'))) ?? '')
      if (manifest?.version === undefined) continue
      found.push({
        name: manifest.name ?? `${name}${inner === '' ? '' : `/${inner}`}`,
        version: manifest.version,
      })
      if (depth < 2)
        found.push(...((await walkModules(join(folder, 'node_modules'), signal, depth + 1)) ?? []))
    }
  }
  return found
}

async function list(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Absent(`${folder} cannot be listed: ${code ?? 'unknown'}`)
  }
}

function parseManifest(text: string): { name?: string; version?: string } | undefined {
  const { name, version } = (parse(text) ?? {}) as { name?: unknown; version?: unknown }
  return {
    ...(typeof name === 'string' && { name }),
    ...(typeof version === 'string' && { version }),
  }
}

/** `undefined` for what is not JSON: a broken manifest of one package is no reason to lose the others. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    return undefined
  }
}
