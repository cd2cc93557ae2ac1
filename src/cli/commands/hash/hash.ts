/** `lineaprint hash`: digests of files, folders, standard input, and the tensors of model files. */
import { constants, createReadStream, fstatSync, openSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { Command, Option } from 'commander'
import { systemReason } from '../../../util/fs.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { hashFiles } from '../../../hash/file.ts'
import { hashStream } from '../../../hash/stream.ts'
import { hashTree } from '../../../hash/tree.ts'
import { readModel } from '../../../model/read.ts'
import { algorithmOption, threadsOption, weightsOption } from '../../shared/arguments.ts'
import { digestLines } from './lines.ts'
import { parsePartArgument, printMerged, printPart } from './part.ts'
import { failureOf } from '../../shared/failure.ts'
import {
  IGNORE_HELP,
  addIgnoreOptions,
  describeTreeWarning,
  ignoreWarnings,
  toIgnore,
} from '../../shared/ignore.ts'
import { escapeText, print, printError, printJson, printVerbatim } from '../../shared/output.ts'
import { SAMPLE_HELP, addSampleOptions, printSample, refuseSample, toSample } from '../../shared/sample.ts'
import { progressBar } from '../../shared/progress.ts'
import type { Readable } from 'node:stream'
import type { Digests } from '../../../core/digest.ts'
import type { CacheUsage } from '../../../hash/cache.ts'
import type { LinkMode } from '../../../hash/tree.ts'
import type { SampleOptions } from '../../../hash/sample/options.ts'
import type { TensorInfo } from '../../../model/read.ts'
import type { HashArguments } from '../../shared/arguments.ts'
import type { CommandContext, CommonOptions } from '../../shared/context.ts'
import type { PartArgument } from './part.ts'
import type { IgnoreArguments, IgnoreOptions } from '../../shared/ignore.ts'
import type { SampleArguments } from '../../shared/sample.ts'
import type { SampleReport } from '../../../hash/sample/report.ts'

interface Options extends HashArguments, IgnoreArguments, SampleArguments, CommonOptions {
  readonly tensors?: boolean
  readonly weights?: string
  readonly links: LinkMode
  readonly part?: PartArgument
  readonly merge?: boolean
  readonly cache?: boolean
}

/** One line of the JSON document. */
interface Row {
  readonly path: string
  readonly type: 'file' | 'folder' | 'stream'
  readonly size: number
  readonly digests: Digests
  readonly files?: number
  /** Patterns in effect, and how many entries they excluded. */
  readonly ignore?: readonly string[]
  readonly ignored?: number
  /** Entries left out as bookkeeping. */
  readonly skipped?: readonly string[]
  readonly tensors?: readonly TensorInfo[]
  readonly sample?: SampleReport | undefined
  readonly cache?: CacheUsage | undefined
  readonly warnings?: readonly string[]
}

/** Build the command. */
export function command(context: CommandContext): Command {
  const hashCommand = new Command('hash')
    .argument('<path...>', 'files and folders; - is standard input')
    .addOption(algorithmOption())
    .option('--tensors', 'digests of the tensors of model files')
    .addOption(weightsOption())
    .addOption(
      new Option('--links <mode>', 'symbolic links in folders')
        .choices(['follow', 'record', 'refuse'])
        .default('follow'),
    )
  return addSampleOptions(addIgnoreOptions(hashCommand))
    .option(
      '--part <I/N>',
      'hash only part I of N of one file; combine the parts with --merge',
      parsePartArgument,
    )
    .option('--merge', 'merge the parts in these files into the digest of the whole')
    .option('--cache', 'skip reading unchanged files (docs/cache.md)')
    .addOption(threadsOption())
    .addHelpText('after', EXAMPLES)
    .action((paths: string[], options: Options) => {
      const sample = toSample(options)
      if (options.part || options.merge === true || paths.includes('-')) refuseSample(sample)
      if (options.part) return printPart(paths, options.part, options.threads, context)
      if (options.merge === true) return printMerged(paths, options.json === true)
      return hash(paths, options, sample, context)
    })
}

const EXAMPLES = `
The line of a file can be read by "b3sum -c" or "sha256sum -c". The digest of a folder is printed in full form.
${IGNORE_HELP}
${SAMPLE_HELP}

Examples:
  lineaprint hash data/train.csv model/
  lineaprint hash --algorithm sha256 *.safetensors > SHA256SUMS
  lineaprint hash --tensors model.safetensors
  cat data.bin | lineaprint hash -
  lineaprint hash --part 1/2 huge.bin > 1.json   # and 2/2 on another machine
  lineaprint hash --merge 1.json 2.json
  lineaprint hash --sample 1/1000 huge.bin`

async function hash(
  paths: readonly string[],
  options: Options,
  sample: SampleOptions | undefined,
  context: CommandContext,
): Promise<void> {
  const progress = progressBar('hashing')
  const shared = {
    algorithm: options.algorithm,
    threads: options.threads,
    cache: options.cache,
    signal: context.signal,
    onProgress: progress.onProgress,
    sample,
  }
  const rows: (Row | LineaprintError)[] = []
  const warned = new Set<string>()
  try {
    for (const group of await groups(paths, options)) {
      for (const row of await group.hash(shared)) {
        rows.push(row)
        progress.end()
        if (row instanceof LineaprintError) {
          context.exit(3)
          printError(`lineaprint: ${escapeText(row.message)}`)
          continue
        }
        warnOfCache(row, warned)
        if (options.json !== true) show(row)
      }
    }
  } finally {
    progress.end()
  }
  if (options.json === true) printJson(rows.map(jsonRow))
}

/** Names of standard input. It may be a socket, which has no path that can be opened. */
const STDIN: ReadonlySet<string> = new Set(['-', '/dev/stdin', '/dev/fd/0'])

type Shared = Parameters<typeof hashFiles>[1]

/** Adjacent paths that are hashed as one job. */
interface Group {
  readonly hash: (shared: Shared) => Promise<readonly (Row | LineaprintError)[]>
}

/** Group adjacent files into one job, so that many small ones keep all cores busy. */
async function groups(paths: readonly string[], options: Options): Promise<Group[]> {
  const list: Group[] = []
  const ignoreOptions = await toIgnore(options)
  let files: string[] = []
  const close = (): void => {
    const group = files
    if (group.length > 0) list.push({ hash: (shared) => hashFileRows(group, shared) })
    files = []
  }
  for (const path of paths) {
    // The hashing reports any problem of the path, because it knows what it needs.
    const isStdin = STDIN.has(path)
    const kind = isStdin ? 'stream' : await kindOf(path)
    if (kind === 'file' && options.tensors !== true) {
      files.push(path)
      continue
    }
    close()
    if (isStdin) list.push({ hash: (shared) => rowOrError(() => hashOne(path, process.stdin, shared)) })
    else if (kind === 'stream' && options.tensors !== true)
      list.push({ hash: (shared) => rowOrError(async () => hashOne(path, streamOf(path), shared)) })
    else if (options.tensors === true)
      list.push({ hash: (shared) => rowOrError(() => hashTensorsOf(path, options.weights, shared)) })
    else list.push({ hash: (shared) => rowOrError(() => hashFolder(path, options, ignoreOptions, shared)) })
  }
  close()
  return list
}

/** Return a failure as a row, so that the other paths continue; an interruption ends the command. */
async function rowOrError(work: () => Promise<Row>): Promise<readonly (Row | LineaprintError)[]> {
  try {
    return [await work()]
  } catch (error) {
    if (error instanceof LineaprintError) return [error]
    throw error
  }
}

async function hashFileRows(
  paths: readonly string[],
  shared: Shared,
): Promise<readonly (Row | LineaprintError)[]> {
  const outcomes = await hashFiles(paths, shared)
  return outcomes.map((outcome) => {
    if (outcome instanceof LineaprintError) return outcome
    const { path, size, digests, sample, cache } = outcome
    return { path, type: 'file', size, digests, sample, cache }
  })
}

/** Return how a path is read. A path that cannot be reached counts as a file, whose hashing reports the reason. */
async function kindOf(path: string): Promise<'file' | 'folder' | 'stream'> {
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return 'file'
  if (info.isDirectory()) return 'folder'
  // `<(command)`, /dev/stdin, a named pipe: the user named it, so it is read to its end.
  if (!info.isFile()) return info.isSocket() ? 'file' : 'stream'
  return info.size === 0 && (await hasContent(path)) ? 'stream' : 'file'
}

/** Tell whether a file of length 0 has content all the same, as files below /proc do. */
async function hasContent(path: string): Promise<boolean> {
  try {
    await using file = await open(path)
    return (await file.read(Buffer.alloc(1), 0, 1, 0)).bytesRead > 0
  } catch {
    // Hashing the file fails for the same reason, and reports it.
    return false
  }
}

/** Open what is no regular file. Nothing blocks, so that an interruption ends the wait for a writer. */
function streamOf(path: string): Readable {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    // The stream closes the descriptor. The event loop waits for a pipe; a read stream would see the end of one that has
    // no writer yet.
    return fstatSync(descriptor).isFIFO()
      ? new Socket({ fd: descriptor, readable: true, writable: false })
      : createReadStream(path, { fd: descriptor })
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function unreadable(path: string, cause: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot read it: ${systemReason(cause)}`, {
    path,
    cause,
  })
}

async function hashOne(path: string, stream: Readable, shared: Shared): Promise<Row> {
  try {
    // Reading waits for the writer; an interruption must not.
    if (shared?.signal) addAbortSignal(shared.signal, stream)
    const { size, digests } = await hashStream(stream as AsyncIterable<Buffer>, {
      algorithm: shared?.algorithm,
      signal: shared?.signal,
      onProgress: shared?.onProgress,
    })
    return { path, type: 'stream', size, digests }
  } catch (cause) {
    // The stream ends with an error of its own, not with the reason of the interruption.
    shared?.signal?.throwIfAborted()
    throw LineaprintError.is(cause) ? cause : unreadable(path, cause)
  }
}

async function hashFolder(
  path: string,
  options: Options,
  ignoreOptions: IgnoreOptions,
  shared: Shared,
): Promise<Row> {
  const tree = await hashTree(path, { ...shared, ...ignoreOptions, links: options.links })
  const warnings = [
    ...tree.warnings.map((warning) => `${warning.path}: ${describeTreeWarning(warning.kind)}`),
    ...ignoreWarnings(path, tree.ignoreFiles),
  ]
  const { bytes: size, digests, files, ignored, skipped, sample, cache } = tree
  const ignore = [...tree.ignoreFiles, ...ignoreOptions.ignore]
  return { path, type: 'folder', size, digests, files, ignore, ignored, skipped, sample, cache, warnings }
}

async function hashTensorsOf(path: string, weights: string | undefined, shared: Shared): Promise<Row> {
  // Tensors are not cached: the option applies to files.
  const { cache: _, ...rest } = shared ?? {}
  const { bytes: size, digests, tensors, sample, warnings } = await readModel(path, { ...rest, weights })
  return { path, type: 'file', size, digests: digests.weights, tensors, sample, warnings }
}

/** Report a problem of the cache once: the digests do not depend on it. */
function warnOfCache({ cache }: Row, warned: Set<string>): void {
  const message = cache?.failure?.message
  if (message === undefined || warned.has(message)) return
  warned.add(message)
  printError(`lineaprint: warning: the cache is not used: ${escapeText(message)}`)
}

function show(row: Row): void {
  for (const warning of row.warnings ?? []) printError(`lineaprint: warning: ${escapeText(warning)}`)
  if (row.sample) printSample(row.path, row.sample)
  if (row.tensors) {
    for (const { digest, dtype, shape, name } of row.tensors) {
      print(
        `${digest.kind === undefined ? digest.hex : digest.toString()}  ${dtype} [${shape.join(', ')}] ${escapeText(name)}`,
      )
    }
    return
  }
  for (const line of digestLines(row.path, row.digests)) printVerbatim(line)
}

function jsonRow(row: Row | LineaprintError): object {
  if (row instanceof LineaprintError) return { path: row.path, error: failureOf(row) }
  const { cache, ...rest } = row
  // A folder's cache statistics are in its row; those of a group of files belong to no single file.
  return cache === undefined || row.type === 'file' ? rest : { ...rest, cache: cacheRow(cache) }
}

function cacheRow({ failure, ...counts }: CacheUsage): object {
  return failure === undefined
    ? counts
    : { ...counts, error: { code: failure.code, message: failure.message } }
}
