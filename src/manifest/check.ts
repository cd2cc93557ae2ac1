/** Holds a manifest, or a file of `b3sum` or `sha256sum`, against the present. */
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, isMissing, statInput, systemReason } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkChoice, checkKeys, checkPath } from '../core/options.ts'
import { checkChecksums } from './check-checksums.ts'
import { checkSingleFile } from './check-file.ts'
import { checkFolder } from './check-folder.ts'
import { parseManifest } from './parse.ts'
import type { JobOptions } from '../core/options.ts'
import type { Algorithm } from '../core/digest.ts'
import type { Manifest } from './document.ts'
import type { ManifestCheck } from './findings.ts'

export type { CheckItem, MalformedLine, ManifestCheck } from './findings.ts'

/** Options of {@link checkManifest}. */
export interface CheckOptions extends JobOptions {
  /** Whether files that the manifest does not list are no difference. They are read all the same. @default false */
  readonly ignoreAdded?: boolean | undefined
  /**
   * Whether links are refused where the manifest would follow them: for a folder that a stranger packed, in which
   * one may lead anywhere. They are differences then. @default false
   */
  readonly refuseLinks?: boolean | undefined
  /** Checksum files: what lines without a tag are digests of. @default told by the file's name, else tried */
  readonly algorithm?: Algorithm | undefined
  /** Checksum files: whether names may be absolute or have `..`. @default false */
  readonly allowOutside?: boolean | undefined
  /** Checksum files: whether lines that are none are passed over, not refused. @default false */
  readonly lenient?: boolean | undefined
}

/**
 * Checks that a folder, file or model is as its manifest says, reading everything again; no cache is asked. Also
 * reads checksum files of `b3sum` and `sha256sum`, tagged or not.
 *
 * Nothing that the manifest of a folder names is opened by that name: the folder is walked and the two lists
 * compared, so files that were added are found too. Links in the folder are treated as the manifest says, or
 * refused.
 *
 * Cost: one read of every file on all threads, a second one of the weights if the manifest has tensors, and
 * another one of everything for each added entry that cannot be read.
 *
 * @param manifest A manifest, the path of one or of a checksum file, or the bytes of either.
 * @param root What to check. By default the folder that the manifest lies in; for a checksum file, and where there
 *   is no path, the working directory.
 * @throws ERR_LINEAPRINT_FORMAT if the manifest is none, contradicts itself, or names paths that lead out;
 *   NOT_FOUND if there is no manifest or root; ARGUMENT for an option of the other kind of file. What is wrong
 *   with a single entry is part of the answer.
 */
export async function checkManifest(
  manifest: string | Uint8Array | Manifest,
  root?: string,
  options: CheckOptions = {},
): Promise<ManifestCheck> {
  checkKeys(options, ['ignoreAdded', 'refuseLinks', 'allowOutside', 'lenient'])
  if (root !== undefined) checkPath(root)
  const { signal, onProgress, threads } = options
  const job = { signal, onProgress, threads }
  const { source, path } = await sourceOf(manifest)
  if (!isManifest(source)) {
    refuseOption(options, ['refuseLinks'], 'manifests of lineaprint', 'checksum files always follow links')
    return checkChecksums(
      source,
      {
        root: await folderOf(root ?? '.'),
        path,
        algorithm:
          options.algorithm && checkChoice<Algorithm>('algorithm', options.algorithm, ['blake3', 'sha256']),
        allowOutside: options.allowOutside ?? false,
        lenient: options.lenient ?? false,
      },
      job,
    )
  }
  const hint = 'a manifest of lineaprint says its algorithm and never leads out of its folder'
  refuseOption(options, ['algorithm', 'allowOutside', 'lenient'], 'checksum files', hint)
  const parsed = parseManifest(source, path)
  const place = root ?? (await defaultRoot(path))
  if (parsed.type === 'file') return checkSingleFile(parsed, place, job)
  const links = options.refuseLinks === true && parsed.links === 'follow' ? 'refuse' : parsed.links
  return checkFolder(
    { ...parsed, links },
    { root: await folderOf(place), manifestPath: path, ignoreAdded: options.ignoreAdded ?? false },
    job,
  )
}

async function sourceOf(
  manifest: string | Uint8Array | Manifest,
): Promise<{ readonly source: Uint8Array; readonly path?: string }> {
  if (manifest instanceof Uint8Array) return { source: manifest }
  // An object may come from anywhere as well, so it is read as strictly as a file.
  if (typeof manifest === 'object') return { source: Buffer.from(JSON.stringify(manifest)) }
  const path = checkPath(manifest)
  const source = await readFile(path).catch((cause: unknown) => {
    throw isMissing(cause)
      ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such manifest', { path, cause })
      : new LineaprintError(
          'ERR_LINEAPRINT_UNREADABLE',
          errorCode(cause) === 'EISDIR'
            ? 'it is a folder, not a manifest'
            : `cannot read it: ${systemReason(cause)}`,
          { path, cause },
        )
  })
  return { source, path }
}

/** Whether it is JSON: no line of a checksum file starts with a brace. */
function isManifest(source: Uint8Array): boolean {
  const start = Buffer.from(source.subarray(0, 64)).toString()
  return /^\ufeff?\s*\{/.test(start)
}

/** Refuses options that would be passed over without a word. */
function refuseOption(
  options: CheckOptions,
  fields: readonly (keyof CheckOptions)[],
  kind: string,
  hint: string,
): void {
  const field = fields.find((name) => options[name] !== undefined && options[name] !== false)
  if (field === undefined) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is for ${kind}`, {
    field,
    hint: `leave it out: ${hint}`,
  })
}

/** The folder of the manifest; the working directory where it came through a pipe. */
async function defaultRoot(path: string | undefined): Promise<string> {
  if (path === undefined) return '.'
  return (await stat(path)).isFile() ? dirname(path) : '.'
}

async function folderOf(path: string): Promise<string> {
  if ((await statInput(path)).isDirectory()) return path
  throw new LineaprintError('ERR_LINEAPRINT_NOT_REGULAR', 'it is no folder', {
    path,
    expected: 'the folder that the manifest describes',
    received: 'something else',
  })
}
