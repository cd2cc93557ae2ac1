/** Temporary folders and files for tests. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new folder with these files, removed when the test is over. Its path has no links in it. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return root
}

/** Bytes with a period that shares no factor with a block. */
export function paint(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < Math.min(length, 251); at++) bytes[at] = at
  for (let done = 251; done < length; done *= 2) bytes.copyWithin(done, 0, done)
  return bytes
}
