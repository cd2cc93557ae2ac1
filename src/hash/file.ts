/** Plain digests of files. */
import { isFailure, fromFailure, runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys, checkObject, checkPath, checkPaths } from '../core/options.ts'
import { sampleDigests } from './sample/digests.ts'
import { checkSample, toNativePlan } from './sample/options.ts'
import { SampleReport } from './sample/report.ts'
import { cacheFolder, toCacheUsage } from './cache.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { SampledHashOptions } from './sample/options.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { CacheUsage } from './cache.ts'

/** A hashed file. */
export interface FileHash<A extends AlgorithmChoice = AlgorithmChoice> {
  /** The path as it was given. */
  readonly path: string
  /** Length in bytes. */
  readonly size: number
  /** The digest; BLAKE3 if both were requested. */
  readonly digest: Digest
  /** Every requested digest. */
  readonly digests: Digests<A>
  /** The extent of the sample; only if one was requested. */
  readonly sample?: SampleReport
  /** Usage of the cache for all files of the call; only if there is one. */
  readonly cache?: CacheUsage
}

/** Options of {@link hashFiles}. */
export interface FilesOptions<A extends AlgorithmChoice = AlgorithmChoice> extends SampledHashOptions<A> {
  /** Keep digests of unchanged files: `true`, or a folder. See `docs/cache.md`. @default false */
  readonly cache?: boolean | string | undefined
}

/** Options of {@link hashFile}. A range is never cached nor sampled. */
export interface FileOptions<A extends AlgorithmChoice = AlgorithmChoice> extends FilesOptions<A> {
  /** Offset of the first byte to hash. @default 0 */
  readonly start?: number | undefined
  /** Offset after the last byte to hash. @default the end of the file */
  readonly end?: number | undefined
}

/**
 * Hash one file with the standard hash: the result equals the output of `b3sum` or `sha256sum`.
 *
 * Cost: one read. BLAKE3 uses all threads for a file over 4 MiB; SHA-256 is one stream. With `sample`, only
 * the chosen blocks are read; the digest is then a `sampled` one, unless the plan chose all blocks.
 *
 * @param path A regular file; links are followed.
 * @throws ERR_LINEAPRINT_NOT_FOUND, NOT_REGULAR, UNREADABLE, CHANGED if the file changed while it was read,
 * or RANGE if `start` and `end` do not lie in it.
 */
export async function hashFile<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: FileOptions<A> = {},
): Promise<FileHash<A>> {
  checkObject(options)
  const { start, end, ...shared } = options
  const isWhole = start === undefined && end === undefined
  if (!isWhole) checkSample(shared.sample, { 'start and end': true })
  if (!isWhole || (shared.sample === undefined && cacheFolder(shared.cache) === undefined))
    return hashRange(path, start ?? 0, end, shared)
  // Only a job for several files supports a cache and a sample.
  const [outcome] = await hashFiles([path], shared)
  if (outcome instanceof LineaprintError) throw outcome
  if (outcome === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path })
  return outcome
}

async function hashRange(
  path: string,
  start: number,
  end: number | undefined,
  options: FilesOptions,
): Promise<FileHash> {
  checkKeys(options, ['cache', 'sample'])
  const algorithm = checkAlgorithm(options.algorithm)
  const checked = checkPath(path)
  for (const [field, position] of Object.entries({ start, end: end ?? 0 })) {
    if (Number.isSafeInteger(position) && position >= 0) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not a position in a file`, {
      field,
      expected: 'a whole number of bytes',
      received: String(position),
    })
  }
  const { size, digests } = await runJob(options, (job, threads) =>
    native.hashRange(job, checked, start, end, algorithm, threads),
  )
  return toFileHash(checked, size, toDigests(digests))
}

/**
 * Hash many files as one job on all threads. If a file fails, its element of the result is the error; the
 * other files are still hashed.
 *
 * @param paths Regular files; links are followed.
 * @returns One result or error per path, in the order given.
 */
export async function hashFiles<A extends AlgorithmChoice = 'blake3'>(
  paths: readonly string[],
  options: FilesOptions<A> = {},
): Promise<readonly (FileHash<A> | LineaprintError)[]> {
  checkKeys(options, ['cache', 'sample'])
  const plan = checkSample(options.sample, { cache: options.cache })
  const algorithm = checkAlgorithm(options.algorithm)
  const checked = checkPaths(paths)
  const outcomes =
    plan === undefined
      ? await hashAll(checked, algorithm, options)
      : await sampleAll(checked, algorithm, plan, options)
  return outcomes
}

type Outcomes = Promise<(FileHash | LineaprintError)[]>

async function hashAll(paths: string[], algorithm: AlgorithmChoice, options: FilesOptions): Outcomes {
  const cache = cacheFolder(options.cache)
  const { outcomes, cache: used } = await runJob(options, (job, threads) =>
    native.hashFiles(job, paths, algorithm, cache, threads),
  )
  const usage = used && { cache: toCacheUsage(used) }
  return outcomes.map((outcome, index) => {
    if (isFailure(outcome)) return fromFailure(outcome)
    return { ...toFileHash(paths[index] ?? '', outcome.size, toDigests(outcome.digests)), ...usage }
  })
}

async function sampleAll(
  paths: string[],
  algorithm: AlgorithmChoice,
  plan: SamplePlan,
  options: FilesOptions,
): Outcomes {
  const outcomes = await runJob(options, (job, threads) =>
    native.sampleFiles(job, paths, toNativePlan(plan), algorithm, threads),
  )
  return outcomes.map((outcome, index) => {
    if (isFailure(outcome)) return fromFailure(outcome)
    const { size, digests, extent } = outcome
    const made = sampleDigests('file', plan, extent, digests)
    return toFileHash(paths[index] ?? '', size, made, new SampleReport('file', extent))
  })
}

function toFileHash(path: string, size: number, digests: Digests, sample?: SampleReport): FileHash {
  return { path, size, digest: primary(digests), digests, ...(sample && { sample }) }
}
