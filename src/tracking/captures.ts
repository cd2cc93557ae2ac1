/** Captures of a run: the built-in ones and the user's own, recorded in the same way. */
import { isCaptureEnabled } from '../config/options.ts'
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { builtInCaptures } from '../capture/components.ts'
import { environmentDigestFields } from '../capture/environment/digest-fields.ts'
import { seedDigestFields } from '../capture/seeds/digest-fields.ts'
import { parseSeedsCapture } from '../capture/seeds/parse.ts'
import { toCaptured } from '../capture/to-captured.ts'
import { LineaprintError } from '../core/errors.ts'
import { modesIn } from '../util/modes.ts'
import { errorCode, storeError } from '../util/fs.ts'
import { ignoreRejection } from '../util/ignore-rejection.ts'
import { isCapture } from '../record/check-event.ts'
import { reasonOf } from '../record/failure.ts'
import { copyAsJson } from '../json/copy.ts'
import type { CaptureContext, Captured, Component } from '../core/component.ts'
import type { CorrectedEnvironment } from '../capture/environment/python/ran.ts'
import type { CapturedEnvironment } from '../capture/environment/types.ts'
import type { CapturedSeeds } from '../capture/seeds/types.ts'
import type { CaptureRecord } from '../record/record.ts'
import type { Configuration } from '../config/options.ts'
import type { RunWriter } from './run-writer.ts'

/** Return the captures of a configuration, and whether each is made at the start. */
function componentsOf(configuration: Configuration): { component: Component; enabled: boolean }[] {
  return [...builtInCaptures(configuration), ...configuration.trackers].map((component) => ({
    component,
    enabled: isCaptureEnabled(configuration, component.name),
  }))
}

/** The captures made at the start of a run, in progress. */
export interface StartCaptures {
  /**
   * Resolves when the remaining captures no longer read anything that the command could change. The command
   * may then start.
   */
  readonly readyForCommand: Promise<void>
  /** Resolves when all captures are recorded. */
  readonly done: Promise<void>
}

/** The part of a capture context that links the captures of the start with the wrapped command. */
type CommandContext = Pick<CaptureContext, 'onSettled' | 'commandStarted'>

/** Make the captures of the start. A capture that fails is recorded as failed and does not stop the run. */
export function captureAtStart(
  writer: RunWriter,
  signal: AbortSignal | undefined,
  commandStarted: Promise<void> | undefined,
): StartCaptures {
  const captures = componentsOf(writer.configuration).map(({ component, enabled }) => {
    const ready = Promise.withResolvers<void>()
    const done = captureOne(writer, component, enabled, signal, {
      onSettled: ready.resolve,
      commandStarted,
    })
    // A capture that has ended, even with an error, no longer holds back the command.
    done.then(ready.resolve, ready.reject)
    return { done, ready: ready.promise }
  })
  // Only a caller that starts a command awaits this promise. Everyone who awaits `done` gets the same error.
  const readyForCommand = ignoreRejection(awaitAll(captures.map((capture) => capture.ready)))
  return { readyForCommand, done: awaitAll(captures.map((capture) => capture.done)) }
}

async function captureOne(
  writer: RunWriter,
  component: Component,
  enabled: boolean,
  signal: AbortSignal | undefined,
  command: CommandContext,
): Promise<void> {
  if (!enabled) {
    writer.append({ type: 'capture', component: component.name, result: { status: 'off' } })
    return
  }
  try {
    await captureInto(writer, component, signal, command)
  } catch (error) {
    signal?.throwIfAborted()
    writer.append({ type: 'warning', message: `${component.name} was not captured: ${reasonOf(error)}` })
  }
}

/** Wait until every promise has settled, then throw the reason of the first one that was rejected. */
async function awaitAll(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/**
 * Make one capture and record it. It replaces an earlier capture of the same name.
 *
 * @throws The error of the capture, after the failure was recorded.
 */
export async function captureInto(
  writer: RunWriter,
  component: Component,
  signal: AbortSignal | undefined,
  startOf?: CommandContext,
): Promise<Captured> {
  const filesDirectory = join(writer.folder, component.name)
  const { configuration, directory } = writer
  let result: CaptureRecord
  try {
    await emptyFolder(filesDirectory)
    const { algorithm } = configuration
    // Without secrets: what captures find in it becomes part of the record.
    const { wrapped, argv } = writer.recorded.start.command
    const command = wrapped ? argv : undefined
    const captured = await component.capture({
      directory,
      algorithm,
      signal,
      filesDirectory,
      command,
      ...startOf,
    })
    result = recorded(captured)
    writer.append({ type: 'capture', component: component.name, result })
    return captured
  } catch (error) {
    // Files of a capture that failed halfway would look like part of the run.
    await rm(filesDirectory, { recursive: true, force: true })
    writer.append({
      type: 'capture',
      component: component.name,
      result: { status: 'failed', reason: reasonOf(error) },
    })
    throw error
  } finally {
    await removeIfEmpty(filesDirectory)
  }
}

function recorded({ digest, value, warnings }: Captured): CaptureRecord {
  const json = copyAsJson({ digest, value, warnings }, 'what the capture found')
  const record = { status: 'captured', ...json }
  // Custom trackers return unchecked data. No reader would accept a record with an invalid capture.
  if (!isCapture(record)) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the capture returned an invalid result', {
      expected: '{ digest: text, value: object, warnings: array of text }',
      received: JSON.stringify(record).slice(0, 200),
    })
  }
  return record
}

/** Add the seeds that programs reported to the seeds capture. Do nothing if there is no seeds capture. */
export function amendSeeds(writer: RunWriter, addition: Pick<CapturedSeeds, 'python'>): void {
  const before = writer.state.captures.get('seeds')
  if (before?.status !== 'captured') return
  const value = { ...before.value, ...addition }
  const { algorithm } = writer.configuration
  const captured = toCaptured(
    'seeds',
    seedDigestFields(parseSeedsCapture(value)),
    value,
    before.warnings,
    algorithm,
  )
  writer.append({ type: 'capture', component: 'seeds', result: recorded(captured) })
}

/** Correct the capture of the environment. Do nothing if there is none. */
export function amendEnvironment(
  writer: RunWriter,
  correct: (captured: CorrectedEnvironment) => CorrectedEnvironment,
): void {
  const before = writer.state.captures.get('environment')
  if (before?.status !== 'captured') return
  const { value, warnings } = correct({
    // This process has made the capture.
    value: before.value as CapturedEnvironment,
    warnings: before.warnings,
  })
  const { algorithm } = writer.configuration
  const captured = toCaptured('environment', environmentDigestFields(value), value, [...warnings], algorithm)
  writer.append({ type: 'capture', component: 'environment', result: recorded(captured) })
}

async function emptyFolder(path: string): Promise<void> {
  try {
    const make = (): Promise<void> => mkdir(path, { mode: modesIn(dirname(path)).folder })
    // The first capture of a run finds no folder.
    await make().catch(async (error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error
      await rm(path, { recursive: true, force: true })
      await make()
    })
  } catch (cause) {
    throw storeError(path, 'the folder of a capture cannot be created', cause)
  }
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error) ?? ''))
      throw storeError(path, 'it cannot be removed', error)
  }
}
