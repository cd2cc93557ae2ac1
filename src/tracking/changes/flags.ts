/**
 * What a reader of a record should know before relying on it: an input that changed while the run used it, an output
 * that was there before.
 */
import { resolve } from 'node:path'
import { reasonOf } from '../../record/failure.ts'
import { fingerprint } from './fingerprint.ts'
import type { CaptureRecord, FlagRecord, TrackedSection } from '../../record/record.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { RunWriter } from '../run-writer.ts'

/** What a second look at an input found. */
export type SecondLook = 'same' | 'changed' | 'missing'

interface WatchedInput {
  readonly section: TrackedSection
  readonly name: string
  readonly path: string
  readonly before: Fingerprint
  readonly again: () => Promise<SecondLook>
}

/** The paths of one run that are looked at again. */
export class Watch {
  readonly #inputs: WatchedInput[] = []
  readonly #outputs = new Map<string, Fingerprint>()
  #gitAtStart: CaptureRecord | undefined

  /** Remembers an input as it was right before it was digested. */
  addInput(input: WatchedInput): void {
    this.#inputs.push(input)
  }

  /** Remembers what stands at the path of an output before the run writes it. */
  addOutput(path: string, before: Fingerprint): void {
    this.#outputs.set(path, before)
  }

  /** What stood at the path of an output; `undefined` if nobody looked. */
  outputBefore(path: string): Fingerprint | undefined {
    return this.#outputs.get(path)
  }

  /** Absolute paths of the outputs that were told of before. */
  get outputPaths(): string[] {
    return [...this.#outputs.keys()]
  }

  /** Remembers the capture of git that another one is about to take the place of; the first of them counts. */
  keepGit(capture: CaptureRecord | undefined): void {
    this.#gitAtStart ??= capture
  }

  /** The capture of git of the start; `undefined` if it is still the one in the record. */
  get gitAtStart(): CaptureRecord | undefined {
    return this.#gitAtStart
  }

  get inputs(): readonly WatchedInput[] {
    return this.#inputs
  }
}

/** A look at the path of an input or output; one that is impossible is told and stops nothing. */
export async function lookAt(
  writer: RunWriter,
  label: string,
  path: string,
): Promise<Fingerprint | undefined> {
  try {
    const found = await look(path)
    if (found === undefined) warn(writer, label, 'it has too many files')
    return found
  } catch (error) {
    warn(writer, label, reasonOf(error))
    return undefined
  }
}

/** The shards of a model lie beside its index, with other files that are no part of it. */
function look(path: string): Promise<Fingerprint | undefined> {
  const isIndex = path.endsWith('.safetensors.index.json')
  return isIndex ? fingerprint(resolve(path, '..'), isPartOfModel) : fingerprint(path)
}

function isPartOfModel(below: string): boolean {
  return /\.(?:safetensors|json)$/.test(below)
}

function warn(writer: RunWriter, label: string, reason: string): void {
  const message = `whether the ${label} changes while the run uses it is not known: ${reason}`
  writer.say({ type: 'warning', message })
}

/** Looks at every input again, and digests again what was written to. */
export async function flagInputs(writer: RunWriter): Promise<void> {
  for (const input of writer.watch.inputs) {
    const label = labelOf(input)
    const now = await lookAt(writer, label, input.path)
    if (now === undefined || now.text === input.before.text) continue
    const { section, name, path } = input
    const flag = (kind: FlagRecord['kind'], message: string): void =>
      writer.say({ type: 'flag', flag: { kind, section, name, path, message } })
    try {
      const found = await input.again()
      if (found === 'missing') flag('input-missing', `the ${label} was gone when the run ended`)
      else if (found === 'changed') flag('input-changed', `the ${label} changed while the run used it`)
      else
        flag(
          'input-touched',
          `the ${label} was written to while the run used it; at the end its content is the same`,
        )
    } catch (error) {
      warn(writer, label, reasonOf(error))
    }
  }
}

function labelOf({ section, name }: { section: TrackedSection; name: string }): string {
  return `${section.slice(0, -1)} ${JSON.stringify(name)}`
}

/** Clocks of file systems go in steps of some milliseconds. */
const CLOCK_STEP_MS = 20

/** Whether what lies at a path is older than the run; `undefined` where that cannot be told. */
export async function wasBefore(writer: RunWriter, path: string): Promise<boolean | undefined> {
  const found = await look(path).catch(() => undefined)
  return found === undefined || found.text === null ? undefined : isOlder(writer, found)
}

function isOlder(writer: RunWriter, { newest }: Fingerprint): boolean {
  return newest < Date.parse(writer.state.start.startedAt) - CLOCK_STEP_MS
}

/** Says of an output what stood there before the run, and whether the run wrote it at all. */
export async function flagOutput(writer: RunWriter, name: string, path: string): Promise<void> {
  const section = 'outputs'
  const label = labelOf({ section, name })
  const now = await lookAt(writer, label, path)
  const before = writer.watch.outputBefore(path)
  const flag = (kind: FlagRecord['kind'], message: string): void =>
    writer.say({ type: 'flag', flag: { kind, section, name, path, message } })
  if (now === undefined || now.text === null) return
  const isUntouched = before === undefined ? isOlder(writer, now) : before.text === now.text
  if (isUntouched) flag('output-untouched', `the ${label} was there before the run, which did not write it`)
  else if (before !== undefined && before.text !== null)
    flag('output-existed', `the ${label} was there before the run, which wrote to it`)
}
