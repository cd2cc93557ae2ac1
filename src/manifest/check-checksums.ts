/** Check of the files listed in a checksum file of `b3sum` or `sha256sum`. */
import { basename, isAbsolute } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { parseChecksums, refuseMalformed } from './checksums.ts'
import { messageWithoutPath } from './compare.ts'
import { choiceOf, decide, hashInto } from './checksum-hashes.ts'
import { Findings } from './findings.ts'
import { collisionsOf } from './names.ts'
import type { JobOptions } from '../core/options.ts'
import type { Algorithm } from '../core/digest.ts'
import type { Outcome } from './checksum-hashes.ts'
import type { Checked } from './checksums.ts'
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
  const { files, malformed } = parseChecksums(bytes, path)
  if (!lenient) refuseMalformed(malformed, path)
  for (const file of files) refuseOutside(file, allowOutside, path)
  const bare = algorithm ?? algorithmOfName(path)
  const outcomes = new Map<Checked, Outcome>()
  await hashInto(outcomes, root, files, (demand) => demand.algorithm ?? bare ?? 'blake3', options)
  const decided = bare ?? (await decide(outcomes, root, files, path, options))
  const findings = new Findings()
  for (const file of files) report(file, outcomes.get(file), decided, findings)
  const used = new Set(files.flatMap(({ demands }) => demands.map((demand) => demand.algorithm ?? decided)))
  return findings.finish({
    format: 'checksums',
    root,
    algorithm: used.has(undefined) ? undefined : choiceOf(used),
    malformed,
    ignore: [],
    warnings: collisionsOf(
      files.flatMap(({ path: name, pathBytes }) => (pathBytes === undefined ? [name] : [])),
    ).map((name) => ({ kind: 'names-collide', path: name })),
    entries: files.length,
    tensors: 0,
  })
}

/** Refuse names that lead out of the folder, unless allowed: the checksum file may be untrusted. */
function refuseOutside({ path: name, demands }: Checked, allowed: boolean, path: string | undefined): void {
  const fail = (message: string, hint: string): never => {
    const sentence = `line ${demands[0]?.line ?? 0}: ${message}: ${JSON.stringify(name)}`
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

function report(
  file: Checked,
  outcome: Outcome | undefined,
  decided: Algorithm | undefined,
  findings: Findings,
): void {
  const { path, pathBytes, demands } = file
  const item = (detail: string): CheckItem => ({
    path,
    ...(pathBytes !== undefined && { pathBytes }),
    detail,
  })
  if (outcome === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path })
  if (outcome instanceof LineaprintError) {
    if (!LineaprintError.isFinding(outcome)) throw outcome
    if (outcome.code === 'ERR_LINEAPRINT_NOT_FOUND') findings.add('missing', item('there is no such file'))
    else findings.add('unreadable', item(messageWithoutPath(outcome)))
    return
  }
  const wrong = demands.find(({ algorithm = decided, hex }) => !algorithm || outcome[algorithm]?.hex !== hex)
  if (wrong === undefined) return findings.same()
  const unknown = wrong.algorithm === undefined && decided === undefined
  findings.add(
    'changed',
    item(unknown ? 'the digest is neither its BLAKE3 nor its SHA-256' : 'its content differs'),
  )
}
