/** Checkpoints of many files whose tensors are not read: they are named for what they are, and digested as files. */
import { join } from 'node:path'
import { primary } from '../core/digest.ts'
import { hashTree } from '../hash/tree.ts'
import { isReadError } from '../util/fs.ts'
import { openRegular } from '../util/own-file.ts'
import type { ModelFormat, ModelListing, ModelOptions, ModelParts } from './report.ts'

/** A kind of checkpoint. */
interface CheckpointKind {
  readonly format: Extract<ModelFormat, 'dcp' | 'orbax'>
  readonly noun: string
  /** A name that must be in the folder as well. */
  readonly sibling?: RegExp
  /** A file that says what it is by its first bytes. */
  readonly proof: string
  readonly begin: RegExp
}

/** A pickle of protocol 2 or later, and the head of a manifest of OCDBT, as Latin-1. */
const [PICKLE, OCDBT] = [/^\x80[\x02-\x05]/, /^\x0c\xdb\x3a\x2a/]

const KINDS: readonly CheckpointKind[] = [
  {
    format: 'dcp',
    noun: 'a distributed checkpoint of PyTorch (torch.distributed.checkpoint)',
    sibling: /^__[0-9]+_[0-9]+\.distcp$/,
    proof: '.metadata',
    begin: PICKLE,
  },
  ...(
    [
      ['_CHECKPOINT_METADATA', /^\s*\{[^]*"item_handlers"/],
      ['_METADATA', /^\s*\{[^]*"tree_metadata"/],
      ['manifest.ocdbt', OCDBT],
    ] as const
  ).map(([proof, begin]) => ({ format: 'orbax' as const, noun: 'a checkpoint of Orbax', proof, begin })),
]

/**
 * List a checkpoint of several files: its `tree` and its files, and no tensors.
 *
 * Cost: one read of every file.
 *
 * @param folder Absolute path.
 * @param names The names in it.
 * @returns `undefined` for a folder that is none.
 */
export async function readCheckpoint(
  folder: string,
  names: readonly string[],
  { algorithm, signal, threads, onProgress }: ModelOptions,
): Promise<ModelParts | undefined> {
  const kind = await kindOf(folder, names)
  if (kind === undefined) return undefined
  const tree = await hashTree(folder, { algorithm, signal, threads, onProgress, list: true })
  const listing: ModelListing = {
    path: folder,
    format: kind.format,
    tree: primary(tree.digests),
    digests: { tree: tree.digests },
    incomplete: `this is ${kind.noun}; its tensors are not read, only its files`,
    tensorCount: 0,
    parameters: 0,
    bytes: tree.bytes,
    dtypes: {},
    tensors: [],
    ties: [],
    files: (tree.entries ?? []).map(({ path, size, digests }) => ({ name: path, size, digests })),
    warnings: [],
  }
  return { listing, metadata: new Map(), groups: [] }
}

async function kindOf(folder: string, names: readonly string[]): Promise<CheckpointKind | undefined> {
  for (const kind of KINDS) {
    const { proof, sibling, begin } = kind
    const isThere = sibling === undefined || names.some((name) => sibling.test(name))
    if (isThere && names.includes(proof) && begin.test(await headOf(join(folder, proof)))) return kind
  }
  return undefined
}

/** The first bytes of a file that say what it is. */
const HEAD = 1 << 16

/** Return the head of a file as Latin-1; of one that cannot be read nothing, for the digest of the folder says why. */
async function headOf(path: string): Promise<string> {
  try {
    await using file = await openRegular(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } catch (error) {
    if (isReadError(error)) return ''
    throw error
  }
}
