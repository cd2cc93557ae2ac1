/**
 * What a reader of a record should know before relying on it: an input that changed while the run used it, an output
 * that was there before.
 */
import { resolve } from 'node:path'
import { reasonOf } from '../../record/failure.ts'
import { fingerprint } from './fingerprint.ts'
import type { FlagKind, TrackedSection } from '../../record/record.ts'
import type { Fingerprint, PresentFingerprint } from './fingerprint.ts'
import type { RunWriter } from '../run-writer.ts'

/** Fingerprint the path of an input or output. Where that is impossible it is a warning, and stops nothing. */
export async function fingerprintOrWarn(
  writer: RunWriter,
  label: string,
  path: string,
): Promise<Fingerprint | undefined> {
  try {
    const found = await fingerprintOf(path)
    if (found === undefined) warn(writer, label, 'it has too many files')
    return found
  } catch (error) {
    warn(writer, label, reasonOf(error))
    return undefined
  }
}

/** The shards of a model lie in the folder of its index, with other files that are no part of it. */
function fingerprintOf(path: string): Promise<Fingerprint | undefined> {
  const isIndex = path.endsWith('.safetensors.index.json')
  return isIndex ? fingerprint(resolve(path, '..'), isPartOfModel) : fingerprint(path)
}

function isPartOfModel(below: string): boolean {
  return /\.(?:safetensors|json)$/.test(below)
}

function warn(writer: RunWriter, label: string, reason: string): void {
  const message = `cannot detect changes of the ${label} during the run: ${reason}`
  writer.append({ type: 'warning', message })
}

/** Fingerprint every input again, and digest again what was written to. */
export async function flagInputs(writer: RunWriter): Promise<void> {
  for (const input of writer.snapshots.inputs) {
    const label = labelOf(input)
    const now = await fingerprintOrWarn(writer, label, input.path)
    if (now === undefined || isSame(now, input.before)) continue
    const { section, name, path } = input
    const flag = (kind: FlagKind, message: string): void =>
      writer.append({ type: 'flag', flag: { kind, section, name, path, message } })
    try {
      const found = await input.recheck()
      if (found === 'missing') flag('input-missing', `the ${label} no longer existed when the run ended`)
      else if (found === 'changed') flag('input-changed', `the ${label} changed during the run`)
      else
        flag('input-touched', `the ${label} was written during the run; its content was the same at the end`)
    } catch (error) {
      warn(writer, label, reasonOf(error))
    }
  }
}

/** Return whether nothing was written between two fingerprints of a path that was there. */
function isSame(one: Fingerprint, other: PresentFingerprint): boolean {
  return one.status === 'present' && one.text === other.text
}

function labelOf({ section, name }: { section: TrackedSection; name: string }): string {
  return `${section.slice(0, -1)} ${JSON.stringify(name)}`
}

/** Clocks of file systems go in steps of some milliseconds. */
const CLOCK_STEP_MS = 20

/** Return whether what lies at a path is older than the run; `undefined` where that is not known. */
export async function wasBefore(writer: RunWriter, path: string): Promise<boolean | undefined> {
  const found = await fingerprintOf(path).catch(() => undefined)
  return found?.status === 'present' ? isOlder(writer, found) : undefined
}

function isOlder(writer: RunWriter, { newest }: PresentFingerprint): boolean {
  return newest < Date.parse(writer.state.start.startedAt) - CLOCK_STEP_MS
}

/** Flag an output that was there before the run: whether the run wrote to it, or did not write it at all. */
export async function flagOutput(writer: RunWriter, name: string, path: string): Promise<void> {
  const section = 'outputs'
  const label = labelOf({ section, name })
  const now = await fingerprintOrWarn(writer, label, path)
  const before = writer.snapshots.outputBefore(path)
  const flag = (kind: FlagKind, message: string): void =>
    writer.append({ type: 'flag', flag: { kind, section, name, path, message } })
  if (now?.status !== 'present') return
  const isUntouched = before === undefined ? isOlder(writer, now) : isSame(before, now)
  if (isUntouched) flag('output-untouched', `the ${label} already existed and the run did not write it`)
  else if (before?.status === 'present')
    flag('output-existed', `the ${label} already existed and the run wrote to it`)
}
