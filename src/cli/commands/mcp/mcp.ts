/** `lineaprint mcp`: the questions about a store over stdio, for programs and agents. */
import { Command } from 'commander'
import { LiveMetrics } from '../../../server/live-metrics.ts'
import { RunLists, sourceOf } from '../../../server/run-lists.ts'
import { RunReader } from '../../../server/run-reader.ts'
import { openStore, storeOptions } from '../../shared/store.ts'
import { serveTools } from './serve.ts'
import type { CommandContext } from '../../shared/context.ts'
import type { StoreOptions } from '../../shared/store.ts'

/** Build the command. */
export function command({ signal }: CommandContext): Command {
  return storeOptions(new Command('mcp'))
    .addHelpText(
      'after',
      `
Answers questions about the runs of the store in the Model Context Protocol, on stdin and stdout, until stdin ends. A client
starts it; nothing but the protocol is on stdout. No tool changes a run or takes a path.

Example:
  lineaprint mcp

For the configuration of a client:
  {"mcpServers": {"lineaprint": {"command": "lineaprint", "args": ["mcp", "--output-dir", "/home/me/project"]}}}`,
    )
    .action(async (options: StoreOptions) => {
      const { store, configuration } = await openStore(options)
      await serveTools(
        {
          store,
          directory: process.cwd(),
          trackers: configuration.trackers,
          lists: new RunLists(sourceOf(store), new LiveMetrics(store)),
          reader: new RunReader(store),
        },
        signal,
      )
    })
}
