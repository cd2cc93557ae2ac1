/**
 * Datasets of Hugging Face: folders that `save_to_disk` wrote, and repositories whose card (`README.md`) says which
 * files belong to which split and how many rows there are. What the files say of their fingerprints is not used: it
 * depends on times and not on content.
 */
import { LineaprintError } from '../../core/errors.ts'
import { nameList } from '../../util/name-list.ts'
import { pathMatcher } from '../../util/path-pattern.ts'
import { asList, damaged, isObject, member, readCard, readObject } from './description-file.ts'
import { compareNatural } from './natural-order.ts'
import type { FolderLayout, TableGroup } from './layout.ts'

/** The description of a dataset by a file in its folder. */
export interface DeclaredLayout {
  /** Name of the file. */
  readonly source: string
  /** The files of the tables; absent if their names decide. */
  readonly layout?: FolderLayout
  /** The number of rows by split; by the empty name for a table without splits. */
  readonly rows: ReadonlyMap<string, number>
}

/**
 * Read the description of a dataset.
 *
 * @param root The folder.
 * @param paths Paths of its files.
 * @param isTable Selects names of tables.
 * @returns `undefined` if there is none.
 */
export async function declaredLayout(
  root: string,
  paths: () => Iterable<string>,
  isTable: (path: string) => boolean,
): Promise<DeclaredLayout | undefined> {
  const markers = new Set<string>()
  for (const path of paths()) if (MARKERS.has(path)) markers.add(path)
  try {
    if (markers.has('dataset_dict.json')) return await savedSplits(root, new Set(paths()))
    if (markers.has('state.json') && markers.has('dataset_info.json'))
      return await savedTable(root, new Set(paths()))
    return markers.has('README.md') ? await cardLayout(root, paths, isTable) : undefined
  } catch (error) {
    if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_FORMAT') throw error
    const source = [...MARKERS].find((name) => markers.has(name)) ?? ''
    return { source, layout: { kind: 'unclear', reason: error.message }, rows: new Map() }
  }
}

const MARKERS: ReadonlySet<string> = new Set([
  'dataset_dict.json',
  'state.json',
  'dataset_info.json',
  'README.md',
])

// --- Folders of save_to_disk -------------------------------------------------------------------------------

async function savedTable(root: string, paths: ReadonlySet<string>): Promise<DeclaredLayout> {
  const { group, split, rows } = await savedGroup(root, '', paths)
  const declared = rows.get(split ?? '')
  return {
    source: 'dataset_info.json',
    layout: { kind: 'tables', groups: [group] },
    rows: new Map(declared === undefined ? [] : [['', declared]]),
  }
}

async function savedSplits(root: string, paths: ReadonlySet<string>): Promise<DeclaredLayout> {
  const source = 'dataset_dict.json'
  const { splits: names } = await readObject(root, source)
  if (!Array.isArray(names) || !names.every(isNameOfChild))
    throw damaged(root, source, 'names of splits', names)
  const groups: TableGroup[] = []
  const rows = new Map<string, number>()
  for (const name of names) {
    const saved = await savedGroup(root, `${name}/`, paths)
    groups.push({ ...saved.group, split: name })
    const declared = saved.rows.get(saved.split ?? name)
    if (declared !== undefined) rows.set(name, declared)
  }
  return { source, layout: groups.length === 0 ? { kind: 'none' } : { kind: 'tables', groups }, rows }
}

