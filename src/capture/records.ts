/** The built-in captures of a record, each with its type. */
import { parseEnvironmentCapture } from './environment/parse.ts'
import { parseGitCapture } from './git/parse.ts'
import { parseSeedsCapture } from './seeds/parse.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { CaptureRecord, RunRecord } from '../record/record.ts'
import type { EnvironmentCapture } from './environment/types.ts'
import type { GitCapture } from './git/types.ts'
import type { SeedsCapture } from './seeds/types.ts'

type WithCaptures = Pick<RunRecord, 'captures'>

/** A capture that succeeded. */
export type MadeCapture = Extract<CaptureRecord, { status: 'captured' }>

/** Return the recorded capture of a name; `undefined` if the record does not have it. */
export function captureNamed({ captures }: WithCaptures, name: string): CaptureRecord | undefined {
  // A name from a record can equal a member that all JavaScript objects inherit, such as `constructor`.
  return Object.hasOwn(captures, name) ? captures[name] : undefined
}

function readCapture<T>(record: WithCaptures, name: string, parse: (value: JsonObject) => T): T | undefined {
  const capture = captureNamed(record, name)
  return capture?.status === 'captured' ? parse(capture.value) : undefined
}

/**
 * Return the captured environment of a run; `undefined` if it was not captured.
 *
 * @throws ERR_LINEAPRINT_RECORD if it is damaged, as do the two functions below.
 */
export function environmentOf(record: WithCaptures): EnvironmentCapture | undefined {
  return readCapture(record, 'environment', parseEnvironmentCapture)
}

/** Return the captured state of the repository of a run; `undefined` if it was not captured. */
export function gitOf(record: WithCaptures): GitCapture | undefined {
  return readCapture(record, 'git', parseGitCapture)
}

/** Return the captured seeds of a run; `undefined` if they were not captured. */
export function seedsOf(record: WithCaptures): SeedsCapture | undefined {
  return readCapture(record, 'seeds', parseSeedsCapture)
}

/** Return the absolute path of the work tree of a run; `undefined` if none was captured. */
export function workTreeRoot(record: WithCaptures): string | undefined {
  return gitOf(record)?.root
}
