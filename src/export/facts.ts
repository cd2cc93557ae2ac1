/** What exports hold of a run besides its metrics. A record can come from a stranger: what is damaged is left out. */
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

/** The state of the code, where git was captured. */
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

/** Return the recorded seed of a run; `null` where there is none. */
export function seedOf(record: RunRecord): number | null {
  return unlessDamaged(() => seedsOf(record))?.seed ?? null
}

/** Return what a source of the environment found; `undefined` where it is absent. */
export function sourceFacts<N extends SourceName>(
  record: RunRecord,
  name: N,
): RecordedSources[N] | undefined {
  const environment: EnvironmentCapture | undefined = unlessDamaged(() => environmentOf(record))
  const source: SourceState<RecordedSources[N]> | undefined = environment?.[name]
  return source?.status === 'present' ? source : undefined
}

/** Return an entry of a section that was tracked. */
export function trackedFacts<S extends TrackedSection>(
  section: S,
  name: string,
  entry: TrackedRecord,
): TrackedBySection[S] | undefined {
  if (entry.status !== 'tracked') return undefined
  return unlessDamaged(() => parseTracked(section, name, entry))
}

/** Digests of all that was tracked and captured, in written form, by section and name. */
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
 * Metadata as other tools can hold it in JSON: NaN and the infinities are the texts `NaN`, `Infinity` and
 * `-Infinity`, because their services refuse the numbers outside of metrics.
 */
export function plainMetadata(record: RunRecord): JsonObject {
  return plain(decodeFloats(record.metadata)) as JsonObject
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
}

/** An object, or an empty one. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The code with which a run ended, as a shell counts; `undefined` while it goes on. */
export function exitCodeOf({ status, command }: RunRecord): number | undefined {
  if (status === 'running') return undefined
  if (status === 'finished') return 0
  return command.exitCode === null || command.exitCode === 0 ? 1 : command.exitCode
}

/** A file of the run's folder that goes along with an output. */
export interface RunFile {
  /** In the folder of the run; segments joined by `/`. */
  readonly path: string
  /** Absolute, without links in it. */
  readonly place: string
  readonly size: number
}

/**
 * Finds files of the run that its record names. A record can come from a stranger and must not make us hand over
 * anything else: what leads out of the folder, is no regular file or is not there is left out.
 */
export async function findFiles(folder: string, paths: readonly string[]): Promise<RunFile[]> {
  const root = await realpath(folder)
  const found: RunFile[] = []
  for (const path of paths) {
    const place = await realpath(join(root, path)).catch(() => '')
    if (!isInside(root, place)) continue
    const info = await stat(place)
    if (info.isFile()) found.push({ path, place, size: info.size })
  }
  return found
}
