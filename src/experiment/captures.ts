/** Captures of a run: the built-in ones and the user's own, recorded in the same way. */
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentCapture } from '../capture/environment/index.ts'
import { gitCapture } from '../capture/git/index.ts'
import { seedsCapture } from '../capture/seeds/index.ts'
import { LineaprintError } from '../errors.ts'
import { errorCode, storeError } from '../store/atomic.ts'
import { isEvent } from '../store/events.ts'
import { reasonOf } from './failure.ts'
import { plainObject } from './plain.ts'
import type { Captured, Component } from '../capture/component.ts'
import type { CaptureRecord } from '../store/record.ts'
import type { Configuration } from './configuration.ts'
import type { RunWriter } from './run-writer.ts'

/** The built-in captures and the option that switches each off. */
const BUILT_IN: readonly (readonly [Component, keyof Configuration])[] = [
  [environmentCapture, 'enableEnvironmentTracking'],
  [gitCapture, 'enableGitTracking'],
  [seedsCapture, 'enableSeedTracking'],
]

/** The captures of a configuration, and whether each is made at the start. */
function componentsOf(configuration: Configuration): { component: Component; enabled: boolean }[] {
  return [
    ...BUILT_IN.map(([component, flag]) => ({ component, enabled: configuration[flag] === true })),
    ...configuration.trackers.map((component) => ({ component, enabled: true })),
  ]
}

/** The components that can look again at what a run captured, by name. */
export function componentsByName(trackers: readonly Component[]): Map<string, Component> {
  return new Map(
    [...BUILT_IN.map(([component]) => component), ...trackers].map((component) => [
      component.name,
      component,
    ]),
  )
}

/** Makes the captures of the start. One that fails is recorded as failed and does not stop the run. */
export async function captureAtStart(writer: RunWriter, signal: AbortSignal | undefined): Promise<void> {
  const captures = componentsOf(writer.configuration).map(async ({ component, enabled }) => {
    if (!enabled) {
      writer.say({ type: 'capture', component: component.name, result: { status: 'off' } })
      return
    }
    try {
      await captureInto(writer, component, signal)
    } catch (error) {
      signal?.throwIfAborted()
      writer.say({ type: 'warning', message: `${component.name} was not captured: ${reasonOf(error)}` })
    }
  })
  const outcomes = await Promise.allSettled(captures)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/**
 * Makes one capture and records it, in the place of an earlier one of the same name.
 *
 * @throws Whatever the capture throws, after it was recorded as failed.
 */
export async function captureInto(
  writer: RunWriter,
  component: Component,
  signal: AbortSignal | undefined,
): Promise<Captured> {
  const filesDirectory = join(writer.folder, component.name)
  const { configuration, directory } = writer
  let result: CaptureRecord
  try {
    await emptyFolder(filesDirectory)
    const { algorithm } = configuration
    const captured = await component.capture({ directory, algorithm, signal, filesDirectory })
    result = recorded(captured)
    writer.say({ type: 'capture', component: component.name, result })
    return captured
  } catch (error) {
    // Files of a capture that failed half-way would look like part of the run.
    await rm(filesDirectory, { recursive: true, force: true })
    writer.say({
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
  const plain = plainObject({ digest, value, warnings }, 'what the capture found')
  const record = { status: 'captured', ...plain }
  const event = { seq: 1, time: '', type: 'capture', component: '', result: record }
  // What own trackers return comes from outside: a record that no reader accepts would be lost as a whole.
  if (!isEvent(event)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      'the capture returned something else than it should',
      {
        expected: '{ digest: text, value: object, warnings: array of text }',
        received: JSON.stringify(record).slice(0, 200),
      },
    )
  }
  return record as CaptureRecord
}

async function emptyFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
    await mkdir(path)
  } catch (cause) {
    throw storeError(path, 'the folder of a capture cannot be made', cause)
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
