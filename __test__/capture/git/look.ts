/** Looking at small repositories. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGitCapture } from '../../../src/capture/git/git-capture.ts'
import { OPTIONS } from '../../../src/config/table.ts'
import { GIT_ENVIRONMENT, emptyRepository, listAt, textAt, gitInTurn } from '../fixture.ts'
import type { CaptureContext, Captured } from '../../../src/core/component.ts'
import type { GitCaptureSettings } from '../../../src/capture/git/git-capture.ts'
import type { Given, GitOptions } from '../../../src/config/groups.ts'

/** Captures a repository with BLAKE3 and none of the machine's settings. */
export function look(
  directory: string,
  options: Given<GitOptions> & GitCaptureSettings = {},
  context: Partial<CaptureContext> = {},
): Promise<Captured> {
  const resolved = OPTIONS.git.resolve(options, directory)
  return createGitCapture(resolved, { environment: GIT_ENVIRONMENT, ...options }).capture({
    directory,
    algorithm: 'blake3',
    ...context,
  })
}

/** A repository with one commit of some files. */
export function repository(
  files: Readonly<Record<string, string | Buffer>> = { 'a.py': 'a\n', 'b.py': 'b\n' },
): string {
  const folder = emptyRepository()
  for (const [name, content] of Object.entries(files)) write(folder, name, content)
  gitInTurn(folder, ['add', '-A'], ['commit', '-q', '-m', 'first'])
  return folder
}

/** Writes a file with the folders it needs. */
export function write(folder: string, name: string, content: string | Buffer): void {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
}

/** The paths of a recorded list. */
export function paths(captured: Captured, field: string): string[] {
  return listAt(captured.value, field).map((entry) => textAt(entry, 'path'))
}
