/**
 * What a reader of a record should know before relying on it: an input that changed while the run used it, an output
 * that was there before, files that were neither committed nor declared.
 */
import { join, resolve, sep } from 'node:path'
import { TRACKED_SECTIONS } from '../store/record.ts'
import { reasonOf } from './failure.ts'
import { fingerprint } from './fingerprint.ts'
import type { FlagRecord, TrackedSection } from '../store/record.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { RunWriter } from './run-writer.ts'

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
    const found = await fingerprint(path, isIndex(path) ? isPartOfModel : undefined)
    if (found === undefined) warn(writer, label, 'it has too many files')
    return found
  } catch (error) {
    warn(writer, label, reasonOf(error))
    return undefined
  }
}

/** The shards of a model lie beside its index, with other files that are no part of it. */
function isIndex(path: string): boolean {
  return path.endsWith('.safetensors.index.json')
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
    const now = await lookAt(writer, label, watchedPath(input.path))
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

/** Where to look for a path: the shards of an index lie in its folder. */
export function watchedPath(path: string): string {
  return isIndex(path) ? resolve(path, '..') : path
}

/** Clocks of file systems go in steps of some milliseconds. */
const CLOCK_STEP_MS = 20

/** Says of an output what stood there before the run, and whether the run wrote it at all. */
export async function flagOutput(writer: RunWriter, name: string, path: string): Promise<void> {
  const section = 'outputs'
  const label = labelOf({ section, name })
  const now = await lookAt(writer, label, path)
  const before = writer.watch.outputBefore(path)
  const flag = (kind: FlagRecord['kind'], message: string): void =>
    writer.say({ type: 'flag', flag: { kind, section, name, path, message } })
  if (now === undefined || now.text === null) return
  const started = Date.parse(writer.state.start.startedAt)
  const isOlder = before === undefined ? now.newest < started - CLOCK_STEP_MS : before.text === now.text
  if (isOlder) flag('output-untouched', `the ${label} was there before the run, which did not write it`)
  else if (before !== undefined && before.text !== null)
    flag('output-existed', `the ${label} was there before the run, which wrote to it`)
}

/** Paths shown of many. */
const SHOWN = 20

/** Names the files that the run started with, that no commit has and nobody declared. */
export function flagUndeclared(writer: RunWriter): void {
  const git = writer.state.captures.get('git')
  if (git?.status !== 'captured' || git.value['available'] !== true) return
  const root = git.value['root']
  if (typeof root !== 'string') return
  const declared = TRACKED_SECTIONS.flatMap((section) =>
    [...writer.state.tracked[section].values()].flatMap((entry) =>
      'path' in entry && typeof entry.path === 'string' ? [entry.path] : [],
    ),
  )
  const isDeclared = (path: string): boolean =>
    declared.some((one) => path === one || path.startsWith(one + sep))
  const dirty = [git.value['changed'], git.value['untracked']].flatMap((list) =>
    Array.isArray(list) ? (list as readonly { readonly path?: unknown }[]) : [],
  )
  const paths = dirty.flatMap(({ path }) =>
    typeof path === 'string' && !isDeclared(join(root, path)) ? [path] : [],
  )
  if (paths.length === 0) return
  const shown = paths.slice(0, SHOWN)
  const names = shown.slice(0, 3).join(', ') + (paths.length > 3 ? ', …' : '')
  const what = paths.length === 1 ? '1 file was' : `${paths.length} files were`
  const message = `${what} neither committed nor declared when the run started: ${names}`
  writer.say({ type: 'flag', flag: { kind: 'undeclared', count: paths.length, paths: shown, message } })
}
