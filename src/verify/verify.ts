/**
 * Verification of a run against the current state: record, files, code, environment, seeds, inputs and
 * outputs.
 */
import { checkRun } from '../store/read.ts'
import { resolve } from 'node:path'
import { checkSeed } from '../capture/seeds/seed.ts'
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkChoice, checkKnown } from '../core/options.ts'
import { verifyCaptures, verifyDirectory, verifyVersion } from './captures.ts'
import { verifyCommand } from './command.ts'
import { verifyFiles, verifyRecord } from '../compare/run-files.ts'
import { VERIFY_LEVELS, judge } from './level.ts'
import { verifyObjects } from './objects.ts'
import { explainOverwritten, verifyTracked } from '../compare/tracked.ts'
import type { Progress } from '../core/options.ts'
import type { Component } from '../core/component.ts'
import type { CheckedItem } from '../compare/check-item.ts'
import type { StoredRun } from '../store/runs.ts'
import type { VerifyItem, VerifyLevel } from './level.ts'

export type { VerifyStatus } from '../compare/check-item.ts'
export type { VerifyDifference, VerifyItem, VerifyLevel } from './level.ts'

/** The result of a verification. */
export interface Verification {
  readonly id: string
  readonly name: string
  /** Name of the run beside its experiment; absent if it has none. */
  readonly runName?: string
  readonly level: VerifyLevel
  /** True if no difference counts at this level. */
  readonly same: boolean
  readonly items: readonly VerifyItem[]
}

/** Options of {@link verifyRun}. */
export interface VerifyOptions {
  /**
   * Level: which differences count. `data` (datasets, models, tokenizers, outputs), `code` (git, command),
   * `default` (both, and everything else that somebody chose), `strict` (everything, and items that could not
   * be checked). The seal of the record always counts. Every level reports all differences; `docs/verify.md`
   * has the table. @default 'default'
   */
  readonly level?: VerifyLevel | undefined
  /** The current command, to compare with the recorded one. @default the command is not checked */
  readonly command?: readonly string[] | undefined
  /**
   * Absolute path of the folder whose code and environment are compared. The record does not choose it, because
   * git and Python are started there. @default the working directory of this process
   */
  readonly directory?: string | undefined
  /** The seed that a run would be given, to compare with the recorded one. @default the seed of this process */
  readonly seed?: number | undefined
  /** Custom trackers, to check their captures. @default none */
  readonly trackers?: readonly Component[] | undefined
  /**
   * Patterns of files of output folders that are left out, in the syntax of gitignore, in addition to the built-in
   * ones. @default none
   */
  readonly outputIgnore?: readonly string[] | undefined
  /** True if the copies that the store keeps for the run are read and compared with their digests. @default false */
  readonly objects?: boolean | undefined
  /** Stops the work. The call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /** Called with the progress of the current digest. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Called with each item as soon as it is known; the result has them in another order. */
  readonly onItem?: ((item: VerifyItem) => void) | undefined
}

const OPTIONS = [
  'level',
  'command',
  'directory',
  'seed',
  'trackers',
  'outputIgnore',
  'objects',
  'signal',
  'onProgress',
  'onItem',
] as const

/**
 * Verify a run. Everything is read again, without a cache. Something that cannot be read becomes an item and
 * does not stop the other checks.
 *
 * Cost: one read of every dataset, model and output; for a sampled one, of the sample.
 *
 * @param run From `findRun` or `readRun`.
 * @throws The reason of the signal; ERR_LINEAPRINT_ARGUMENT for an invalid option, also a directory that is not a folder;
 * ERR_LINEAPRINT_NOT_FOUND for a directory that does not exist.
 */
export async function verifyRun(run: StoredRun, options: VerifyOptions = {}): Promise<Verification> {
  checkRun(run)
  checkKnown(options, OPTIONS)
  const { command, trackers = [], signal, onProgress, onItem } = options
  const limits = { signal, onProgress }
  const level = checkChoice('level', options.level ?? 'default', VERIFY_LEVELS)
  const seed = options.seed === undefined ? undefined : checkSeed(options.seed)
  checkCommand(command)
  const directory = await workingFolder(options.directory)
  const captures = verifyCaptures(run, { trackers, seed, signal, level, directory, command })
  // This promise must have a handler even if another check fails first.
  captures.catch(() => undefined)
  const checked: VerifyItem[] = []
  const add = (items: readonly CheckedItem[]): void => {
    for (const item of items.map((unjudged) => judge(unjudged, level))) {
      checked.push(item)
      onItem?.(item)
    }
  }
  add(verifyRecord(run))
  add(await verifyFiles(run, limits))
  add(verifyCommand(run.record, command))
  add(verifyVersion(run.record))
  add(await verifyDirectory(run.record, directory))
  add(await captures)
  add(await explainOverwritten(run, await verifyTracked(run, limits, options.outputIgnore), limits))
  if (options.objects === true) add(await verifyObjects(run, limits))
  signal?.throwIfAborted()
  const items = [...checked.filter(isSurrounding), ...checked.filter((item) => !isSurrounding(item))]
  const { name, runName } = run.record
  return {
    id: run.id,
    name,
    ...(runName !== undefined && { runName }),
    level,
    same: !items.some(({ counts }) => counts),
    items,
  }
}

/** Names of items about where the run is verified: they explain the differences that follow. */
const SURROUNDINGS: ReadonlySet<string> = new Set([
  'code folder',
  'environment interpreter',
  'environment lineaprint',
])

function isSurrounding({ section, name }: CheckedItem): boolean {
  return SURROUNDINGS.has(`${section} ${name}`)
}

function checkCommand(command: readonly string[] | undefined): void {
  if (command === undefined) return
  const isText = Array.isArray(command) && command.every((argument) => typeof argument === 'string')
  if (isText && command.length > 0) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid command', {
    field: 'command',
    expected: 'an array of strings: program and arguments',
    received: Array.isArray(command) ? 'an empty array, or other values in it' : typeof command,
  })
}

/** Return the absolute path of the folder whose code and environment are compared. A given one must exist. */
async function workingFolder(given: string | undefined): Promise<string> {
  if (given !== undefined && !(await statInput(resolve(given), given)).isDirectory())
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the directory is not a folder', {
      path: given,
      field: 'directory',
      expected: 'the folder whose code and environment are compared',
      received: 'a file',
    })
  return resolve(given ?? '.')
}
