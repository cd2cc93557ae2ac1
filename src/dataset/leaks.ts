/** Rows and files that are in several splits of a dataset, or several times in one. */
import { randomBytes } from 'node:crypto'
import { LineaprintError } from '../core/errors.ts'
import { checkArray, checkObject, checkPath, checkPaths, checkText } from '../core/options.ts'
import { hashListedTree } from '../hash/tree.ts'
import { runJob } from '../native/job.ts'
import { native } from '../native/load.ts'
import { isFolder } from '../util/fs.ts'
import { tableFiles } from './folder/table-files.ts'
import { isTableFile, takesSchema } from './table-names.ts'
import { tableRequest } from './table.ts'
import type { NativeLeaks } from '../native/load.ts'
import type { TableOptions } from './table.ts'

/** Splits by name: a table file, a folder of one table, the paths of files that are one table, or a folder of files. */
export type LeakSplits = Readonly<Record<string, string | readonly string[]>>

/** Options of {@link findLeaks}. */
export interface LeakOptions extends Omit<TableOptions, 'unordered'> {
  /**
   * Columns of text. Rows are then equal if these are, whatever their case, spaces and Unicode form; section "Leakage
   * between splits" of `docs/datasets.md` defines it. @default none: rows are equal if all cells are
   */
  readonly text?: readonly string[] | undefined
  /**
   * The least similarity of texts that are near each other, above 0 and at most 1; `true` for 0.8. Needs `text`: the rows
   * whose text is nearly that of others are counted as well. Section "Near duplicates" of `docs/datasets.md` defines it.
   * @default none
   */
  readonly near?: boolean | number | undefined
  /** The number of examples. @default 10 */
  readonly examples?: number | undefined
}

/** A split, and the items that it has several times. */
export interface LeakSplit {
  readonly name: string
  /** Its rows, or its files. */
  readonly items: number
  /** Items that are equal to one before them in the same split. */
  readonly duplicates: number
}

/** The items that two splits have in common. */
export interface LeakPair {
  readonly first: string
  readonly second: string
  /** Items of the first split that are in the second one as well. */
  readonly firstItems: number
  /** Items of the second split that are in the first one as well. */
  readonly secondItems: number
}

/** Two equal items of two splits: rows, counted from 0, or paths of files. */
export interface LeakExample {
  readonly first: string
  readonly firstItem: number | string
  readonly second: string
  readonly secondItem: number | string
}

/** Two rows of two splits whose texts are near each other. */
export interface NearExample extends LeakExample {
  /** Jaccard similarity of their shingles: exact, not estimated. */
  readonly similarity: number
}

/** Rows whose text is equal to that of another one or near it. */
export interface NearLeaks {
  /** The least similarity. */
  readonly threshold: number
  /** Characters of a shingle. */
  readonly shingle: number
  /** Numbers of a MinHash signature. */
  readonly permutations: number
  /** Bands of a signature. */
  readonly bands: number
  /** Numbers of a band. */
  readonly bandRows: number
  /** The probability that a pair at the threshold is found: `1 - (1 - threshold ** bandRows) ** bands`. */
  readonly recall: number
  /** Pairs of different texts that are near each other, within splits and between them. */
  readonly textPairs: number
  /** In each split, the rows that are equal to one before them or near it. */
  readonly splits: readonly LeakSplit[]
  /** Each two splits, with the rows of each that have an equal or a near one in the other. */
  readonly pairs: readonly LeakPair[]
  readonly examples: readonly NearExample[]
}

/** The result of {@link findLeaks}. */
export interface LeakReport {
  /** The kind of the items: rows of tables, or files of folders. */
  readonly unit: 'row' | 'file'
  /** Columns that were compared as text; none if whole rows or files were. */
  readonly text: readonly string[]
  /** True if no item is in several splits, nor one that is near another if those are looked for. */
  readonly disjoint: boolean
  readonly splits: readonly LeakSplit[]
  /** Each two splits, in the order given; also those that have nothing in common. */
  readonly pairs: readonly LeakPair[]
  readonly examples: readonly LeakExample[]
  /** The same of equal and near texts; absent unless `near` is set. */
  readonly near?: NearLeaks
}

