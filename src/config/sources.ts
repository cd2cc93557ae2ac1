/** Sources of options: a configuration file, environment variables, the constructor. */
import { statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { extname, join, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorText } from '../util/error-text.ts'
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import { errorCode } from '../util/fs.ts'
import { decodeText } from '../util/text-encoding.ts'
import { CONFIGURATION_FILES, PACKAGE_FILE } from './files.ts'
import { OPTION_NAMES, checkOptions, mergeOptions } from './options.ts'
import { OPTIONS } from './table.ts'
import { parseJsonText, parseOrRefuse, variableName } from './variables.ts'
import type { Configuration, ExperimentOptions, OptionSource } from './options.ts'

/** The sources that {@link resolveConfiguration} reads. */
export interface SourceOptions {
  /** The working directory. @default process.cwd() */
  readonly directory?: string | undefined
  /** Path of the configuration file, which is executed if it is a program. @default the one in the working directory */
  readonly file?: string | undefined
  /**
   * Permission to execute a program that the caller did not name with `file`. `false` for commands that only
   * read: the options then come from data. @default true
   */
  readonly executePrograms?: boolean | undefined
  /** Variables. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Replacement for the built-in defaults; weaker than every source. */
  readonly defaults?: ExperimentOptions | undefined
  /**
   * Options that the file and variables may set; all other options come from the caller alone. @default all
   * of them
   */
  readonly optionsFromSources?: readonly (keyof ExperimentOptions)[] | undefined
}

/** Limit of the file size in bytes: a larger file is not a configuration. */
const FILE_LIMIT = 4 * 1024 * 1024

/** Variables with the same prefix that are not options. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  'LINEAPRINT_RUN_ID',
  'LINEAPRINT_RUN_DIRECTORY',
  'LINEAPRINT_SEED',
  'LINEAPRINT_RUN_GROUP',
  // For the commands that ask the database of a team.
  'LINEAPRINT_DATABASE',
  // For the Python package: where the command is, whether errors are raised, and what it observes.
  'LINEAPRINT_COMMAND',
  'LINEAPRINT_STRICT',
  'LINEAPRINT_OBSERVE',
])

/**
 * Resolve the configuration. Sources, the last one wins: defaults, the file, `LINEAPRINT_*` variables, the
 * caller.
 *
 * @param options The options of the caller.
 * @throws ERR_LINEAPRINT_CONFIGURATION for anything that does not parse, ERR_LINEAPRINT_AMBIGUOUS for two
 * files.
 */
export async function resolveConfiguration(
  options: ExperimentOptions = {},
  {
    directory = process.cwd(),
    file,
    executePrograms = true,
    environment = process.env,
    defaults = {},
    optionsFromSources = OPTION_NAMES,
  }: SourceOptions = {},
): Promise<Configuration> {
  const folder = resolve(directory)
  const { source: fileSource, program } =
    file === undefined
      ? await findFile(folder, executePrograms)
      : { source: await readSource(resolve(folder, file)) }
  const given = [
    ...(fileSource === undefined ? [] : [checkOptions(fileSource)]),
    ...variableSources(environment, folder).map(checkOptions),
  ]
  const decided: ReadonlySet<string> = new Set(optionsFromSources)
  const own = checkOptions({ label: 'the options of ExperimentTracker', options: { ...options }, folder })
  const sources = [defaults, ...given.map((entry) => pick(entry, decided)), own]
  if (program !== undefined && sources.every(({ outputDir }) => outputDir === undefined))
    throw refuseProgram(program)
  return mergeOptions(sources, folder)
}

/** Return the path of a configuration in this folder that is a program; `undefined` if there is none. */
export async function findProgram(folder: string): Promise<string | undefined> {
  return (await findFile(resolve(folder), false)).program
}

/** Return whether a file with this name is executed to read its options. */
function isProgram(path: string): boolean {
  return PROGRAMS.has(extname(path))
}

const PROGRAMS: ReadonlySet<string> = new Set(['.ts', '.mts', '.js', '.mjs', '.cjs'])

/** Return the error for a configuration that could name another store and is not executed. */
function refuseProgram(path: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_CONFIGURATION',
    'only this program can say where the store is, and a command that only reads does not execute it',
    {
      path,
      field: 'outputDir',
      hint: 'give --output-dir FOLDER or LINEAPRINT_OUTPUT_DIR, or --config FILE to execute it',
    },
  )
}

function pick(options: ExperimentOptions, names: ReadonlySet<string>): ExperimentOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name)))
}

/** The configuration of a folder, or the path of the program that was not executed to get it. */
interface FoundSource {
  readonly source?: OptionSource | undefined
  readonly program?: string | undefined
}

