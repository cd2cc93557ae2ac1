/** Check of a folder against its manifest. */
import { basename, dirname, join, relative, resolve } from 'node:path'
import { realpath } from 'node:fs/promises'
import type { LineaprintError } from '../core/errors.ts'
import { checkModel } from './check-model.ts'
import { differenceOf, messageWithoutPath } from './compare.ts'
import { Findings } from './findings.ts'
import { keyOf } from './names.ts'
import { walk } from './walk.ts'
import type { JobOptions } from '../core/options.ts'
import type { Manifest, ManifestEntry } from './document.ts'
import type { ManifestCheck } from './findings.ts'
import type { Walked } from './walk.ts'

/** Options of the check of a folder. */
export interface FolderCheck {
  readonly root: string
  /** Path of the manifest; it does not count as part of the folder that it describes. */
  readonly manifestPath?: string | undefined
  readonly ignoreAdded: boolean
}

/** Check a folder, and the model in it if the manifest lists tensors. */
export async function checkFolder(
  manifest: Manifest,
  { root, manifestPath, ignoreAdded }: FolderCheck,
  options: JobOptions,
): Promise<ManifestCheck> {
  const absolute = resolve(root)
  const skip = manifestPath === undefined ? undefined : await ownPath(absolute, manifestPath, manifest)
  const walked = await walk(absolute, manifest, skip, options)
  const findings = new Findings()
  compare(manifest, walked, ignoreAdded, findings)
  await checkModel(manifest, absolute, walked, findings, options)
  return findings.finish({
    format: 'manifest',
    root,
    algorithm: manifest.algorithm,
    ignore: manifest.ignore,
    warnings: walked.warnings,
    entries: manifest.entries.length,
    tensors: manifest.tensors?.length ?? 0,
  })
}

/** Return the path of the manifest below the root, unless it lists a file of that name. */
async function ownPath(root: string, manifestPath: string, manifest: Manifest): Promise<string | undefined> {
  // The walk reports a root that cannot be resolved.
  const realRoot = await realpath(root).catch(() => root)
  const path = relative(realRoot, join(await realpath(dirname(manifestPath)), basename(manifestPath)))
  const own = process.platform === 'win32' ? path.replaceAll('\\', '/') : path
  const outside = own === '' || own === '..' || own.startsWith('../')
  return outside || manifest.entries.some((entry) => entry.path === own) ? undefined : own
}

function compare(manifest: Manifest, walked: Walked, ignoreAdded: boolean, findings: Findings): void {
  const present = new Map(walked.entries.map((entry) => [keyOf(entry), entry]))
  const explained = new Set<string>()
  for (const entry of manifest.entries) {
    const key = keyOf(entry)
    const current = present.get(key)
    present.delete(key)
    if (current !== undefined) {
      const detail = differenceOf(entry, current)
      if (detail === undefined) findings.same()
      else findings.add('changed', { ...named(entry), detail })
      continue
    }
    const at = errorAbove(entry.path, walked)
    if (at !== undefined) explained.add(at)
    addAbsent(entry, at === undefined ? undefined : walked.errors.get(at), at, findings)
  }
  if (ignoreAdded) return
  for (const entry of present.values())
    findings.add('added', { ...named(entry), detail: 'the manifest does not list it' })
  for (const [path, error] of walked.errors) {
    if (explained.has(path)) continue
    const known = error.code === 'ERR_LINEAPRINT_LINK' || error.code === 'ERR_LINEAPRINT_NOT_REGULAR'
    findings.add(known ? 'added' : 'unreadable', { path, detail: messageWithoutPath(error) })
  }
}

/** Return the path whose error hides an entry: its own, or that of a folder above it. */
function errorAbove(path: string, { errors }: Walked): string | undefined {
  if (errors.size === 0) return undefined
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const part = path.slice(0, end)
    if (errors.has(part)) return part
  }
  return undefined
}

function addAbsent(
  entry: ManifestEntry,
  error: LineaprintError | undefined,
  at: string | undefined,
  findings: Findings,
): void {
  if (error === undefined || at === undefined)
    return findings.add('missing', { ...named(entry), detail: 'there is no such file' })
  const detail = at === entry.path ? messageWithoutPath(error) : `${at}: ${messageWithoutPath(error)}`
  // The path is not a regular file, so it has changed; there is no need to read it.
  const differs = error.code === 'ERR_LINEAPRINT_LINK' || error.code === 'ERR_LINEAPRINT_NOT_REGULAR'
  findings.add(differs ? 'changed' : 'unreadable', { ...named(entry), detail })
}

function named({ path, pathBytes }: ManifestEntry): { path: string; pathBytes?: string } {
  return { path, ...(pathBytes !== undefined && { pathBytes }) }
}
