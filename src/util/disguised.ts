/**
 * Files that are not what their name says: a pointer in the place of a large file, an error page in the place
 * of a download, an archive under the name of what it contains. They are recognised by their first bytes.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { mapConcurrently } from './concurrency.ts'
import { errorCode } from './fs.ts'
import { openRegular } from './own-file.ts'

/** A file that is not what its name says. */
export interface Disguised {
  /** Path relative to what was read; empty for a single file. */
  readonly path: string
  /** Noun for what it is: `a Git LFS pointer`. */
  readonly what: string
  /** Command or request that helps. */
  readonly remedy: string
  /** True for an archive. */
  readonly isArchive: boolean
}

interface Signature {
  readonly what: string
  readonly remedy: string
  /** Matches the first bytes, decoded as Latin-1. */
  readonly start: RegExp
  /** Names that claim something else. @default every name */
  readonly names?: RegExp
}

/** Names of formats that never begin like a page or an archive. */
const FORMATS =
  /\.(?:safetensors|gguf|onnx|npy|h5|hdf5|msgpack|parquet|arrows?|feather|ipc|csv|tsv|jsonl?|ndjson|ya?ml|model|bin|pt|pth|ckpt|npz|keras|zip|gz|tar|tgz|zst|png|jpe?g|gif|webp|wav|flac|mp3|mp4)$/i

/** The same without formats that are zip files themselves, or are stored compressed under their own name. */
const NOT_ARCHIVES =
  /\.(?:safetensors|gguf|onnx|npy|h5|hdf5|parquet|arrows?|feather|ipc|csv|tsv|jsonl?|ndjson|ya?ml|png|jpe?g|gif|webp|wav|flac|mp3|mp4)$/i

const EXTRACT = 'extract it, and give what it contains'
const AGAIN = 'download it again: the server answered with this page, for example because access was denied'

const SIGNATURES: readonly Signature[] = [
  {
    what: 'a Git LFS pointer',
    remedy: 'run "git lfs pull" to get the file that it stands for',
    start: /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\//,
  },
  {
    what: 'an HTML page',
    remedy: AGAIN,
    start: /^(?:\xef\xbb\xbf)?\s*(?:<!--[^]{0,200}?-->\s*)?<(?:!doctype html|html|head)\b/i,
    names: FORMATS,
  },
  {
    what: 'an error message in XML',
    remedy: AGAIN,
    start: /^(?:\xef\xbb\xbf)?\s*<\?xml[^]{0,100}<Error>/,
    names: FORMATS,
  },
  {
    what: 'the error message of a server',
    remedy: AGAIN,
    start:
      /^(?:Entry not found|Repository not found|Invalid username or password\.?|Not Found|404: Not Found)\s*$/,
    names: FORMATS,
  },
  { what: 'a zip archive', remedy: EXTRACT, start: /^PK(?:\x03\x04|\x05\x06)/, names: NOT_ARCHIVES },
  { what: 'a gzip file', remedy: EXTRACT, start: /^\x1f\x8b\x08/, names: NOT_ARCHIVES },
  { what: 'a bzip2 file', remedy: EXTRACT, start: /^BZh[1-9]1AY&SY/, names: NOT_ARCHIVES },
  { what: 'an xz file', remedy: EXTRACT, start: /^\xfd7zXZ\0/, names: NOT_ARCHIVES },
  { what: 'a zstd file', remedy: EXTRACT, start: /^\x28\xb5\x2f\xfd/, names: NOT_ARCHIVES },
  { what: 'a 7z archive', remedy: EXTRACT, start: /^7z\xbc\xaf\x27\x1c/, names: NOT_ARCHIVES },
  { what: 'a RAR archive', remedy: EXTRACT, start: /^Rar!\x1a\x07/, names: NOT_ARCHIVES },
  { what: 'a tar archive', remedy: EXTRACT, start: /^[^]{257}ustar/, names: NOT_ARCHIVES },
]

/** Bytes that are read of a file. */
const HEAD = 512

/** Files of a folder that are examined at most: each is opened. */
const FILE_LIMIT = 2000

/** Entries of a folder that are listed at most. */
const ENTRY_LIMIT = 20_000

const CONCURRENCY = 16

/** Recognise a file by its first bytes. */
export function disguiseOf(name: string, head: Uint8Array): Omit<Disguised, 'path'> | undefined {
  const text = Buffer.from(head.subarray(0, HEAD)).toString('latin1')
  const signature = SIGNATURES.find(
    ({ start, names }) => (names === undefined || names.test(name)) && start.test(text),
  )
  const { what, remedy } = signature ?? {}
  if (what === undefined || remedy === undefined) return undefined
  return { what, remedy, isArchive: remedy === EXTRACT }
}

/** Recognise a file. A file that cannot be read is not recognised: reading it reports that. */
export async function disguiseOfFile(path: string): Promise<Omit<Disguised, 'path'> | undefined> {
  const head = await headOf(path)
  return head && disguiseOf(path, head)
}

/** Return the first bytes of a file, at most 512; `undefined` if it cannot be read. */
export async function headOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await openRegular(path)
    try {
      const head = Buffer.alloc(HEAD)
      const { bytesRead } = await file.read(head, 0, HEAD, 0)
      return head.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (errorCode(error) !== undefined) return undefined
    throw error
  }
}

/** Find such files among the first 2000 of a folder, in the order of their names. */
export async function disguisedIn(folder: string): Promise<Disguised[]> {
  const paths = await firstFiles(folder)
  const disguises = await mapConcurrently(paths, CONCURRENCY, async (path) => {
    const disguise = await disguiseOfFile(join(folder, path))
    return disguise === undefined ? [] : [{ path, ...disguise }]
  })
  return disguises.flat()
}

async function firstFiles(folder: string): Promise<string[]> {
  const files: string[] = []
  const folders = ['']
  let entries = 0
  for (let at = folders.shift(); at !== undefined; at = folders.shift()) {
    const listed = await readdir(join(folder, at), { withFileTypes: true }).catch(() => [])
    for (const entry of listed.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++entries > ENTRY_LIMIT || files.length >= FILE_LIMIT) return files
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      if (entry.isDirectory()) {
        if (!entry.name.startsWith('.')) folders.push(path)
      } else if (entry.isFile()) files.push(path)
    }
  }
  return files
}

/** Say what a file is and what to do. */
export function disguiseSentence({ path, what, remedy }: Disguised): string {
  return `${path === '' ? 'it' : path} is ${what}, not what its name says; ${remedy}`
}
