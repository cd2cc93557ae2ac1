/** `lineaprint manifest`: every file of a folder, and every tensor of a model, with its digest. */
import { fstatSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { stderr } from 'node:process'
import { Command, Option } from 'commander'
import { listDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { createManifest, formatManifest } from '../../manifest/manifest.ts'
import { absoluteOf } from '../../manifest/entries.ts'
import { literalPattern } from '../../manifest/names.ts'
import { errorCode, storeError, writeAtomic } from '../../util/fs.ts'
import { algorithmOption, threadsOption } from '../shared/arguments.ts'
import {
  IGNORE_HELP,
  addIgnoreOptions,
  describeTreeWarning,
  ignoreWarnings,
  toIgnore,
} from '../shared/ignore.ts'
import { bytes, escapeText, print, printError, printJson, printJsonText } from '../shared/output.ts'
import { plural } from '../../util/plural.ts'
import { progressBar } from '../shared/progress.ts'
import type { Manifest } from '../../manifest/manifest.ts'
import type { LinkMode } from '../../hash/tree.ts'
import type { HashArguments } from '../shared/arguments.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'
import type { IgnoreArguments } from '../shared/ignore.ts'

interface Options extends HashArguments, IgnoreArguments, CommonOptions {
  readonly output?: string
  readonly tensors?: boolean
  readonly links: LinkMode
}

/** Build the command. */
export function command(context: CommandContext): Command {
  const manifestCommand = new Command('manifest')
    .argument('<path>', 'a folder or a file')
    .option('-o, --output <file>', 'output file, replaced atomically (default: stdout)')
    .option('--tensors', 'also list the tensors of the model at the path (reads its weights twice)')
    .addOption(algorithmOption())
  return addIgnoreOptions(manifestCommand)
    .addOption(
      new Option('--links <mode>', 'symbolic links in folders')
        .choices(['follow', 'record', 'refuse'])
        .default('follow'),
    )
    .addOption(threadsOption())
    .addHelpText('after', EXAMPLES)
    .action((path: string, options: Options) => manifest(path, options, context))
}

const EXAMPLES = `
The manifest is JSON without times, host names or absolute paths: equal folders have equal manifests. A manifest
that is written into its own folder does not list itself. ${IGNORE_HELP}

Examples:
  lineaprint manifest data -o data/manifest.json
  lineaprint manifest --tensors models/bert-base > bert-base.json
  lineaprint check bert-base.json models/bert-base`

async function manifest(path: string, options: Options, context: CommandContext): Promise<void> {
  const { algorithm, threads, links, tensors } = options
  const { output } = options
  const redirected = redirection()
  const target = output === undefined || output === '-' ? undefined : await outputPath(output, redirected)
  const own = target === undefined ? [] : await ownPatterns(path, [resolve(output ?? ''), target])
  const ignoreOptions = await toIgnore(options)
  const progress = progressBar('hashing')
  const made = await createManifest(path, {
    algorithm,
    threads,
    links,
    tensors,
    ...ignoreOptions,
    ignore: [...ignoreOptions.ignore, ...own],
    signal: context.signal,
    onProgress: progress.onProgress,
  }).finally(progress.end)
  for (const { kind, path: at } of made.warnings)
    printError(`lineaprint: warning: ${escapeText(at)}: ${describeTreeWarning(kind)}`)
  const filePatterns = made.ignore.slice(0, made.ignore.length - ignoreOptions.ignore.length - own.length)
  for (const warning of ignoreWarnings(path, filePatterns))
    printError(`lineaprint: warning: ${escapeText(warning)}`)
  const text = formatManifest(made)
  if (target === undefined) {
    if (redirected !== undefined) await refuseOwnOutput(path, made, redirected)
    printJsonText(text)
    return
  }
  context.signal.throwIfAborted()
  await writeAtomic(target, text)
  if (options.json === true) printJson(summary(made, output))
  else show(made, path, output)
}

/**
 * Resolve the path of the manifest; return `undefined` if it is stdout. An existing path that is not a
 * regular file is not replaced.
 */
async function outputPath(output: string, redirected: Redirection | undefined): Promise<string | undefined> {
  // A link stays and its target is replaced.
  const path = (await ifExists(output, realpath(output))) ?? resolve(output)
  const info = await ifExists(output, stat(path))
  // `-o /dev/stdout > file` would replace the file that the shell has open.
  if (info !== undefined && isSame(info, redirected)) return undefined
  if (info !== undefined && !info.isFile()) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the manifest cannot be written to this path', {
      path: output,
      expected: 'a file, or a path that does not exist',
      received: info.isDirectory() ? 'a folder' : 'a device or a pipe',
      hint: 'leave out -o to write to stdout',
    })
  }
  const folder = await ifExists(output, stat(dirname(path)))
  if (folder?.isDirectory() === true) return path
  // Check this before the work rather than after it.
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the output folder does not exist', {
    path: dirname(path),
    hint: 'create it, or choose another with -o',
  })
}

