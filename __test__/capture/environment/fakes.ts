/** Programs and folders that stand for machines the tests do not run on. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createFrameworksSource } from '../../../src/capture/environment/frameworks.ts'
import { findInstalled } from '../../../src/capture/environment/javascript/installed.ts'
import { findPython } from '../../../src/capture/environment/python/find.ts'
import { probeSource } from '../../../src/capture/environment/source.ts'
import { temporaryFolder } from '../fixture.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

/** A folder with shell scripts by name, to be put on `PATH`. */
export function programs(scripts: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder('programs')
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  return folder
}

/** A folder with files by path; objects are written as JSON. */
export function folderOf(files: Readonly<Record<string, string | object>>): string {
  const folder = temporaryFolder('folder')
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  // Where the search for files above ends.
  mkdirSync(join(folder, '.git'), { recursive: true })
  return folder
}

/** What the capture of frameworks records with these variables. */
export async function captureFrameworks(
  variables: NodeJS.ProcessEnv,
  directory: string = folderOf({}),
  timeout = 10_000,
): Promise<JsonObject> {
  const source = createFrameworksSource(findInstalled, findPython)
  const options = { variables: [], packages: true, timeoutMs: timeout }
  const limits = { directory, variables, options }
  return (await probeSource(source, limits)).value
}
