/** `lineaprint hash --part` and `--merge`: one digest computed on many machines. */
import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import { errorCode, systemReason } from '../../../util/fs.ts'
import { decodeText } from '../../../util/text-encoding.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { hashPart, mergeParts, parsePart } from '../../../hash/part.ts'
import { print, printJson } from '../../shared/output.ts'
import { progressBar } from '../../shared/progress.ts'
import type { CommandContext } from '../../shared/context.ts'

/** Part I of N, counted from 1. */
export interface PartArgument {
  readonly part: number
  readonly parts: number
}

/** Parse `I/N`. */
export function parsePartArgument(text: string): PartArgument {
  const [, part, parts] = /^([0-9]+)\/([0-9]+)$/.exec(text)?.map(Number) ?? []
  if (part !== undefined && parts !== undefined && part >= 1 && part <= parts) return { part, parts }
  throw new InvalidArgumentError('Expected I/N, for example 2/8.')
}

/** Write one part of the digest of one file to stdout, as JSON. */
export async function printPart(
  paths: readonly string[],
  { part, parts }: PartArgument,
  threads: number | undefined,
  context: CommandContext,
): Promise<void> {
  const [path] = paths
  if (path === undefined || paths.length > 1) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--part takes one file', {
      expected: 'one path',
      received: `${paths.length}`,
    })
  }
  const progress = progressBar('hashing')
  const options = { threads, signal: context.signal, onProgress: progress.onProgress }
  printJson(await hashPart(path, part, parts, options).finally(progress.end))
}

/** Merge part files into the digest of the whole and print it. */
export async function printMerged(paths: readonly string[], json: boolean): Promise<void> {
  const parts = await Promise.all(
    paths.map(async (path) => {
      const bytes = await readFile(path).catch((cause: unknown) => {
        const code = errorCode(cause) === 'ENOENT' ? 'ERR_LINEAPRINT_NOT_FOUND' : 'ERR_LINEAPRINT_UNREADABLE'
        throw new LineaprintError(code, `cannot read it: ${systemReason(cause)}`, { path, cause })
      })
      return parsePart(decodeText(bytes, path), path)
    }),
  )
  const merged = mergeParts(parts)
  if (json) printJson(merged)
  else print(merged.digest.hex)
}
