/** Bodies and answers by which runs are moved between a server and its clients: names and limits. */
import { LineaprintError } from '../core/errors.ts'
import { ANNOTATIONS_FOLDER, isAnnotationPath } from '../store/annotations.ts'
import { OBJECT_ALGORITHMS, PARTS_ENDING } from '../store/objects/layout.ts'
import { JOURNAL_FILE, RECORD_FILE } from '../store/store.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import type { Algorithm } from '../core/digest.ts'

/** A file in the folder of a run. */
export interface RunFile {
  /** Below the folder; segments joined by `/`. */
  readonly path: string
  readonly bytes: number
  /** 64 hexadecimal digits. */
  readonly blake3: string
}

/** The files of a run. */
export interface RunFilesBody {
  readonly files: readonly RunFile[]
}

/** The answer to a commit. */
export type CommitBody =
  /** Contents that have to be sent first. */
  | { readonly state: 'missing'; readonly blobs: readonly string[] }
  /** The run is there, verified. */
  | { readonly state: 'committed'; readonly missingObjects: readonly string[] }
  /** It was there before; `annotations` of it were added. */
  | { readonly state: 'unchanged'; readonly annotations: number; readonly missingObjects: readonly string[] }

/** Names of objects that the server does not have. */
export interface MissingBody {
  readonly missing: readonly string[]
}

/** A growing file on the server, after a piece of it was sent. */
export interface LiveBody {
  /** `elsewhere`: nothing was appended, since the piece does not begin where the file ends. */
  readonly state: 'appended' | 'elsewhere'
  /** Bytes of the file on the server, which are durable. The next piece begins there. */
  readonly size: number
}

/** The projects of a token. */
export interface ProjectsBody {
  readonly projects: readonly { readonly name: string; readonly role: string }[]
}

/** Files of one run at most. */
export const FILE_LIMIT = 100_000

/** Objects that are asked about at once. */
export const OBJECT_LIMIT = 10_000

/** Bytes of one piece of a growing file. */
export const LIVE_LIMIT: number = 8 << 20

/** Names of logs that grow. */
const LOG = /^(?:[A-Za-z0-9_-]{1,60}\.)?std(?:out|err)\.log$/

/** Check whether a file of a run can be sent while the run goes on. */
export function isLiveFile(name: string): boolean {
  return name === RECORD_FILE || name === JOURNAL_FILE || LOG.test(name)
}

/** Bytes of the first record of a run. */
export const FIRST_RECORD_LIMIT: number = 16 << 20

/** Bytes of the longest path in the folder of a run. */
const PATH_LIMIT = 1000

/** The name of an object: its digest, and whether it is a list of parts. */
export interface ObjectName {
  readonly algorithm: Algorithm
  readonly hex: string
  readonly isList: boolean
}

/** Return the written name of an object. */
export function objectName({ algorithm, hex: digits, isList }: ObjectName): string {
  return `${algorithm}:${digits}${isList ? PARTS_ENDING : ''}`
}

/** Parse the name of an object; `undefined` for other texts. */
export function parseObjectName(text: string): ObjectName | undefined {
  const [, named, digits, list] = /^([a-z0-9]+):([0-9a-f]{64})(\.parts)?$/.exec(text) ?? []
  const algorithm = OBJECT_ALGORITHMS.find((known) => known === named)
  if (algorithm === undefined || digits === undefined) return undefined
  return { algorithm, hex: digits, isList: list !== undefined }
}

/** Check whether a text is 64 hexadecimal digits. */
export function isHex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}

/**
 * Check the paths of a run from elsewhere: none leaves the folder, none is there twice, and none is below another
 * file.
 *
 * @throws ERR_LINEAPRINT_RECORD naming the path.
 */
export function checkRunPaths(files: readonly RunFile[]): void {
  const paths = new Set<string>()
  for (const { path } of files) {
    const reason = pathProblem(path) ?? (paths.has(path) ? 'it is there twice' : undefined)
    if (reason !== undefined) throw wrongPath(path, reason)
    paths.add(path)
  }
  for (const path of paths)
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
      if (paths.has(path.slice(0, at))) throw wrongPath(path, 'a file has the name of its folder')
}

function wrongPath(path: string, reason: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_RECORD', `a path of the run cannot be taken: ${reason}`, {
    field: 'path',
    expected: 'a path below the folder of the run',
    received: JSON.stringify(path.slice(0, 200)),
  })
}

function pathProblem(path: string): string | undefined {
  if (!isSafeRelativePath(path)) return 'it leads out of the folder'
  if (Buffer.byteLength(path) > PATH_LIMIT) return `it has more than ${PATH_LIMIT} bytes`
  if (!path.isWellFormed() || /[\p{Cc}\\]/u.test(path))
    return 'it has a character that no name of a file of a run has'
  const segments = path.split('/')
  if (segments.some((segment) => segment === '' || segment === '.')) return 'a part of it is empty'
  if (segments.some((segment) => Buffer.byteLength(segment) > 255)) return 'a part of it is too long'
  if (segments[0] === ANNOTATIONS_FOLDER && !isAnnotationPath(path)) return 'it is no annotation'
  return undefined
}
