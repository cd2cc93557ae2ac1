/**
 * Paths of the old work tree in the new one, and safe writing below a folder without following links out of
 * it.
 */
import { lstat, mkdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorCode } from '../util/fs.ts'
import { isInside } from '../util/paths.ts'
import type { GitPath } from '../capture/git/paths.ts'

/** The mapping of paths from one work tree to another. */
export class TreeMap {
  /**
   * The old root as git writes it and, if the working directory was reached through a link, as that was
   * written.
   */
  readonly #roots: readonly string[]
  readonly #target: string

  constructor(root: string, workingDirectory: string, directory: string, target: string) {
    const suffix = directory === '' ? '' : sep + directory.split('/').join(sep)
    // If the ends differ there is a link further down, and the parts above cannot be matched.
    const alias = workingDirectory.endsWith(suffix)
      ? workingDirectory.slice(0, workingDirectory.length - suffix.length)
      : root
    this.#roots = [...new Set([root, alias])].toSorted((a, b) => b.length - a.length)
    this.#target = target
  }

  /** Return the path in the new tree; paths outside of the old tree stay as they are. */
  path(oldPath: string): string {
    const path = resolve(oldPath)
    const root = this.#roots.find((folder) => isInside(folder, path))
    return root === undefined ? path : join(this.#target, relative(root, path))
  }

  /** Check whether a path is inside the old tree. */
  covers(path: string): boolean {
    return this.#roots.some((folder) => isInside(folder, resolve(path)))
  }

  /** Replace the old root in a text wherever it is a path or the beginning of one. */
  text(text: string): string {
    return this.#roots.reduce((replaced, root) => replaceRoot(replaced, root, this.#target), text)
  }
}

/**
 * Replace a root in a text: `/repo` in `--data=/repo/x` and `cd '/repo'`, but not in `/other/repo` or
 * `/repository`.
 */
function replaceRoot(text: string, root: string, target: string): string {
  let result = ''
  let from = 0
  for (let at = text.indexOf(root); at >= 0; at = text.indexOf(root, from)) {
    const [before, after] = [text.slice(0, at), text[at + root.length] ?? '']
    // A letter before the root means that it is the end of another path, unless it is a flag such as `-I`.
    const starts = !/[\w./\\-]$/.test(before) || /^-[A-Za-z]$/.test(before)
    const whole = starts && !/[\w.-]/.test(after)
    result += text.slice(from, at) + (whole ? target : root)
    from = at + root.length
  }
  return result + text.slice(from)
}

/** Path segments that a path from a record must not contain. */
const REFUSED = new Set(['', '.', '..', '.git', 'git~1'])

/**
 * Reject a path from a record that leads out of the folder or into the repository's own files.
 *
 * @throws ERR_LINEAPRINT_RECORD.
 */
export function checkPath(path: GitPath): void {
  const segments = path.bytes.toString('latin1').split('/')
  const refused = segments.some(
    (segment) =>
      REFUSED.has(segment.toLowerCase()) || segment.includes('\0') || (sep === '\\' && /[\\:]/.test(segment)),
  )
  if (refused) throw refusal(path, 'its path is outside the work tree')
}

/**
 * Create the parent folders of a path from a record.
 *
 * @returns The absolute path, as bytes if it is not UTF-8.
 * @throws ERR_LINEAPRINT_RECORD for a path that {@link checkPath} rejects, and for a path below a link: a
 * record is untrusted data and must not redirect where something is written.
 */
export async function preparePath(root: string, path: GitPath): Promise<string | Buffer> {
  checkPath(path)
  const segments = path.bytes.toString('latin1').split('/')
  let folder: Buffer = Buffer.from(root)
  for (const segment of segments.slice(0, -1)) {
    folder = Buffer.concat([folder, SLASH, Buffer.from(segment, 'latin1')])
    try {
      await mkdir(folder)
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw cause
      if (!(await lstat(folder)).isDirectory())
        throw refusal(path, 'a parent of its path is a link or a file')
    }
  }
  return path.utf8 ? join(root, path.text) : Buffer.concat([Buffer.from(root), SLASH, path.bytes])
}

const SLASH = Buffer.from('/')

function refusal(path: GitPath, reason: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_RECORD',
    `${JSON.stringify(path.text)} cannot be restored: ${reason}`,
    { field: 'untracked' },
  )
}
