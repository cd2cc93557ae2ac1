/** Fields in which the tokenizers of two models differ. */
import { join } from 'node:path'
import { hashBytes } from '../../hash/bytes.ts'
import { parseJson } from '../../json/parse.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { canonicalContent, findTokenizer } from '../tokenizer.ts'
import { diffDocuments } from './config.ts'
import type { Digest } from '../../core/digest.ts'

/** One field that differs. */
export interface TokenizerDifference {
  /** Name of the file. */
  readonly file: string
  /** Path of the key in a JSON file, as in a configuration; empty for the whole file. */
  readonly key: string
  /** Canonical JSON of the earlier value, or its digest if it is long or no JSON; absent if it is new. */
  readonly before?: string
  /** The later value, likewise; absent if it was removed. */
  readonly after?: string
}

/** The most characters of a value; the digest stands for a longer one, such as the list of all merges. */
const LONGEST = 200

/** The most fields of one file that are listed. A vocabulary can differ in all of its tokens. */
const MOST = 1000

/**
 * Compare the tokenizers in two folders, file by file and key by key.
 *
 * @param before A folder; `undefined` for a model without one.
 * @returns The fields that differ, sorted by file, and sentences about what is not listed.
 */
export async function diffTokenizers(
  before: string | undefined,
  after: string | undefined,
): Promise<{ readonly differences: TokenizerDifference[]; readonly warnings: string[] }> {
  const sides = [before, after].map(async (folder) => (folder === undefined ? [] : findTokenizer(folder)))
  const [first = [], second = []] = await Promise.all(sides)
  const differences: TokenizerDifference[] = []
  const warnings: string[] = []
  for (const file of [...new Set([...first, ...second])].toSorted(compareUtf8)) {
    const left = await contentIn(before, file, first)
    const right = await contentIn(after, file, second)
    const changes = await compareFiles(file, left, right)
    differences.push(...changes.slice(0, MOST))
    if (changes.length > MOST)
      warnings.push(`${file} differs in ${changes.length} keys, of which the first ${MOST} are listed`)
  }
  return { differences, warnings }
}

async function contentIn(
  folder: string | undefined,
  file: string,
  files: readonly string[],
): Promise<Uint8Array | undefined> {
  return folder === undefined || !files.includes(file) ? undefined : canonicalContent(join(folder, file))
}

async function compareFiles(
  file: string,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): Promise<TokenizerDifference[]> {
  if (before !== undefined && after !== undefined) {
    if (Buffer.compare(before, after) === 0) return []
    if (file.endsWith('.json')) {
      const fields = diffDocuments(parseJson(before, file).value, parseJson(after, file).value)
      return Promise.all(
        fields.map(async ({ key, ...values }) => ({
          file,
          key,
          ...(values.before !== undefined && { before: await shortened(values.before) }),
          ...(values.after !== undefined && { after: await shortened(values.after) }),
        })),
      )
    }
  }
  return [
    {
      file,
      key: '',
      ...(before && { before: await digestOf(before) }),
      ...(after && { after: await digestOf(after) }),
    },
  ]
}

async function shortened(value: string): Promise<string> {
  return value.length <= LONGEST ? value : digestOf(new TextEncoder().encode(value))
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  return (await hashBytes(bytes)).digest.toString()
}

/** Check whether two models have the same tokenizer, by its digests; nothing if neither has one. */
export function tokenizersEqual(
  { tokenizer: before }: { readonly tokenizer?: Digest | undefined },
  { tokenizer: after }: { readonly tokenizer?: Digest | undefined },
): boolean | undefined {
  if (before === undefined && after === undefined) return undefined
  return before !== undefined && after !== undefined && before.equals(after)
}
