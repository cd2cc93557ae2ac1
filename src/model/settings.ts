/** The `settings` digest: the JSON files of a component without weights, such as a scheduler. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { inputError } from '../util/fs.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { readConfig } from './config.ts'
import { findTokenizer } from './tokenizer.ts'
import type { AlgorithmChoice, Digests } from '../core/digest.ts'

/** The settings of a folder. */
export interface Settings {
  readonly digests: Digests
  /** Names of the files that count, sorted. */
  readonly files: readonly string[]
}

/**
 * Read the JSON files directly in a folder, except those of a tokenizer (section 3 of `docs/format.md`). What does not
 * change a model is left out, as in a configuration.
 *
 * @returns `undefined` if there are none.
 */
export async function readSettings(
  folder: string,
  algorithm: AlgorithmChoice,
): Promise<Settings | undefined> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw inputError(folder, 'list', cause)
  })
  const tokenizer = new Set(await findTokenizer(folder))
  const files = names
    .filter((name) => name.endsWith('.json') && !tokenizer.has(name))
    .toSorted((a, b) => compareUtf8(a, b))
  if (files.length === 0) return undefined
  const contents = await Promise.all(
    files.map(async (name) => ({ name, content: (await readConfig(join(folder, name))).canonical })),
  )
  return { digests: toDigests(native.settingsDigest(contents, algorithm), 'settings'), files }
}
