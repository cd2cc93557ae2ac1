/** Checks of paths that do not access the disk. */
import { isAbsolute, posix, win32 } from 'node:path'

const SYSTEM: PathRules = process.platform === 'win32' ? win32 : posix

/** The rules of one system: `path.posix` or `path.win32`. */
type PathRules = Pick<typeof posix, 'isAbsolute' | 'relative' | 'sep'>

/**
 * Return whether a path is a folder or lies below it, by the names alone: links are not followed.
 *
 * @param folder Absolute; a trailing separator makes no difference, and the root is a valid folder.
 * @param path Absolute; a relative path is never inside.
 * @param rules The path rules to apply. @default those of this system
 */
export function isInside(folder: string, path: string, rules: PathRules = SYSTEM): boolean {
  if (!rules.isAbsolute(folder) || !rules.isAbsolute(path)) return false
  const below = rules.relative(folder, path)
  // On Windows, the relative path to another drive is absolute. A name may begin with two dots.
  return below !== '..' && !below.startsWith(`..${rules.sep}`) && !rules.isAbsolute(below)
}

/**
 * Return whether a path from a record stays below the folder that it is joined to, on every system: it is
 * relative, has no `..` between separators of either kind, and has no NUL.
 */
export function isSafeRelativePath(path: string): boolean {
  return !isAbsolute(path) && !path.split(/[/\\]/).includes('..') && !path.includes('\0') && path !== ''
}