/**
 * Count the rows that are in several splits, and those that are several times in one. For folders of other files than
 * tables, count files by their content.
 *
 * Cost: one read of every split, on all threads. Memory holds at most 192 MiB for rows and a temporary file the rest, 32
 * bytes for each row; for files it holds a path and a digest each. With `near`, the file holds 24 bytes for each row and
 * band as well, the texts are read once more, and more than 50 million pairs of candidates or 4 million texts in them are an
 * error.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED if the splits have other columns than the first one, if a column of text is missing or
 * holds none, or for a folder of several tables; SPACE if there is no space for temporary files; and the errors of
 * `hashTable` and `hashTree`.
 */
export async function findLeaks(splits: LeakSplits, options: LeakOptions = {}): Promise<LeakReport> {
  checkObject(options)
  const { text = [], near, examples = 10, ...tableOptions } = options
  for (const column of checkArray(text, 'text')) checkText(column, 'text')
  const named = checkSplits(splits)
  if (!Number.isInteger(examples) || examples < 0 || examples > MAX_EXAMPLES)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the number of examples is out of range', {
      field: 'examples',
      expected: `a whole number from 0 to ${MAX_EXAMPLES}`,
      received: String(examples),
    })
  const threshold = thresholdOf(near, text)
  const hasSchema = options.schema !== undefined
  const sources: (string | readonly string[])[] = []
  for (const [, source] of named)
    sources.push(typeof source === 'string' ? await sourceOf(source, hasSchema) : source)
  const folders = sources.filter((source) => source === FOLDER).length
  if (folders > 0 && folders < sources.length)
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      'some splits are tables and others are folders of files',
      {
        field: 'splits',
        hint: 'give tables alone, or folders of files alone',
      },
    )
  const names = named.map(([name]) => name)
  if (folders > 0) {
    if (text.length > 0)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'folders of files have no columns', {
        field: 'text',
      })
    return fileLeaks(
      named.map(([name, source]) => [name, String(source)]),
      examples,
      options,
    )
  }
  const wanted = tableRequest(tableOptions)
  const files = sources.map((source) => ({
    paths: typeof source === 'string' ? [source] : [...source],
    options: wanted,
  }))
  const request = {
    text: [...text],
    ...(threshold !== undefined && { near: threshold }),
    secret: randomBytes(32),
    list: examples,
  }
  const leaks = await runJob(options, (job, threads) => native.findLeaks(job, files, request, threads))
  const exact = report('row', text, names, countsOf(names, leaks.rows, leaks))
  const nearby = leaks.near
  if (threshold === undefined || nearby === undefined || nearby === null) return exact
  const counted = report('row', text, names, countsOf(names, leaks.rows, nearby))
  const { shingle, permutations, bands, bandRows, recall, pairs: textPairs, similarities } = nearby
  return {
    ...exact,
    disjoint: counted.disjoint,
    near: {
      threshold,
      shingle,
      permutations,
      bands,
      bandRows,
      recall,
      textPairs,
      splits: counted.splits,
      pairs: counted.pairs,
      examples: counted.examples.map((example, index) => ({
        ...example,
        similarity: similarities[index] ?? 0,
      })),
    },
  }
}

/** The least similarity of near texts where none is given. */
const THRESHOLD = 0.8

/** Check what `near` asks for, and return the least similarity. */
function thresholdOf(near: unknown, text: readonly string[]): number | undefined {
  if (near === undefined || near === false) return undefined
  const threshold = near === true ? THRESHOLD : near
  if (typeof threshold !== 'number' || !(threshold > 0 && threshold <= 1))
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a similarity', {
      field: 'near',
      expected: 'true, or a number above 0 and at most 1',
      received: typeof near === 'number' ? String(near) : typeof near,
    })
  if (text.length > 0) return threshold
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'near duplicates are looked for in columns of text', {
    field: 'near',
    hint: 'name the columns with text',
  })
}

function countsOf(
  names: readonly string[],
  items: readonly number[],
  { within, between, examples }: Pick<NativeLeaks, 'within' | 'between' | 'examples'>,
): Counts {
  return {
    items,
    duplicates: within,
    common: (first, second) => between[first * names.length + second] ?? 0,
    examples: Array.from({ length: examples.length / 4 }, (_, index) => {
      const [first = 0, firstItem = 0, second = 0, secondItem = 0] = examples.slice(index * 4)
      return { first: names[first] ?? '', firstItem, second: names[second] ?? '', secondItem }
    }),
  }
}

