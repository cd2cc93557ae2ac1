/** Options of the commands that hash folders, for excluding paths. */
import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { WARNINGS } from '../../hash/tree-warnings.ts'
import { errorCode } from '../../util/fs.ts'
import { decodeText } from '../../util/text-encoding.ts'
import { collect } from './arguments.ts'
import { count } from './output.ts'
import type { Command } from 'commander'

/** Values of the options of {@link addIgnoreOptions}. */
export interface IgnoreArguments {
  readonly ignore: readonly string[]
  /** Files with patterns; `false`: the folder's own files are not used either. */
  readonly ignoreFile: readonly string[] | false
  readonly includeSkipped?: boolean
}

/** The same as options of the library. */
export interface IgnoreOptions {
  readonly ignore: readonly string[]
  readonly ignoreFiles: boolean
  readonly includeSkipped: boolean
}

/** Add `--ignore`, `--ignore-file`, `--no-ignore-file` and `--include-skipped`. */
export function addIgnoreOptions(command: Command): Command {
  return command
    .option('--ignore <glob>', 'ignore matching entries (gitignore syntax; repeatable)', collect, [])
    .addOption(
      new Option('--ignore-file <file>', 'ignore entries that match the lines of this file (repeatable)')
        .argParser((value: string, before: readonly string[] | false) =>
          collect(value, before === false ? [] : before),
        )
        .default([], 'every .lineaprintignore'),
    )
    .option('--no-ignore-file', 'use no ignore file, not even .lineaprintignore')
    .option('--include-skipped', 'include .git, .lineaprint and .cache/huggingface')
}

/** Describe a warning about a folder for a command with these options. */
export function describeTreeWarning(kind: string): string {
  const remedy = kind === 'download-state-skipped' ? '; --include-skipped includes it' : ''
  return `${WARNINGS[kind] ?? kind}${remedy}`
}

/** Help on these options. */
export const IGNORE_HELP = `A file .lineaprintignore excludes matching entries of its folder, as .gitignore does in git. The file itself is included.`

/**
 * Read the files with patterns. Later files take precedence over earlier ones, and `--ignore` over all.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND, UNREADABLE or FORMAT for a file that cannot be read or is not UTF-8.
 */
export async function toIgnore({
  ignore,
  ignoreFile,
  includeSkipped,
}: IgnoreArguments): Promise<IgnoreOptions> {
  const files = ignoreFile === false ? [] : await Promise.all(ignoreFile.map((path) => readPatterns(path)))
  return {
    ignore: [...files.flat(), ...ignore],
    ignoreFiles: ignoreFile !== false,
    includeSkipped: includeSkipped ?? false,
  }
}

async function readPatterns(path: string): Promise<string[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const [code, reason] =
      errorCode(cause) === 'ENOENT'
        ? (['ERR_LINEAPRINT_NOT_FOUND', 'there is no such file'] as const)
        : (['ERR_LINEAPRINT_UNREADABLE', String(cause)] as const)
    throw new LineaprintError(code, `the ignore file cannot be read: ${reason}`, { path, cause })
  })
  return decodeText(bytes, path)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
}

/**
 * Return a warning if files in the folder exclude paths: its author decided that, not the user. No warning
 * without such patterns.
 *
 * @param patterns The patterns of those files.
 */
export function ignoreWarnings(path: string, patterns: readonly string[]): string[] {
  if (patterns.length === 0) return []
  const more = patterns.length > SHOWN ? ` and ${count(patterns.length - SHOWN)} more` : ''
  const shown = `${patterns.slice(0, SHOWN).join(' ')}${more}`
  return [`${path}: .lineaprintignore excludes ${shown} (use --no-ignore-file to include)`]
}

/** Patterns that a warning shows. */
const SHOWN = 5
