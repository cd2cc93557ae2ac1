/** Files that hold the options of a folder. This module loads neither the schema library nor the addon. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * File names that are searched in the working directory only: a parent folder may belong to somebody else.
 */
export const CONFIGURATION_FILES: readonly string[] = ['ts', 'js', 'mjs', 'json', 'yaml', 'yml'].map(
  (extension) => `lineaprint.config.${extension}`,
)

/** The file with a section for lineaprint. */
export const PACKAGE_FILE = 'package.json'

/** Return whether a folder may have options of its own. */
export function mayHaveOptions(folder: string): boolean {
  return [...CONFIGURATION_FILES, PACKAGE_FILE].some((name) => existsSync(join(folder, name)))
}
