/** Check of the files listed in a checksum file of `b3sum` or `sha256sum`. */
import { basename, isAbsolute, resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { hashTree } from '../hash/tree.ts'
import { parseChecksums, refuseMalformed } from './checksums.ts'
import { messageWithoutPath } from './compare.ts'
import { choiceOf, decide, hashInto } from './checksum-hashes.ts'
import { Findings } from './findings.ts'
import { collisionsOf } from './names.ts'
import type { JobOptions } from '../core/options.ts'
import type { Algorithm } from '../core/digest.ts'
import type { Outcome } from './checksum-hashes.ts'
import type { Checked, CheckedFolder } from './checksums.ts'
import type { CheckItem, ManifestCheck } from './findings.ts'

/** Options of the check of a checksum file. */
export interface ChecksumsCheck {
  /** The folder that the names are relative to. */
  readonly root: string
  /** Path of the checksum file. */
  readonly path?: string | undefined
  /** The algorithm of lines without a tag. */
  readonly algorithm?: Algorithm | undefined
  readonly allowOutside: boolean
  readonly lenient: boolean
}

/** Check the files. Files that are not listed are ignored, as by the tools that write these files. */
export async function checkChecksums(
  bytes: Uint8Array,
  { root, path, algorithm, allowOutside, lenient }: ChecksumsCheck,
  options: JobOptions,
): Promise<ManifestCheck> {
  const { files, folders, malformed } = parseChecksums(bytes, path)
  if (!lenient) refuseMalformed(malformed, path)
  for (const file of files) refuseOutside(file.path, file.demands[0]?.line, allowOutside, path)
  for (const { path: name, line } of folders) refuseOutside(name, line, allowOutside, path)
  const bare = algorithm ?? algorithmOfName(path)
  const outcomes = new Map<Checked, Outcome>()
  await hashInto(outcomes, root, files, (demand) => demand.algorithm ?? bare ?? 'blake3', options)
  const decided = bare ?? (await decide(outcomes, root, files, path, options))
  const findings = new Findings()
  for (const file of files) report(file, outcomes.get(file), decided, findings)
  for (const folder of folders) await checkTree(folder, root, findings, options)
  const used = new Set([
    ...files.flatMap(({ demands }) => demands.map((demand) => demand.algorithm ?? decided)),
    ...folders.map(({ digest }) => digest.algorithm),
  ])
  // A folder has a line per algorithm.
  const names = new Set(
    [...files, ...folders].flatMap(({ path: name, pathBytes }) => (pathBytes === undefined ? [name] : [])),
  )
  return findings.finish({
    format: 'checksums',
    root,
    algorithm: used.has(undefined) ? undefined : choiceOf(used),
    malformed,
    ignore: [],
    warnings: collisionsOf([...names]).map((name) => ({ kind: 'names-collide', path: name })),
    entries: files.length + folders.length,
    tensors: 0,
  })
}

/** Refuse names that lead out of the folder, unless allowed: the checksum file may be untrusted. */
function refuseOutside(
  name: string,
  line: number | undefined,
  allowed: boolean,
  path: string | undefined,
): void {
  const fail = (message: string, hint: string): never => {
    const sentence = `line ${line ?? 0}: ${message}: ${JSON.stringify(name)}`
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', sentence, { path, field: name, hint })
  }
  if (name.includes('\0')) fail('the name holds a NUL', 'not a valid file name')
  if (allowed) return
  const windows = process.platform === 'win32'
  const hint = 'pass --allow-outside if you trust the file'
  if (isAbsolute(name) || (windows && /^[A-Za-z]:/.test(name))) fail('the name is absolute', hint)
  if (name.split(windows ? /[/\\]/ : '/').includes('..')) fail('the name has the segment ".."', hint)
}

/** Return the algorithm that the name of the checksum file indicates. */
function algorithmOfName(path: string | undefined): Algorithm | undefined {
  const name = path === undefined ? '' : basename(path).toLowerCase()
  if (/sha-?256/.test(name)) return 'sha256'
  return /blake3|b3sum|\.b3$/.test(name) ? 'blake3' : undefined
}

/** Name a file or folder as the checksum file does. */
function itemOf({ path, pathBytes }: Checked | CheckedFolder, detail: string): CheckItem {
  return { path, ...(pathBytes !== undefined && { pathBytes }), detail }
}

/**
 * Add a file or folder that could not be read.
 *
 * @throws The error, if it is one of this package and none of the input.
 */
function addFailure(
  checked: Checked | CheckedFolder,
  noun: 'file' | 'folder',
  error: LineaprintError,
  findings: Findings,
): void {
  if (!LineaprintError.isFinding(error)) throw error
  if (error.code === 'ERR_LINEAPRINT_NOT_FOUND')
    findings.add('missing', itemOf(checked, `there is no such ${noun}`))
  else findings.add('unreadable', itemOf(checked, messageWithoutPath(error)))
}

/** Check one folder as `lineaprint hash` reads it without options. */
async function checkTree(
  folder: CheckedFolder,
  root: string,
  findings: Findings,
  options: JobOptions,
): Promise<void> {
  const { path, pathBytes, digest } = folder
  if (pathBytes !== undefined) {
    findings.add('unreadable', itemOf(folder, 'the name of a folder must be UTF-8'))
    return
  }
  try {
    const { algorithm } = digest
    const tree = await hashTree(resolve(root, path), { ...options, algorithm, ignoreFiles: true })
    if (tree.digests[algorithm]?.equals(digest) === true) findings.same()
    else
      findings.add(
        'changed',
        itemOf(folder, 'its content differs, or the digest was made with other options'),
      )
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!LineaprintError.is(error)) throw error
    addFailure(folder, 'folder', error, findings)
  }
}

function report(
  file: Checked,
  outcome: Outcome | undefined,
  decided: Algorithm | undefined,
  findings: Findings,
): void {
  const { path, demands } = file
  if (outcome === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path })
  if (outcome instanceof LineaprintError) {
    return addFailure(file, 'file', outcome, findings)
  }
  const wrong = demands.find(({ algorithm = decided, hex }) => !algorithm || outcome[algorithm]?.hex !== hex)
  if (wrong === undefined) return findings.same()
  const unknown = wrong.algorithm === undefined && decided === undefined
  findings.add(
    'changed',
    itemOf(file, unknown ? 'the digest is neither its BLAKE3 nor its SHA-256' : 'its content differs'),
  )
}
