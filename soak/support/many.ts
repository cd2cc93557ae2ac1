/** Large inputs that are cheap to create. */
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Create a file that is one hole: it takes no space and reads as zeros. Returns its path. */
export function sparseFile(path: string, bytes: number): string {
  closeSync(openSync(path, 'w'))
  truncateSync(path, bytes)
  return path
}

/** Create a folder of small files, a thousand per subfolder. Returns its path. */
export function manyFiles(path: string, count: number, progress: (line: string) => void): string {
  let folder = path
  for (let index = 0; index < count; index++) {
    if (index % 1000 === 0) {
      folder = join(path, String(index / 1000))
      mkdirSync(folder, { recursive: true })
      if (index % 100_000 === 0 && index > 0) progress(`${index} files made`)
    }
    writeFileSync(join(folder, `file-${index}.txt`), `${index}\n`)
  }
  return path
}