const MAX_EXAMPLES = 100_000

/** Stands for a folder that is no table. */
const FOLDER: readonly string[] = []

function checkSplits(splits: LeakSplits): readonly (readonly [string, string | readonly string[]])[] {
  const named = typeof splits === 'object' && splits !== null ? Object.entries(splits) : []
  if (named.length === 0)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'there are no splits', {
      field: 'splits',
      expected: 'an object from names of splits to paths',
    })
  return named.map(([name, source]) => [
    name,
    typeof source === 'string' ? checkPath(source) : checkPaths(source),
  ])
}

/** Return the files of the table at a path, or {@link FOLDER} for a folder without table files. */
async function sourceOf(path: string, hasSchema: boolean): Promise<string | readonly string[]> {
  try {
    return await tableFiles(path, hasSchema)
  } catch (error) {
    const isOther = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_UNSUPPORTED'
    if (!isOther || !(await isFolder(path))) throw error
    const { entries } = await hashListedTree(path)
    const isTable = hasSchema ? takesSchema : isTableFile
    // A folder with table files that are not one table has rows, which its files do not stand for.
    for (const entry of entries()) if (isTable(entry.path)) throw error
    return FOLDER
  }
}

interface Counts {
  readonly items: readonly number[]
  readonly duplicates: readonly number[]
  readonly common: (first: number, second: number) => number
  readonly examples: readonly LeakExample[]
}

function report(
  unit: LeakReport['unit'],
  text: readonly string[],
  names: readonly string[],
  { items, duplicates, common, examples }: Counts,
): LeakReport {
  const pairs = names.flatMap((first, index) =>
    names.slice(index + 1).map((second, offset): LeakPair => {
      const other = index + 1 + offset
      return { first, second, firstItems: common(index, other), secondItems: common(other, index) }
    }),
  )
  return {
    unit,
    text,
    disjoint: pairs.every(({ firstItems }) => firstItems === 0),
    splits: names.map((name, index) => ({
      name,
      items: items[index] ?? 0,
      duplicates: duplicates[index] ?? 0,
    })),
    pairs,
    examples,
  }
}

/** Count equal files by their digests. */
async function fileLeaks(
  splits: readonly (readonly [name: string, folder: string])[],
  most: number,
  { signal, onProgress, threads }: LeakOptions,
): Promise<LeakReport> {
  // For each content, the number of files in each split and the first of them.
  const contents = new Map<string, { counts: number[]; firsts: (string | undefined)[] }>()
  const items: number[] = []
  for (const [index, [, folder]] of splits.entries()) {
    const { entries } = await hashListedTree(folder, { signal, onProgress, threads })
    let files = 0
    for (const { type, path, digests } of entries()) {
      const hex = digests.blake3?.hex
      if (type !== 'file' || hex === undefined) continue
      files++
      const content = contents.get(hex) ?? {
        counts: splits.map(() => 0),
        firsts: splits.map(() => undefined),
      }
      contents.set(hex, content)
      content.counts[index] = (content.counts[index] ?? 0) + 1
      content.firsts[index] ??= path
    }
    items.push(files)
  }
  const size = splits.length
  const common = splits.map(() => splits.map(() => 0))
  const duplicates = splits.map(() => 0)
  const examples: LeakExample[] = []
  for (const { counts, firsts } of contents.values()) {
    for (let first = 0; first < size; first++) {
      const own = counts[first] ?? 0
      if (own === 0) continue
      duplicates[first] = (duplicates[first] ?? 0) + own - 1
      for (let second = 0; second < size; second++) {
        const row = common[first]
        if (second === first || row === undefined || (counts[second] ?? 0) === 0) continue
        row[second] = (row[second] ?? 0) + own
        if (second > first && examples.length < most)
          examples.push({
            first: splits[first]?.[0] ?? '',
            firstItem: firsts[first] ?? '',
            second: splits[second]?.[0] ?? '',
            secondItem: firsts[second] ?? '',
          })
      }
    }
  }
  const names = splits.map(([name]) => name)
  return report('file', [], names, {
    items,
    duplicates,
    common: (first, second) => common[first]?.[second] ?? 0,
    examples,
  })
}