async function findFile(folder: string, executePrograms: boolean): Promise<FoundSource> {
  const sources: { readonly label: string; readonly source?: OptionSource }[] = []
  for (const name of CONFIGURATION_FILES) {
    const path = join(folder, name)
    if (!sourceExists(path)) continue
    const isRead = executePrograms || !isProgram(path)
    sources.push({ label: path, ...(isRead && { source: await readSource(path) }) })
  }
  const section = await packageSection(join(folder, PACKAGE_FILE))
  if (section) sources.push({ label: section.label, source: section })
  const [first, second] = sources
  if (first === undefined) return {}
  if (second === undefined)
    return first.source === undefined ? { program: first.label } : { source: first.source }
  throw new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `two configuration files found: ${first.label} and ${second.label}`,
    {
      hint: 'keep one of them, or name it with --config',
    },
  )
}

/** Return whether a file exists. Most of the names do not, and for these an answer of `stat` costs most of its time. */
function sourceExists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function packageSection(path: string): Promise<OptionSource | undefined> {
  if (!sourceExists(path)) return undefined
  // Most projects do not mention lineaprint. A malformed package.json of such a project must not be an error
  // here, whatever its encoding.
  const text = await readText(path, (bytes) => bytes.toString().replace(/^\ufeff/, ''))
  if (!text.includes('"lineaprint"')) return undefined
  const parsed = parseJsonText(text, path)
  if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, 'lineaprint')) return undefined
  return source(`${path}#lineaprint`, (parsed as { lineaprint: unknown }).lineaprint, dirname(path))
}

async function readSource(path: string): Promise<OptionSource> {
  const extension = extname(path)
  if (isProgram(path)) return source(path, await importDefault(path), dirname(path))
  const text = await readText(path)
  if (extension === '.json') return source(path, parseJsonText(text, path), dirname(path))
  if (extension === '.yaml' || extension === '.yml') {
    // Loaded on demand: this module is half of the code that `run` would load otherwise.
    const { parse: parseYaml } = await import('yaml')
    return source(
      path,
      parseOrRefuse(path, () => parseYaml(text, { maxAliasCount: 100 }) as unknown) ?? {},
      dirname(path),
    )
  }
  throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'unknown type of configuration file', {
    path,
    expected: 'a name that ends in .ts, .js, .mjs, .json or .yaml',
    received: JSON.stringify(extension),
  })
}

async function importDefault(path: string): Promise<unknown> {
  if (!sourceExists(path))
    throw unreadable(path, Object.assign(new Error('it does not exist'), { code: 'ENOENT' }))
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown }
    return module.default
  } catch (cause) {
    const why = errorText(cause)
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `it cannot be loaded: ${why}`, {
      path,
      ...(errorCode(cause) === 'ERR_UNKNOWN_FILE_EXTENSION' && {
        hint: 'TypeScript needs Node 22.18 or later',
      }),
      cause,
    })
  }
}

async function readText(path: string, decode: (bytes: Buffer) => string = decodeText): Promise<string> {
  try {
    const info = await stat(path)
    if (!info.isFile()) throw new Error('it is not a regular file')
    if (info.size > FILE_LIMIT) throw new Error(`it is larger than ${FILE_LIMIT} bytes`)
    return decode(await readFile(path))
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): LineaprintError {
  const why =
    errorCode(cause) === 'ENOENT'
      ? 'there is no such file'
      : cause instanceof Error
        ? cause.message
        : String(cause)
  return new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `the configuration cannot be read: ${why}`, {
    path,
    cause,
  })
}

function source(label: string, options: unknown, folder: string): OptionSource {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) {
    return { label, options: options as Record<string, unknown>, folder }
  }
  throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'it does not contain an options object', {
    path: label,
    expected: /\.[cm]?[jt]s$/.test(label) ? 'an object as its default export' : 'an object',
    received: options === undefined ? 'nothing' : Array.isArray(options) ? 'an array' : typeof options,
  })
}

/**
 * Read variables such as `LINEAPRINT_EXPERIMENT_NAME`. A name that is similar to a known one is an error,
 * since it is probably a typing mistake.
 */
function variableSources(
  environment: NonNullable<SourceOptions['environment']>,
  folder: string,
): OptionSource[] {
  const readers = new Map(
    OPTION_NAMES.flatMap((key) => {
      const { variable: read } = OPTIONS[key]
      return read === null ? [] : [[variableName(key), { key, read }] as const]
    }),
  )
  const sources: OptionSource[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('LINEAPRINT_') || text === undefined || OTHER_VARIABLES.has(name)) continue
    const reader = readers.get(name)
    if (reader !== undefined) {
      const { key, read } = reader
      sources.push({ label: name, options: { [key]: read(text, name) }, folder })
      continue
    }
    const near = nearest(
      name.slice('LINEAPRINT_'.length),
      [...readers.keys()].map((known) => known.slice('LINEAPRINT_'.length)),
    )
    if (near === undefined) continue
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `unknown variable ${name}`, {
      field: name,
      hint: `did you mean LINEAPRINT_${near}?`,
    })
  }
  return sources
}
