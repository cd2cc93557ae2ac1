/**
 * Facts about a run that exports contain in addition to its metrics. A record may come from an untrusted
 * source: damaged parts are left out.
 */
import { isInside } from '../util/paths.ts'
import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, gitOf, seedsOf } from '../capture/records.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { identityDigests, parseTracked } from '../record/tracked.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { decodeFloats } from '../json/special-floats.ts'
import type { JsonObject } from '../core/json-value.ts'
import type {
  EnvironmentCapture,
  RecordedSources,
  SourceName,
  SourceState,
} from '../capture/environment/types.ts'
import type { RunRecord, TrackedRecord, TrackedSection } from '../record/record.ts'
import type { TrackedBySection } from '../record/tracked.ts'

/** The state of the code, if git was captured. */
export interface GitFacts {
  readonly commit: string | undefined
  readonly branch: string | undefined
  /** Without credentials. */
  readonly remote: string | undefined
  readonly clean: boolean | undefined
  /** Patches in the folder of the run; segments joined by `/`. */
  readonly patches: readonly string[]
}

const NO_GIT: GitFacts = {
  commit: undefined,
  branch: undefined,
  remote: undefined,
  clean: undefined,
  patches: [],
}

/** Return the state of the code of a run. */
export function gitFacts(record: RunRecord): GitFacts {
  const git = unlessDamaged(() => gitOf(record))
  if (git === undefined) return NO_GIT
  if (!git.available) return { ...NO_GIT, branch: git.root === undefined ? undefined : textOf(git.branch) }
  const { remotes = [], patches } = git
  const remote = remotes.find(({ name }) => name === 'origin') ?? remotes[0]
  return {
    commit: textOf(git.commit),
    branch: textOf(git.branch),
    remote: textOf(remote?.fetch[0]),
    clean: git.clean,
    patches: [patches?.diff, patches?.staged].flatMap((patch) =>
      patch?.status === 'written' ? [`git/${patch.file}`] : [],
    ),
  }
}

/** Return the recorded seed of a run; `null` if there is none. */
export function seedOf(record: RunRecord): number | null {
  return unlessDamaged(() => seedsOf(record))?.seed ?? null
}

/** Return the recorded facts of a source of the environment; `undefined` if it is absent. */
export function sourceFacts<N extends SourceName>(
  record: RunRecord,
  name: N,
): RecordedSources[N] | undefined {
  const environment: EnvironmentCapture | undefined = unlessDamaged(() => environmentOf(record))
  const source: SourceState<RecordedSources[N]> | undefined = environment?.[name]
  return source?.status === 'present' ? source : undefined
}

/** Return the parsed entry of a section; `undefined` if it was not tracked or is damaged. */
export function trackedFacts<S extends TrackedSection>(
  section: S,
  name: string,
  entry: TrackedRecord,
): TrackedBySection[S] | undefined {
  if (entry.status !== 'tracked') return undefined
  return unlessDamaged(() => parseTracked(section, name, entry))
}

/** Return the digests of all tracked entries and captures, in written form, by section and name. */
export function digestFacts(record: RunRecord): Record<string, JsonObject> {
  const captures = Object.entries(record.captures).flatMap(([name, capture]) =>
    capture.status === 'captured' ? [[name, capture.digest] as const] : [],
  )
  const sections = TRACKED_SECTIONS.map((section) => [
    section,
    Object.fromEntries(
      Object.entries(record[section]).flatMap(([name, entry]) => {
        if (entry.status !== 'tracked') return []
        const digest = unlessDamaged(() => identityDigests(section, name, entry))
        return digest === undefined ? [] : [[name, digest]]
      }),
    ),
  ])
  return { captures: Object.fromEntries(captures), ...Object.fromEntries(sections) } as Record<
    string,
    JsonObject
  >
}

/**
 * Return the metadata in standard JSON: NaN and the infinities become the texts `NaN`, `Infinity` and
 * `-Infinity`, because the services of other tools reject these numbers outside of metrics.
 */
export function jsonMetadata(record: RunRecord): JsonObject {
  return encodeFloatsAsText(decodeFloats(record.metadata)) as JsonObject
}

/** Return the parameters that programs reported, in the same form; metadata of the same name comes first. */
export function jsonParameters({ parameters = {}, metadata }: RunRecord): JsonObject {
  const others = Object.entries(parameters).filter(([name]) => !Object.hasOwn(metadata, name))
  const values = Object.fromEntries(others.map(([name, { value }]) => [name, value]))
  return encodeFloatsAsText(decodeFloats(values)) as JsonObject
}

function encodeFloatsAsText(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return value.map(encodeFloatsAsText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, encodeFloatsAsText(member)]))
}

/** Return the value if it is an object; otherwise an empty object. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Return the value if it is a non-empty text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Return the exit code of a run, as a shell would report it; `undefined` while it is running. */
export function exitCodeOf({ status, command }: RunRecord): number | undefined {
  if (status === 'running') return undefined
  if (status === 'finished') return 0
  return command.exitCode === null || command.exitCode === 0 ? 1 : command.exitCode
}

/** A file of the run's folder that is exported with an output. */
export interface RunFile {
  /** Path below the folder of the run; segments joined by `/`. */
  readonly path: string
  /** Absolute path without symbolic links. */
  readonly realPath: string
  readonly size: number
}

/**
 * Find files of the run that its record names. A record may come from an untrusted source and must not cause
 * other files to be exported: a path that leads out of the folder, is not a regular file or does not exist is
 * left out.
 */
export async function findFiles(folder: string, paths: readonly string[]): Promise<RunFile[]> {
  const root = await realpath(folder)
  const files: RunFile[] = []
  for (const path of paths) {
    const realPath = await realpath(join(root, path)).catch(() => '')
    if (!isInside(root, realPath)) continue
    const info = await stat(realPath)
    if (info.isFile()) files.push({ path, realPath, size: info.size })
  }
  return files
}
