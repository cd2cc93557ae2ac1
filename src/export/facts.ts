/** What outputs say of a run beside its metrics, taken from the record field by field. */
import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isInside } from '../util/paths.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { decodeFloats } from '../json/special-floats.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { CaptureRecord, RunRecord, TrackedRecord } from '../record/record.ts'

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

/** What the capture of git found; every field is checked, because a record can come from a stranger. */
export function gitFacts({ captures }: RunRecord): GitFacts {
  const value = valueOf(captures['git'])
  const remotes = Array.isArray(value['remotes']) ? value['remotes'].map(objectOf) : []
  const remote = remotes.find(({ name }) => name === 'origin') ?? remotes[0]
  const patches = Object.values(objectOf(value['patches'])).map(objectOf)
  return {
    commit: textOf(value['commit']),
    branch: textOf(value['branch']),
    remote: firstText(remote?.['fetch']),
    clean: typeof value['clean'] === 'boolean' ? value['clean'] : undefined,
    patches: patches.flatMap(({ status, file }) =>
      status === 'written' && typeof file === 'string' ? [`git/${file}`] : [],
    ),
  }
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
        const digest = digestOf(entry)
        return digest === undefined ? [] : [[name, digest]]
      }),
    ),
  ])
  return { captures: Object.fromEntries(captures), ...Object.fromEntries(sections) } as Record<
    string,
    JsonObject
  >
}

/** The digest of one tracked thing; architecture and weights of a model. */
function digestOf(entry: TrackedRecord): JsonValue | undefined {
  if (entry.status !== 'tracked') return undefined
  const { digest, architecture, weights } = entry
  if (digest !== undefined) return digest
  return weights === undefined ? undefined : { architecture: architecture ?? null, weights }
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

/** The captured value of a capture; empty where there is none. */
export function valueOf(capture: CaptureRecord | undefined): JsonObject {
  return capture?.status === 'captured' ? capture.value : {}
}

/** An object, or an empty one. */
export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function firstText(value: unknown): string | undefined {
  return textOf(Array.isArray(value) ? value[0] : value)
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
