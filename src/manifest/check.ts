/** Check of a manifest, or of a checksum file of `b3sum` or `sha256sum`, against the present files. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { statInput } from '../util/fs.ts'
import { withoutByteOrderMark } from '../util/text-encoding.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkChoice, checkKeys, checkPath } from '../core/options.ts'
import { checkChecksums } from './check-checksums.ts'
import { checkSingleFile } from './check-file.ts'
import { checkFolder } from './check-folder.ts'
import { parseManifest } from './parse.ts'
import { isManifest, sourceOf } from './source.ts'
import type { JobOptions } from '../core/options.ts'
import type { Algorithm } from '../core/digest.ts'
import type { Manifest } from './document.ts'
import type { ManifestCheck } from './findings.ts'

export type { CheckItem, MalformedLine, ManifestCheck } from './findings.ts'

/** Options of {@link checkManifest}. */
export interface CheckOptions extends JobOptions {
  /** True to ignore files that the manifest does not list. They are read all the same. @default false */
  readonly ignoreAdded?: boolean | undefined
  /**
   * True to refuse links that the manifest would follow, and report them as differences: for an untrusted
   * folder, whose links may lead anywhere. @default false
   */
  readonly refuseLinks?: boolean | undefined
  /**
   * Checksum files: the algorithm of lines without a tag. @default indicated by the file's name, else tried
   */
  readonly algorithm?: Algorithm | undefined
  /** Checksum files: true to allow absolute names and `..`. @default false */
  readonly allowOutside?: boolean | undefined
  /** Checksum files: true to skip malformed lines instead of refusing them. @default false */
  readonly lenient?: boolean | undefined
}

/**
 * Check a folder, file or model against its manifest. Everything is read again; the cache is not used. Also
 * reads checksum files of `b3sum` and `sha256sum`, tagged or not.
 *
 * No path from the manifest of a folder is opened: the folder is walked and the two lists are compared, so
 * that added files are found too. Links in the folder are treated as the manifest says, or refused.
 *
 * Cost: one read of every file on all threads, a second one of the weights if the manifest has tensors, and
 * another one of everything for each added entry that cannot be read.
 *
 * @param manifest A manifest, the path of one or of a checksum file, or the bytes of either.
 * @param root The path to check. By default the folder that contains the manifest; for a checksum file, and
 * if there is no path, the working directory.
 * @throws ERR_LINEAPRINT_FORMAT if the manifest is malformed, contradicts itself, or names paths that lead
 * out; NOT_FOUND if there is no manifest or root; ARGUMENT for an option of the other kind of file. Problems
 * of a single entry are part of the result.
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
  const { source: given, path } = await sourceOf(manifest)
  const source = withoutByteOrderMark(given, path)
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
  const hint = 'a lineaprint manifest states its algorithm and never names paths outside its folder'
  refuseOption(options, ['algorithm', 'allowOutside', 'lenient'], 'checksum files', hint)
  const parsed = parseManifest(source, path)
  const target = root ?? (await defaultRoot(path))
  if (parsed.type === 'file') return checkSingleFile(parsed, target, job)
  const links = options.refuseLinks === true && parsed.links === 'follow' ? 'refuse' : parsed.links
  return checkFolder(
    { ...parsed, links },
    { root: await folderOf(target), manifestPath: path, ignoreAdded: options.ignoreAdded ?? false },
    job,
  )
}

/** Refuse options that would otherwise be ignored silently. */
function refuseOption(
  options: CheckOptions,
  fields: readonly (keyof CheckOptions)[],
  kind: string,
  hint: string,
): void {
  const field = fields.find((name) => options[name] !== undefined && options[name] !== false)
  if (field === undefined) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} applies only to ${kind}`, {
    field,
    hint: `leave it out: ${hint}`,
  })
}

/** Return the folder of the manifest, or the working directory if it came through a pipe. */
async function defaultRoot(path: string | undefined): Promise<string> {
  if (path === undefined) return '.'
  return (await stat(path)).isFile() ? dirname(path) : '.'
}

async function folderOf(path: string): Promise<string> {
  if ((await statInput(path)).isDirectory()) return path
  throw new LineaprintError('ERR_LINEAPRINT_NOT_REGULAR', 'not a folder', {
    path,
    expected: 'the folder that the manifest describes',
    received: 'something else',
  })
}
