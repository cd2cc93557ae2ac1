/** Declarations of the licence and the source of a dataset: the card of a repository of Hugging Face, or `dataset_info.json`. */
import { LineaprintError } from '../../core/errors.ts'
import { asList, readCard, readObject } from './description-file.ts'

/** The declarations of a file of a dataset. Nothing of them is checked. */
export interface DeclaredTerms {
  /** Path of the file in the dataset. */
  readonly file: string
  /** Names of licences as they are written, for example `cc-by-4.0`. */
  readonly licenses: readonly string[]
  /** Names or addresses of what it was made of. */
  readonly sources: readonly string[]
}

/** The most texts of one kind that are kept, and the most characters of one. */
const MOST = 20
const LENGTH = 500

/**
 * Read the declared licence and source of a dataset.
 *
 * @param root The folder.
 * @param paths Paths of its files.
 * @returns No terms if there is no such file, or it declares neither; with a warning if it could not be read.
 */
export async function declaredTerms(
  root: string,
  paths: Iterable<string>,
): Promise<{ readonly terms?: DeclaredTerms; readonly warnings: readonly string[] }> {
  let file: string | undefined
  for (const path of paths) {
    if (path === 'README.md') file = path
    // In a folder of splits each of them has the file; they were written together.
    if (/^(?:[^/]+\/)?dataset_info\.json$/.test(path) && file === undefined) file = path
  }
  if (file === undefined) return { warnings: [] }
  try {
    const terms = file === 'README.md' ? await ofCard(root, file) : await ofInfo(root, file)
    const isEmpty = terms.licenses.length === 0 && terms.sources.length === 0
    return { ...(!isEmpty && { terms }), warnings: [] }
  } catch (error) {
    if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_FORMAT') throw error
    return { warnings: [`no declared licence: ${error.message}`] }
  }
}

async function ofCard(root: string, file: string): Promise<DeclaredTerms> {
  const card = (await readCard(root, file)) ?? {}
  const licenses = texts(card['license'])
  // The name of a licence that has no short name on the Hub.
  const named = texts(card['license_name'])
  return {
    file,
    licenses: named.length > 0 && licenses.join() === 'other' ? named : licenses,
    sources: texts(card['source_datasets']),
  }
}

async function ofInfo(root: string, file: string): Promise<DeclaredTerms> {
  const info = await readObject(root, file)
  return { file, licenses: texts(info['license']), sources: texts(info['homepage']) }
}

function texts(value: unknown): string[] {
  const list = asList(value).filter((item) => typeof item === 'string')
  return list.filter((text) => text.trim() !== '' && text.length <= LENGTH).slice(0, MOST)
}