/** Read which files are the table in a folder, in the order of their rows. */
async function savedGroup(
  root: string,
  folder: string,
  paths: ReadonlySet<string>,
): Promise<{ group: TableGroup; split: string | undefined; rows: ReadonlyMap<string, number> }> {
  const file = `${folder}state.json`
  const { _data_files: listed, _split: split, _indices_data_files: indices } = await readObject(root, file)
  const files = (Array.isArray(listed) ? listed : []).map((item: unknown) => member(item, 'filename'))
  if (files.length === 0 || !files.every(isNameOfChild))
    throw damaged(root, file, 'names of data files', listed)
  if (Array.isArray(indices) && indices.length > 0)
    throw damaged(root, file, 'data files without indices, which select rows', indices)
  const lost = files.find((name) => !paths.has(`${folder}${name}`))
  if (lost !== undefined) throw damaged(root, file, 'data files that are in the folder', lost)
  const { splits } = await readObject(root, `${folder}dataset_info.json`)
  return {
    group: { files: files.map((name) => `${folder}${name}`) },
    split: typeof split === 'string' ? split : undefined,
    rows: rowsOf(Object.entries(isObject(splits) ? splits : {})),
  }
}

// --- Cards -------------------------------------------------------------------------------------------------

async function cardLayout(
  root: string,
  paths: () => Iterable<string>,
  isTable: (path: string) => boolean,
): Promise<DeclaredLayout | undefined> {
  const source = 'README.md'
  const card = await readCard(root, source)
  if (card === undefined) return undefined
  const infos = asList(card['dataset_info'])
  const configs = asList(card['configs'])
  const names = [...configs, ...infos]
    .map((item) => member(item, 'config_name'))
    .filter((name) => name !== undefined)
  const several = [...new Set(names)]
  if (several.length > 1) {
    const reason = `${source} describes several configurations: ${nameList(several.map(String))}; give the folder of one`
    return { source, layout: { kind: 'unclear', reason }, rows: new Map() }
  }
  const splits = asList(member(infos[0], 'splits'))
  const rows = rowsOf(splits.map((item) => [String(member(item, 'name')), item] as const))
  const patterns = asList(member(configs[0], 'data_files')).flatMap((item) => {
    const split = member(item, 'split')
    const globs = asList(member(item, 'path')).filter((glob) => typeof glob === 'string')
    return typeof split === 'string' && globs.length > 0 ? [{ split, globs }] : []
  })
  if (patterns.length === 0) return rows.size === 0 ? undefined : { source, rows }
  const groups = patterns.map(({ split, globs }): TableGroup => {
    const matches = pathMatcher(globs.map((glob) => `/${glob.replace(/^\.?\//, '')}`))
    const files = [...paths()].filter((path) => isTable(path) && matches(path))
    return { split, files: files.toSorted(compareNatural) }
  })
  const empty = groups.find(({ files }) => files.length === 0)
  const twice = new Set(groups.map(({ split }) => split)).size < groups.length
  if (twice)
    throw damaged(
      root,
      source,
      'each split once',
      patterns.map(({ split }) => split),
    )
  // The files can be of another kind than those asked for.
  if (groups.every(({ files }) => files.length === 0)) return { source, rows }
  if (empty !== undefined) throw damaged(root, source, `files of the split ${empty.split}`, 'none')
  return { source, layout: { kind: 'tables', groups }, rows }
}

// --- Shared ------------------------------------------------------------------------------------------------

/** Return the declared rows by split; what declares none is left out. */
function rowsOf(splits: readonly (readonly [name: string, info: unknown])[]): ReadonlyMap<string, number> {
  return new Map(
    splits.flatMap(([name, info]) => {
      const rows = member(info, 'num_examples')
      return typeof rows === 'number' && Number.isSafeInteger(rows) ? [[name, rows] as const] : []
    }),
  )
}

/** Return warnings about splits with another number of rows than declared. */
export function rowWarnings(
  { source, rows }: DeclaredLayout,
  counted: readonly (readonly [split: string, rows: number])[],
): string[] {
  return counted.flatMap(([split, count]) => {
    const declared = rows.get(split)
    if (declared === undefined || declared === count) return []
    const what = split === '' ? 'the table' : `split ${split}`
    return [`${source} declares ${declared} rows, and ${what} has ${count}`]
  })
}

/** Check whether a value is the name of something directly in a folder. */
function isNameOfChild(value: unknown): value is string {
  return typeof value === 'string' && /^[^/\\\0]+$/.test(value) && value !== '.' && value !== '..'
}
