/** Where the store of a command is: its options, and opening it. */
import { Command } from 'commander'
import { resolveConfiguration } from '../../config/sources.ts'
import { storeIn } from '../../store/store.ts'
import type { Configuration } from '../../config/options.ts'
import type { Store } from '../../store/store.ts'
import type { CommonOptions } from './context.ts'

/** Options that say where the store is. */
export interface StoreOptions extends CommonOptions {
  readonly outputDir?: string
  readonly config?: string
}

/** Add them to a command. */
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
