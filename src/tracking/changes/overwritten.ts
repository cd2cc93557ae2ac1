/** Inputs that the run also declares as outputs, and copies of them. */
import { readdir, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isUtf8 } from 'node:buffer'
import { writeDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { keepObject } from '../../store/objects.ts'
import { fingerprintOrWarn, labelOf, overwrittenBy } from './flags.ts'
import { nameList } from '../../util/name-list.ts'
import { isIndexPath, isPartName } from '../../model/families.ts'
import { TOKENIZER_FILES } from '../../model/tokenizer.ts'
import type { ModelReport } from '../../model/report.ts'
import type { KeptCopy, KeptFile } from '../../record/overwritten.ts'
import type { RunWriter } from '../run-writer.ts'
import type { InputSnapshot } from './input-snapshots.ts'

/** Limits of a copy. */
const FILES = 1000
const BYTES = 64 * 2 ** 30

/** Space that a copy leaves on the file system of the store, in bytes. */
const FREE = 2 ** 30

/**
 * Keep a copy of each input that an announced output will write over. An input that cannot be copied is a warning and
 * stops nothing.
 */
export async function keepOverwritten(writer: RunWriter, signal: AbortSignal | undefined): Promise<void> {
  let total = 0
  for (const input of writer.snapshots.inputs) {
    const { section, name, path } = input
    const entry = writer.state.tracked[section].get(name)
    if (entry?.status !== 'tracked' || overwrittenBy(writer, path) === undefined) continue
    const copy = await keepInput(writer, input, total, signal)
    if (copy.status === 'failed')
      writer.append({ type: 'warning', message: `no copy of the ${labelOf(input)} was kept: ${copy.reason}` })
    else total += sum(copy.files)
    writer.append({ type: 'tracked', section, name, entry: { ...entry, kept: copy } })
  }
}

/**
 * Keep a copy of a model: its weights, its configuration, its tokenizer and the shard index. The other files of its
 * folder are not copied.
 *
 * Each copy is hashed, and the model must be as it was before it was digested. So the copy is what the digests of the
 * model stand for.
 *
 * @returns The digests of the copies, or the reason why there are none.
 */
export async function keepModel(
  writer: RunWriter,
  input: Omit<InputSnapshot, 'recheck'>,
  report: ModelReport,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  const weights = new Set(report.files.map(({ name }) => name))
  const copy = await keepInput(writer, input, 0, signal, (path) => weights.has(path) || isModelText(path))
  if (copy.status === 'failed') return copy
  const copied = new Set(copy.files.map(({ path }) => (path === '' ? basename(input.path) : path)))
  const missing = [...weights].filter((name) => !copied.has(name))
  return missing.length === 0 ? copy : failed(`these weights are not below its path: ${nameList(missing)}`)
}

/** Check whether a file below a model, or below a component of a pipeline, is text that belongs to it. */
function isModelText(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (
    name.endsWith('.json') ||
    name.endsWith('.tiktoken') ||
    TOKENIZER_FILES.includes(name) ||
    name.endsWith('.jinja')
  )
}

async function keepInput(
  writer: RunWriter,
  input: Omit<InputSnapshot, 'recheck'>,
  before: number,
  signal: AbortSignal | undefined,
  isPart: (path: string) => boolean = () => true,
): Promise<KeptCopy> {
  try {
    const all = await filesOf(input.path)
    const sources = all?.filter(({ path }) => path === '' || isPart(path))
    if (sources === undefined) return failed(`it has more than ${FILES} files, or names that are not UTF-8`)
    const bytes = sum(sources)
    if (before + bytes > BYTES) return failed(`copies of a run have at most ${BYTES} bytes`)
    const { bavail, bsize } = await statfs(dirname(writer.folder))
    if (bytes + FREE > bavail * bsize) return failed('the file system of the store has too little free space')
    const files: KeptFile[] = []
    for (const { path, source, isExecutable } of sources) {
      signal?.throwIfAborted()
      const { algorithm } = writer.configuration
      const { size, digests } = await keepObject(writer.store, source, { algorithm, signal })
      files.push({ path, size, isExecutable, digests: writeDigests(digests) })
    }
    const after = await fingerprintOrWarn(writer, labelOf(input), input.path)
    if (after?.status !== 'present' || after.text !== input.before.text)
      return failed('it changed while it was read')
    return { status: 'kept', files }
  } catch (error) {
    signal?.throwIfAborted()
    return failed(LineaprintError.is(error) ? reasonOf(error) : (error as Error).message)
  }
}

function failed(reason: string): KeptCopy {
  return { status: 'failed', reason }
}

function sum(files: readonly { readonly size: number }[]): number {
  return files.reduce((total, { size }) => total + size, 0)
}

interface Source {
  readonly path: string
  readonly source: string
  readonly size: number
  readonly isExecutable: boolean
}

/** List the files of an input, links followed as digests follow them; `undefined` beyond the limit. */
async function filesOf(path: string): Promise<Source[] | undefined> {
  const isIndex = isIndexPath(path)
  const info = await stat(path)
  if (info.isFile() && !isIndex) return [sourceOf('', path, info)]
  const root = isIndex ? dirname(path) : path
  const files: Source[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const nameBytes of await readdir(join(root, folder), { encoding: 'buffer' })) {
      if (!isUtf8(nameBytes)) return undefined
      const name = nameBytes.toString()
      const below = folder === '' ? name : `${folder}/${name}`
      if (name === '.git' || name === '.lineaprint') continue
      if (name === 'huggingface' && basename(folder) === '.cache') continue
      const source = join(root, below)
      const entry = await stat(source)
      // A sharded model is the files at the top of the folder of its index.
      if (isIndex && (!entry.isFile() || !isPartName(name))) continue
      if (entry.isDirectory()) folders.push(below)
      else if (entry.isFile()) files.push(sourceOf(below, source, entry))
      // Links to folders above them never end.
      if (files.length > FILES || folders.length > FILES || below.length > LONGEST) return undefined
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Longest path below an input, in characters. */
const LONGEST = 4096

function sourceOf(path: string, source: string, { size, mode }: { size: number; mode: number }): Source {
  return { path, source, size, isExecutable: (mode & 0o100) !== 0 }
}
