/**
 * Packages in `node_modules`: from the list of a package manager if there is one, otherwise from the folders.
 */
import { isMissing, systemReason } from '../../../util/fs.ts'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NotAvailable } from '../../../util/not-available.ts'
import { mapConcurrently } from '../../../util/concurrency.ts'
import { foldersUp, readHint } from '../files.ts'
import { parseHint, parseManifest } from './package-json.ts'
import type { Dirent } from 'node:fs'
import type { Package } from '../packages.ts'

/** The installed packages. */
export interface Installed {
  /** `null` if they are not known. */
  readonly packages: readonly Package[] | null
  /** The file or folder that lists the packages. */
  readonly from: string | null
  /** The `node_modules` that was read. */
  readonly folder?: string
  /** Reasons for missing values, by field. */
  readonly unseen: ReadonlyMap<string, string>
  /** True if there is no `node_modules`, so that nothing is installed. */
  readonly isMissing?: boolean
}

/** Limit of the number of packages: beyond it, the folders form a cycle of links or take too long. */
const WALK_LIMIT = 20_000
const AT_ONCE = 32

/** Find the nearest `node_modules` that contains packages, in a folder or its parents. */
export async function findInstalled(directory: string, signal: AbortSignal): Promise<Installed> {
  const unseen = new Map<string, string>()
  for await (const folder of foldersUp(directory)) {
    const modules = join(folder, 'node_modules')
    const text = await readHint(join(modules, '.package-lock.json'))
    const listed = text === undefined ? undefined : parseList(text)
    if (listed) return { packages: listed, from: 'node_modules/.package-lock.json', folder: modules, unseen }
    if (text !== undefined) unseen.set('packagesFrom', 'node_modules/.package-lock.json cannot be parsed')
    const virtual = await listStore(join(modules, '.pnpm'))
    if (virtual !== undefined)
      return { packages: virtual, from: 'node_modules/.pnpm', folder: modules, unseen }
    const walk = new Walk(signal)
    await walk.enter(modules)
    // Tools create a `node_modules` with only a cache next to each package of a workspace.
    if (walk.packages.length === 0) continue
    if (walk.isCut) unseen.set('packages', `only the first ${WALK_LIMIT} were read`)
    return { packages: walk.packages, from: 'node_modules', folder: modules, unseen }
  }
  const playing = await isPlugAndPlay(directory)
  const reason = playing
    ? 'Yarn PnP stores packages in archives; reading them would mean running .pnp.cjs'
    : 'node_modules does not exist'
  unseen.set('packages', reason)
  unseen.set('packagesFrom', reason)
  return { packages: null, from: null, unseen, isMissing: !playing }
}

/**
 * Parse the packages of `.package-lock.json`. Links and the folders of a workspace are the project's own
 * code.
 */
function parseList(text: string): Package[] | undefined {
  const listed: Package[] = []
  const packages = (parseHint(text) as { packages?: unknown } | undefined)?.packages
  if (packages === null || typeof packages !== 'object') return undefined
  for (const [path, entry] of Object.entries(packages as Record<string, unknown>)) {
    const at = path.lastIndexOf('node_modules/')
    const { version, name } = (entry ?? {}) as { version?: unknown; name?: unknown }
    if (at < 0 || typeof version !== 'string') continue
    // An alias is installed under a name that differs from the name of the package.
    listed.push({ name: typeof name === 'string' ? name : path.slice(at + 'node_modules/'.length), version })
  }
  return listed
}

/** List the packages of pnpm, which keeps each in a folder with its name: `@scope+name@1.0.0_peer@2.0.0`. */
async function listStore(folder: string): Promise<Package[] | undefined> {
  const names = await list(folder)
  if (names === undefined) return undefined
  return names.flatMap((entry) => {
    const [, name, version] = /^((?:@[^+@]+\+)?[^@]+)@(\d[^_(]*)/.exec(entry.name) ?? []
    return name === undefined || version === undefined ? [] : [{ name: name.replace('+', '/'), version }]
  })
}

/** A walk through a folder tree that may be large. */
class Walk {
  readonly packages: Package[] = []
  isCut = false
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Read a `node_modules` and those nested in it. Links at the top level are listed but not followed. */
  async enter(modules: string): Promise<void> {
    const entries = ((await list(modules)) ?? []).filter(({ name }) => !name.startsWith('.'))
    const scoped = await mapConcurrently(entries, AT_ONCE, async (entry) => {
      if (!entry.name.startsWith('@')) return [{ entry, path: entry.name }]
      const inner = (await list(join(modules, entry.name))) ?? []
      return inner.map((member) => ({ entry: member, path: `${entry.name}/${member.name}` }))
    })
    await mapConcurrently(scoped.flat(), AT_ONCE, async ({ entry, path }) => {
      this.#signal.throwIfAborted()
      if (this.packages.length >= WALK_LIMIT) {
        this.isCut = true
        return
      }
      const folder = join(modules, path)
      const { name, version } = parseManifest((await readHint(join(folder, 'package.json'))) ?? '')
      if (version !== undefined) this.packages.push({ name: name ?? path, version })
      if (!entry.isSymbolicLink()) await this.enter(join(folder, 'node_modules'))
    })
  }
}

async function list(folder: string): Promise<Dirent[] | undefined> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new NotAvailable(`${folder} cannot be listed: ${systemReason(error)}`)
  }
}

async function isPlugAndPlay(directory: string): Promise<boolean> {
  for await (const folder of foldersUp(directory)) {
    if ((await readHint(join(folder, '.pnp.cjs'))) !== undefined) return true
  }
  return false
}
