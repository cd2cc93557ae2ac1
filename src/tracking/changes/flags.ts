/**
 * Flags that make a record less reliable: an input that changed while the run used it, or an output that
 * already existed before the run.
 */
import { resolve } from 'node:path'
import { reasonOf } from '../../record/failure.ts'
import { trackedPath } from '../../record/tracked.ts'
import { isInside } from '../../util/paths.ts'
import { fingerprint } from './fingerprint.ts'
import { isIndexPath, isPartName } from '../../model/families.ts'
import type { FlagKind, TrackedSection } from '../../record/record.ts'
import type { Fingerprint, PresentFingerprint } from './fingerprint.ts'
import type { RunWriter } from '../run-writer.ts'

/** Compute the fingerprint of an input or output. If that fails, record a warning and continue. */
export async function fingerprintOrWarn(
  writer: RunWriter,
  label: string,
  path: string,
): Promise<Fingerprint | undefined> {
  try {
    const result = await fingerprintOf(path)
    if (result === undefined) warn(writer, label, 'it has too many files')
    return result
  } catch (error) {
    warn(writer, label, reasonOf(error))
    return undefined
  }
}

/**
 * Compute the fingerprint of a path. A sharded model is the folder of its index, without the other files in
 * that folder.
 */
function fingerprintOf(path: string): Promise<Fingerprint | undefined> {
  const isIndex = isIndexPath(path)
  return isIndex ? fingerprint(resolve(path, '..'), isPartName) : fingerprint(path)
}

function warn(writer: RunWriter, label: string, reason: string): void {
  const message = `cannot detect changes of the ${label} during the run: ${reason}`
  writer.append({ type: 'warning', message })
}

/** Compare every input with its fingerprint, and digest again those that were written to. */
export async function flagInputs(writer: RunWriter): Promise<void> {
  for (const input of writer.snapshots.inputs) {
    const label = labelOf(input)
    const current = await fingerprintOrWarn(writer, label, input.path)
    if (current === undefined || isSame(current, input.before)) continue
    const { section, name, path } = input
    const flag = (kind: FlagKind, message: string): void =>
      writer.append({ type: 'flag', flag: { kind, section, name, path, message } })
    try {
      const result = await input.recheck()
      if (result === 'missing') flag('input-missing', `the ${label} no longer existed when the run ended`)
      else if (result === 'changed') {
        const output = overwrittenBy(writer, path)
        if (output === undefined) flag('input-changed', `the ${label} changed during the run`)
        else
          flag(
            'input-overwritten',
            `the run wrote over the ${label} with its output ${JSON.stringify(output)}; the recorded digest is that of the start`,
          )
      } else
        flag('input-touched', `the ${label} was written during the run; its content was the same at the end`)
    } catch (error) {
      warn(writer, label, reasonOf(error))
    }
  }
}

/** Check that a path existed at both times and that nothing was written in between. */
function isSame(a: Fingerprint, b: PresentFingerprint): boolean {
  return a.status === 'present' && a.text === b.text
}

/** Return what to call an input or output in messages. */
export function labelOf({ section, name }: { section: TrackedSection; name: string }): string {
  return `${section.slice(0, -1)} ${JSON.stringify(name)}`
}

/** Step in milliseconds of the time stamps of common file systems. */
const CLOCK_STEP_MS = 20

/** Check whether the content at a path is older than the run. Return `undefined` if that is not known. */
export async function existedBeforeRun(writer: RunWriter, path: string): Promise<boolean | undefined> {
  const current = await fingerprintOf(path).catch(() => undefined)
  return current?.status === 'present' ? isOlder(writer, current) : undefined
}

function isOlder(writer: RunWriter, { newest }: PresentFingerprint): boolean {
  return newest < Date.parse(writer.state.start.startedAt) - CLOCK_STEP_MS
}

/** Flag an output that already existed before the run, and say whether the run wrote to it. */
export async function flagOutput(writer: RunWriter, name: string, path: string): Promise<void> {
  const section = 'outputs'
  const label = labelOf({ section, name })
  const current = await fingerprintOrWarn(writer, label, path)
  const before = writer.snapshots.outputBefore(path)
  const flag = (kind: FlagKind, message: string): void =>
    writer.append({ type: 'flag', flag: { kind, section, name, path, message } })
  if (current?.status !== 'present') return
  const isUntouched = before === undefined ? isOlder(writer, current) : isSame(before, current)
  if (isUntouched) flag('output-untouched', `the ${label} already existed and the run did not write it`)
  else if (before?.status === 'present')
    flag('output-existed', `the ${label} already existed and the run wrote to it`)
}

/** Return the name of an output whose path is that of an input, is inside of it, or holds it. */
export function overwrittenBy({ snapshots, state }: RunWriter, path: string): string | undefined {
  const outputs = [...snapshots.outputs, ...trackedOutputs(state.tracked.outputs)]
  return outputs.find(([, output]) => isInside(output, path) || isInside(path, output))?.[0]
}

function trackedOutputs(entries: RunWriter['state']['tracked']['outputs']): [string, string][] {
  return [...entries].flatMap(([name, entry]): [string, string][] => {
    const path = trackedPath(entry)
    return path === undefined ? [] : [[name, path]]
  })
}
