/** Lock files: what a package manager says is to be installed, known by their bytes and compared with what is. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { NotAvailable } from '../../../util/not-available.ts'
import { foldersUp, readIfThere } from '../files.ts'
import { readBunLock, readNpmLock, readPnpmLock, readYarnLock } from './javascript.ts'
import { NotLocked, findDrift } from './locked.ts'
import {
  readPdmLock,
  readPipfileLock,
  readPoetryLock,
  readPyLock,
  readRequirements,
  readUvLock,
} from './python.ts'
import type { DriftOptions, Locked } from './locked.ts'
import type { SourceContext } from '../source.ts'
import type { LockFileRecord, LockFileRecords } from '../types.ts'

type Reader = (text: string) => Locked | Promise<Locked>

/** A file that is known by its digest alone, and why. */
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

/** Files that fix Python packages, each with its reader. */
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

/** A lock file that was found. */
export interface LockFile {
  readonly name: string
  readonly bytes: Buffer
}

/**
 * The lock files of the nearest folder that has any, from the working folder up: in a workspace it is the root's.
 *
 * @param warnings Gets a sentence for each that is there but cannot be read.
 */
export async function findLockFiles(
  directory: string,
  names: readonly string[],
  warnings: string[],
): Promise<readonly LockFile[]> {
  for await (const folder of foldersUp(directory)) {
    const found: LockFile[] = []
    for (const name of names) {
      try {
        const bytes = await readIfThere(join(folder, name))
        if (bytes !== undefined) found.push({ name, bytes })
      } catch (error) {
        if (!(error instanceof NotAvailable)) throw error
        warnings.push(error.message)
      }
    }
    if (found.length > 0) return found
  }
  return []
}

/** Departures that are listed; there may be thousands where another environment was meant. */
const LISTED = 200
/** Departures that are named in the warning. */
const NAMED = 3

/**
 * Writes lock files in the form of the record: size and digest, how many packages, and each in which what is
 * installed departs. Digests are SHA-256 whatever the run uses, as the package managers' own are. Where not every
 * package of a file is known, `unseen` says why, `driftCount` is `null`, and the departures that are listed are those
 * that are certain.
 *
 * @param installed Names with their versions; `null` where they are not known.
 * @param context Its `unseen` gets what cannot be compared, and why.
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

/** Say why packages of a lock file are not known; entries that no reader understands are also warned of. */
function gapsOf(name: string, { entries, unnamed }: Locked, warnings: string[]): string[] {
  const gaps: string[] = []
  if (entries.seen !== entries.understood) {
    const counts = `${entries.seen} entries, ${entries.understood} understood`
    warnings.push(`${name}: ${counts}`)
    gaps.push(`the comparison is not complete: ${counts}`)
  }
  if (unnamed > 0)
    gaps.push(
      `${unnamed === 1 ? '1 entry names' : `${unnamed} entries name`} no package, which may be any that is there`,
    )
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
    .map((one) => `${one.package} (locked ${one.locked ?? 'none'}, installed ${one.installed ?? 'none'})`)
  const more = drift.length > NAMED ? `, and ${drift.length - NAMED} more` : ''
  const what = drift.length === 1 ? '1 package differs' : `${drift.length} packages differ`
  return `${what} from ${name}: ${named.join(', ')}${more}`
}