/** Return the result, or nothing if the path does not exist; any other error is thrown. */
async function ifExists<T>(path: string, pending: Promise<T>): Promise<T | undefined> {
  return pending.catch((cause: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return undefined
    throw storeError(path, 'cannot stat it', cause)
  })
}

/** Return the patterns that exclude the output from the folder it describes. */
async function ownPatterns(path: string, outputs: readonly string[]): Promise<string[]> {
  // The hashing reports a problem with the path.
  const root = await realpath(path).catch(() => resolve(path))
  const patterns = await Promise.all(
    outputs.map(async (output) => {
      const own = relative(root, join(await realpath(dirname(output)), basename(output)))
      if (own === '') {
        throw new LineaprintError(
          'ERR_LINEAPRINT_ARGUMENT',
          'the manifest would overwrite the file that it describes',
          {
            path,
            hint: 'choose another file with -o',
          },
        )
      }
      const outside = own === '..' || own.startsWith(`..${sep}`) || isAbsolute(own)
      return outside ? [] : [literalPattern(own.split(sep).join('/'))]
    }),
  )
  return [...new Set(patterns.flat())]
}

interface Redirection {
  readonly dev: number
  readonly ino: number
  readonly size: number
}

/** Return the file that the shell opened for stdout, if it did. */
function redirection(): Redirection | undefined {
  try {
    const info = fstatSync(1)
    return info.isFile() ? info : undefined
  } catch {
    return undefined
  }
}

function isSame(a: Omit<Redirection, 'size'>, b: Redirection | undefined): boolean {
  return a.dev === b?.dev && a.ino === b.ino
}

/**
 * Refuse `lineaprint manifest data > data/manifest.json`: it would list its own output before that is
 * complete, and no check of it could ever succeed.
 */
async function refuseOwnOutput(path: string, { entries }: Manifest, output: Redirection): Promise<void> {
  for (const entry of entries) {
    if (entry.size !== output.size) continue
    const info = await stat(absoluteOf(resolve(path), entry)).catch(() => undefined)
    if (info === undefined || !isSame(info, output)) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'stdout is redirected into the folder itself', {
      path: join(path, entry.path),
      hint: 'use -o with that file, and the manifest does not list it',
    })
  }
}

function summary(made: Manifest, output: string | undefined): object {
  const { digests, model, warnings, tensors } = made
  const files = made.entries.filter(({ type }) => type === 'file')
  return {
    output,
    digests,
    ...(model && { model }),
    files: files.length,
    links: made.entries.length - files.length,
    bytes: files.reduce((total, { size }) => total + size, 0),
    ...(tensors && { tensors: tensors.length }),
    warnings,
  }
}

function show(made: Manifest, path: string, output: string | undefined): void {
  const { model } = made
  const digests = [made.digests, ...(model ? [model.weights, model.architecture ?? {}] : [])]
  for (const digest of digests.flatMap((each) => listDigests(each)))
    print(`${digest.toString()}  ${escapeText(path)}`)
  if (stderr.isTTY !== true) return
  const size = made.entries.reduce((total, entry) => total + entry.size, 0)
  const tensors = made.tensors ? `, ${plural(made.tensors.length, 'tensor')}` : ''
  printError(
    `${plural(made.entries.length, 'entry', 'entries')}${tensors}, ${bytes(size)} in ${escapeText(output ?? '')}`,
  )
}
