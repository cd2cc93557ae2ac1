/** The options that locate the store of a command. */
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
    .option('--config <file>', 'a configuration file instead of the one in the working directory')
}

/** Open the store that the options name. */
export async function openStore({
  outputDir,
  config,
}: StoreOptions): Promise<{ store: Store; configuration: Configuration }> {
  const configuration = await resolveConfiguration({ outputDir }, { file: config })
  return { store: storeIn(configuration.outputDir), configuration }
}
