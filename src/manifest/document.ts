/** The manifest and its text form. `docs/manifest.md` is normative. */
import { checkArray, checkObject } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { LinkMode, TreeWarning } from '../hash/tree.ts'

/** The value of `schema` in every manifest. */
export const MANIFEST_SCHEMA = 'lineaprint/manifest/v1'

/** A file or recorded link. */
export interface ManifestEntry {
  /** Path below the root, segments joined by `/`; bytes that are not UTF-8 are replaced. */
  readonly path: string
  /** The raw bytes of the path in base64, only if they are not UTF-8. */
  readonly pathBytes?: string
  readonly type: 'file' | 'link'
  /** Length in bytes; 0 for a link. */
  readonly size: number
  /** Plain digests; none for a link. */
  readonly digests: Digests
  /** Target of a link, as written in the link. */
  readonly target?: string
  /** The raw bytes of the target in base64, only if they are not UTF-8. */
  readonly targetBytes?: string
}

/** The model that a manifest with tensors describes. */
export interface ManifestModel {
  /** The weights file or shard index through which the tensors were found. */
  readonly file: string
  readonly weights: Digests
  /** Only for a folder: it depends on the configuration, which is another file. */
  readonly architecture?: Digests
}

/** A tensor. */
export interface ManifestTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** The file that contains it. */
  readonly file: string
  /** Plain digest of its elements; BLAKE3 if both were requested. */
  readonly digest: Digest
}

/** A manifest. */
export interface Manifest {
  readonly schema: typeof MANIFEST_SCHEMA
  /** The kind of root. */
  readonly type: 'folder' | 'file'
  readonly algorithm: AlgorithmChoice
  /** Treatment of symbolic links below the root. */
  readonly links: LinkMode
  /** Patterns of excluded paths, in the syntax of gitignore. */
  readonly ignore: readonly string[]
  /** True if entries named `.git` and `.lineaprint` count. */
  readonly includeSkipped: boolean
  /** The `tree` digests of a folder, the plain digests of a file. */
  readonly digests: Digests
  readonly model?: ManifestModel
  /**
   * Properties that may cause surprises on other systems. Links that leave the root are not listed: their
   * targets are not content.
   */
  readonly warnings: readonly TreeWarning[]
  /** Sorted by the raw bytes of their paths. */
  readonly entries: readonly ManifestEntry[]
  /** Sorted by the UTF-8 bytes of their names; only if they were requested. */
  readonly tensors?: readonly ManifestTensor[]
}

/**
 * Format a manifest: JSON with one line per entry, so that any tool can compare two of them. Equal manifests
 * have equal bytes; they contain no time, host or absolute path.
 *
 * @returns Text that ends with a line feed, about 150 bytes per file.
 * @throws ERR_LINEAPRINT_UNSUPPORTED if it would be longer than JavaScript's longest string, 512 MB.
 */
export function formatManifest(manifest: Manifest): string {
  checkObject(manifest, 'manifest')
  checkArray(manifest.entries, 'entries')
  return join([...manifestParts(manifest)], '')
}

/** A manifest whose entries need not all be in memory. */
export interface ManifestSource extends Omit<Manifest, 'entries'> {
  readonly entries: Iterable<ManifestEntry>
}

/** Return the text of a manifest in small parts, for a file of any length. */
export function* manifestParts(manifest: ManifestSource): Generator<string, undefined> {
  const { type, algorithm, links, ignore, includeSkipped, digests, model, tensors } = manifest
  // Where a link leads and what was skipped is no content: two copies have one manifest.
  const portable = manifest.warnings.filter(
    ({ kind }) => kind === 'names-collide' || kind === 'name-not-unicode',
  )
  const members: readonly (readonly [key: string, parts: Iterable<string>])[] = [
    ['schema', [JSON.stringify(MANIFEST_SCHEMA)]],
    ['type', [JSON.stringify(type)]],
    ['algorithm', [JSON.stringify(algorithm)]],
    ['links', [JSON.stringify(links)]],
    ['ignore', [JSON.stringify(ignore)]],
    ['includeSkipped', [JSON.stringify(includeSkipped)]],
    ['digests', [JSON.stringify(orderedDigests(digests))]],
    ...(model === undefined ? [] : [['model', [JSON.stringify(orderedModel(model))]] as const]),
    ['warnings', rows(portable, ({ kind, path }) => ({ kind, path }))],
    ['entries', rows(manifest.entries, orderedEntry)],
    ...(tensors === undefined ? [] : [['tensors', rows(tensors, orderedTensor)] as const]),
  ]
  let before = '{\n  '
  for (const [key, parts] of members) {
    yield `${before}"${key}": `
    yield* parts
    before = ',\n  '
  }
  yield '\n}\n'
}

// The order of members is fixed here, so that equal content gives equal bytes.

function orderedDigests({ blake3, sha256 }: Digests): Digests {
  return { ...(blake3 && { blake3 }), ...(sha256 && { sha256 }) }
}

function orderedModel({ file, weights, architecture }: ManifestModel): ManifestModel {
  return {
    file,
    weights: orderedDigests(weights),
    ...(architecture && { architecture: orderedDigests(architecture) }),
  }
}

function orderedEntry(entry: ManifestEntry): ManifestEntry {
  const { path, pathBytes, type, size, digests, target, targetBytes } = entry
  return {
    path,
    ...(pathBytes !== undefined && { pathBytes }),
    type,
    size,
    digests: orderedDigests(digests),
    ...(target !== undefined && { target }),
    ...(targetBytes !== undefined && { targetBytes }),
  }
}

function orderedTensor({ name, dtype, shape, file, digest }: ManifestTensor): ManifestTensor {
  return { name, dtype, shape, file, digest }
}

function* rows<T>(items: Iterable<T>, ordered: (item: T) => object): Generator<string, undefined> {
  let before = '[\n    '
  for (const item of items) {
    yield before + JSON.stringify(ordered(item))
    before = ',\n    '
  }
  yield before === '[\n    ' ? '[]' : '\n  ]'
}

function join(parts: readonly string[], separator: string): string {
  try {
    return parts.join(separator)
  } catch (cause) {
    // `join` throws only if the result is too long.
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'the manifest is too large to write', {
      expected: 'at most 512 MB of text, some three million files',
      received: 'more',
      hint: 'create one manifest per subfolder instead',
      cause,
    })
  }
}
