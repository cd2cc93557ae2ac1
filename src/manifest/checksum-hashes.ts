/** Hashing of the files in a checksum file, and detection of the algorithm of untagged lines. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isMissing, isReadError, systemReason } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashFiles } from '../hash/file.ts'
import { hashStream } from '../hash/stream.ts'
import { absoluteOf } from './entries.ts'
import type { JobOptions } from '../core/options.ts'
import type { Algorithm, AlgorithmChoice, Digests } from '../core/digest.ts'
import type { Checked, Demand } from './checksums.ts'

/** The result of hashing a file. */
export type Outcome = Digests | LineaprintError

/** Hash files as at most three jobs, one per set of algorithms. */
export async function hashInto(
  outcomes: Map<Checked, Outcome>,
  root: string,
  files: readonly Checked[],
  algorithmOf: (demand: Demand) => Algorithm,
  options: JobOptions,
): Promise<void> {
  const groups = Map.groupBy(files, ({ demands }) =>
    choiceOf(new Set(demands.map((demand) => algorithmOf(demand)))),
  )
  for (const [algorithm = 'blake3', group] of groups) {
    const named = group.filter(({ pathBytes, path }) => pathBytes === undefined && path !== '-')
    const hashes = await hashFiles(
      named.map(({ path }) => resolve(root, path)),
      { ...options, algorithm },
    )
    for (const [index, file] of named.entries()) {
      const hash = hashes[index]
      if (hash !== undefined) outcomes.set(file, hash instanceof LineaprintError ? hash : hash.digests)
    }
    for (const file of group) {
      if (!outcomes.has(file)) outcomes.set(file, await hashRaw(root, file, algorithm, options))
    }
  }
}

/**
 * Hash a file whose name is not UTF-8. The addon takes paths as text, so the file is read through a stream.
 */
async function hashRaw(
  root: string,
  file: Checked,
  algorithm: AlgorithmChoice,
  options: JobOptions,
): Promise<Outcome> {
  if (file.path === '-')
    return new LineaprintError(
      'ERR_LINEAPRINT_UNREADABLE',
      '"-" means standard input, which cannot be checked',
    )
  try {
    // Does not wait for a writer if the file is a FIFO.
    const handle = await open(absoluteOf(resolve(root), file), constants.O_RDONLY | constants.O_NONBLOCK)
    await using _ = handle
    if (!(await handle.stat()).isFile())
      return new LineaprintError('ERR_LINEAPRINT_NOT_REGULAR', 'it is not a regular file')
    const stream = handle.createReadStream({ autoClose: false })
    return (await hashStream(stream, { algorithm, signal: options.signal })).digests
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (!isReadError(cause)) throw cause
    return isMissing(cause)
      ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file', { cause })
      : new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot read it: ${systemReason(cause)}`, { cause })
  }
}

/**
 * Detect the algorithm of untagged lines: BLAKE3 was assumed first; files that do not match are tried with
 * SHA-256. A mix of both is refused, because a changed file could then pass under the other algorithm.
 */
export async function decide(
  outcomes: Map<Checked, Outcome>,
  root: string,
  files: readonly Checked[],
  path: string | undefined,
  options: JobOptions,
): Promise<Algorithm | undefined> {
  const bare = files.filter(({ demands }) => demands.some(({ algorithm }) => algorithm === undefined))
  const fits = (file: Checked, algorithm: Algorithm): boolean => {
    const outcome = outcomes.get(file)
    const demand = file.demands.find((candidate) => candidate.algorithm === undefined)
    return outcome !== undefined && !(outcome instanceof LineaprintError)
      ? outcome[algorithm]?.hex === demand?.hex
      : false
  }
  const others = bare.filter(
    (file) => !fits(file, 'blake3') && !(outcomes.get(file) instanceof LineaprintError),
  )
  const blake3 = bare.find((file) => fits(file, 'blake3'))
  const retried = new Map<Checked, Outcome>()
  await hashInto(retried, root, others, (demand) => demand.algorithm ?? 'sha256', options)
  for (const [file, outcome] of retried) {
    const before = outcomes.get(file)
    if (outcome instanceof LineaprintError || before instanceof LineaprintError) outcomes.set(file, outcome)
    else outcomes.set(file, { ...before, ...outcome })
  }
  const sha256 = others.find((file) => fits(file, 'sha256'))
  if (blake3 === undefined || sha256 === undefined) return blake3 ? 'blake3' : sha256 && 'sha256'
  const [blake3Path, sha256Path] = [JSON.stringify(blake3.path), JSON.stringify(sha256.path)]
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the lines use two algorithms without tags', {
    path,
    expected: 'one algorithm, or tagged lines: BLAKE3 (name) = digest',
    received: `BLAKE3 for ${blake3Path} and SHA-256 for ${sha256Path}`,
    hint: 'select one with --algorithm',
  })
}

/** Return the choice that covers these algorithms. */
export function choiceOf(algorithms: ReadonlySet<Algorithm | undefined>): AlgorithmChoice | undefined {
  if (algorithms.size === 2) return 'both'
  return [...algorithms][0]
}
