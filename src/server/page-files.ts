/** The files of the page. All are in memory, so that no name of a request becomes a path. */
import { readFile, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { ownPath } from '../util/own-package.ts'

/** A file. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  /** True if its name has the digest of its content. */
  readonly isPermanent: boolean
}

/** The files of the page. */
export interface PageFiles {
  /** Return the file at a path of the address; the page itself for a path that only the page knows. */
  readonly at: (path: string) => PageFile | undefined
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Paths of the views. */
const VIEW = /^\/(?:runs\/[\w-][\w.-]*|compare|models|datasets|content|lineage)?$/

/**
 * Read the files that `npm run build` made.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND if they are not there.
 */
export async function readPageFiles(folder: string = ownPath('dist', 'web') ?? ''): Promise<PageFiles> {
  const files = new Map<string, PageFile>()
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const type = TYPES[extname(entry.name)]
      if (!entry.isFile() || type === undefined) continue
      const path = join(entry.parentPath, entry.name)
      const name = path.slice(folder.length).replaceAll('\\', '/')
      const bytes = new Uint8Array(await readFile(path))
      files.set(name, { bytes, type, isPermanent: name.startsWith('/assets/') })
    }
  } catch (cause) {
    throw missing(folder, cause)
  }
  const page = files.get('/index.html')
  if (page === undefined) throw missing(folder)
  return { at: (path) => (VIEW.test(path) ? page : files.get(path)) }
}

function missing(path: string, cause?: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the page is not there', {
    path,
    hint: 'in a clone of lineaprint, make it with "npm run build:page"',
    cause,
  })
}
