/** Lock files: their digests, and the comparison of the locked packages with the installed ones. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { NotAvailable } from '../../../util/not-available.ts'
import { foldersUp, readIfPresent } from '../files.ts'
import { readBunLock, readNpmLock, readPnpmLock, readYarnLock } from './javascript.ts'
import { NotLocked, findDrift } from './locked.ts'
import { recordNonexistent } from '../source.ts'
import {
  readPdmLock,
  readPipfileLock,
  readPoetryLock,
  readPyLock,
  readRequirements,
  readUvLock,
} from './python.ts'
import { plural } from '../../../util/plural.ts'
import type { DriftOptions, Locked } from './locked.ts'
import type { SourceContext } from '../source.ts'
import type { LockFileRecord, LockFileRecords } from '../types.ts'

type Reader = (text: string) => Locked | Promise<Locked>

/** Return a reader for a format that is recorded by its digest only, with the reason. */
const digestOnly = (reason: string): Reader => {
  return () => {
    throw new NotLocked(reason)
  }
}

/** Lock files of JavaScript package managers, each with its reader. */
export const NPM_LOCK_FILES: Readonly<Record<string, Reader>> = {
  'package-lock.json': readNpmLock,
  'npm-shrinkwrap.json': readNpmLock,
  'pnpm-lock.yaml': readPnpmLock,
  'yarn.lock': readYarnLock,
  'bun.lock': readBunLock,
  'bun.lockb': digestOnly('binary format that depends on the version of Bun'),
}

/** Files that pin Python packages, each with its reader. */
export const PYTHON_LOCK_FILES: Readonly<Record<string, Reader>> = {
  'uv.lock': readUvLock,
  'poetry.lock': readPoetryLock,
  'pdm.lock': readPdmLock,
  'Pipfile.lock': readPipfileLock,
  'pixi.lock': digestOnly('lists packages of several platforms'),
  'pylock.toml': readPyLock,
  'conda-lock.yml': digestOnly('lists packages of several platforms'),
  'requirements.txt': readRequirements,
}

/** A lock file. */
export interface LockFile {
  readonly name: string
  readonly bytes: Buffer
}

/**
 * Find the lock files of the nearest folder that has any, starting at the working folder: in a workspace they
 * are in the root.
 *
 * @param context Gets a warning and a reason for each file that exists but cannot be read.
 */
export async function findLockFiles(
  directory: string,
  names: readonly string[],
  { warnings, unseen }: Pick<SourceContext, 'warnings' | 'unseen'>,
): Promise<readonly LockFile[]> {
  for await (const folder of foldersUp(directory)) {
    const files: LockFile[] = []
    for (const name of names) {
      try {
        const bytes = await readIfPresent(join(folder, name))
        if (bytes !== undefined) files.push({ name, bytes })
      } catch (error) {
        if (!(error instanceof NotAvailable)) throw error
        warnings.push(error.message)
        unseen.set(`lockFiles.${name}`, error.message)
      }
    }
    if (files.length > 0) return files
  }
  return []
}

/** Record that there is no lock file of these names, unless one exists that cannot be read. */
export function recordAbsentLockFiles(
  files: readonly LockFile[],
  readers: Readonly<Record<string, Reader>>,
  context: Pick<SourceContext, 'unseen' | 'nonexistent'>,
): void {
  const isUnread = [...context.unseen.keys()].some((field) => field.startsWith('lockFiles.'))
  if (files.length === 0 && !isUnread)
    recordNonexistent(context, 'lockFiles', `found none of ${Object.keys(readers).join(', ')}`)
}

/**
 * Limit of the listed drift entries; there may be thousands if the lock file belongs to another environment.
 */
const LISTED = 200
/** Number of packages that the warning names. */
const NAMED = 3

/**
 * Return lock files in their recorded form: size, digest, number of packages, and the drift of the installed
 * packages. Digests are SHA-256 regardless of the run's algorithm, as those of the package managers are. If
 * not every package of a file is known, `unseen` gives the reason, `driftCount` is `null`, and only drift
 * that is certain is listed.
 *
 * @param installed Names with their versions; `null` if they are not known.
 * @param context Its `unseen` gets the files that cannot be compared, with the reasons.
 */
export async function describeLockFiles(
  files: readonly LockFile[],
  readers: Readonly<Record<string, Reader>>,
  installed: Readonly<Record<string, readonly string[]>> | null,
  options: DriftOptions,
  { warnings, unseen }: Pick<SourceContext, 'warnings' | 'unseen'>,
): Promise<LockFileRecords> {
  const described: Record<string, LockFileRecord> = {}
  for (const { name, bytes } of files) {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const known = { size: bytes.length, digest: `sha256:${sha256}` }
    const locked = await read(readers[name], bytes)
    if (typeof locked === 'string' || installed === null) {
      const reason = typeof locked === 'string' ? locked : 'the installed packages are not known'
      unseen.set(`lockFiles.${name}`, `not compared, only its digest is recorded: ${reason}`)
      described[name] = { ...known, packages: null, drift: null }
      continue
    }
    const gaps = gapsOf(name, locked, warnings)
    const complete = gaps.length === 0
    const ignore = new Set([...options.ignore, ...locked.unversioned])
    const drift = findDrift(locked.packages, installed, { ...options, ignore, complete })
    const reasons = [...gaps, ...(locked.notCompared === undefined ? [] : [locked.notCompared])]
    if (reasons.length > 0) unseen.set(`lockFiles.${name}`, reasons.join('; '))
    if (drift.length > LISTED)
      unseen.set(`lockFiles.${name}.drift`, `the first ${LISTED} of ${drift.length} are listed`)
    if (drift.length > 0) warnings.push(sentence(name, drift))
    described[name] = {
      ...known,
      packages: locked.packages.length,
      driftCount: complete ? drift.length : null,
      drift: drift.slice(0, LISTED),
    }
  }
  return described
}

/**
 * Return the reasons why packages of a lock file are not known; entries that the reader does not understand
 * also cause a warning.
 */
function gapsOf(name: string, { entries, unnamed }: Locked, warnings: string[]): string[] {
  const gaps: string[] = []
  if (entries.seen !== entries.understood) {
    const counts = `${plural(entries.seen, 'entry', 'entries')}, ${entries.understood} understood`
    warnings.push(`${name}: ${counts}`)
    gaps.push(`the comparison is not complete: ${counts}`)
  }
  if (unnamed > 0)
    gaps.push(`${plural(unnamed, 'entry names', 'entries name')} no package, which may be any that is there`)
  return gaps
}

async function read(reader: Reader | undefined, bytes: Buffer): Promise<Locked | string> {
  try {
    return (await reader?.(bytes.toString())) ?? 'no reader for this lock file'
  } catch (error) {
    if (error instanceof NotLocked) return error.message
    throw error
  }
}

function sentence(name: string, drift: ReturnType<typeof findDrift>): string {
  const named = drift
    .slice(0, NAMED)
    .map(
      (entry) =>
        `${entry.package} (locked ${entry.locked ?? 'none'}, installed ${entry.installed ?? 'none'})`,
    )
  const more = drift.length > NAMED ? `, and ${drift.length - NAMED} more` : ''
  const count = plural(drift.length, 'package differs', 'packages differ')
  return `${count} from ${name}: ${named.join(', ')}${more}`
}
