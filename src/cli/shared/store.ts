/** The options that locate the store of a command. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { resolveConfiguration } from '../../config/sources.ts'
import { storeIn } from '../../store/store.ts'
import type { Configuration } from '../../config/options.ts'
import type { Store } from '../../store/store.ts'
import type { CommonOptions } from './context.ts'

/** Values of the options. */
export interface StoreOptions extends CommonOptions {
  readonly outputDir?: string
  readonly config?: string
}

/** Add the options to a command. */
export function storeOptions(target: Command): Command {
  return target
    .option(
      '--output-dir <folder>',
      'folder that holds the store .lineaprint (default: the working directory)',
    )
    .option(
      '--config <file>',
      'a configuration file instead of the one in the working directory; a program is executed',
    )
}

/** Open the store that the options name. A program in the working directory is not executed to find it. */
export async function openStore({
  outputDir,
  config,
}: StoreOptions): Promise<{ store: Store; configuration: Configuration }> {
  const configuration = await resolveConfiguration({ outputDir }, { file: config, executePrograms: false })
  return { store: storeIn(configuration.outputDir), configuration }
}

/** Return the store that is known without reading a configuration file. */
export function knownStore({ outputDir }: { readonly outputDir?: string | undefined }): Store {
  return storeIn(resolve(outputDir ?? process.env['LINEAPRINT_OUTPUT_DIR'] ?? '.'))
}
