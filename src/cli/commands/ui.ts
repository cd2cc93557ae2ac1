/** `lineaprint ui`: the page on the store of this machine. */
import { once } from 'node:events'
import { stdin } from 'node:process'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { findRun } from '../../database/runs.ts'
import { servePage } from '../../server/serve.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { startDetached } from '../../subprocess/detached.ts'
import { wholeNumber } from '../shared/arguments.ts'
import { isTerminal, print, printError, printJson } from '../shared/output.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { ServedPage } from '../../server/serve.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface UiOptions extends StoreOptions {
  readonly port: number
  readonly open: boolean
}

/** Build the command. */
export function command({ signal }: CommandContext): Command {
  return storeOptions(new Command('ui'))
    .argument('[run]', `open the page of this run: ${REFERENCE_HELP}`)
    .option('--port <number>', 'port on 127.0.0.1; 0 for a free one', wholeNumber(0, 65_535), 0)
    .option('--no-open', 'print the link, and start no browser')
    .addHelpText(
      'after',
      `
Serves a page with the runs of the store to this machine only, until Ctrl-C. The link works once: the first browser that
opens it is signed in. Nothing is sent to other machines, and nothing in the store changes except its index.

Examples:
  lineaprint ui
  lineaprint ui @latest --no-open --port 8123`,
    )
    .action(async (reference: string | undefined, options: UiOptions) => {
      const { store, configuration } = await openStore(options)
      const path = reference === undefined ? '/' : `/runs/${(await findRun(store, reference)).id}`
      const page = await servePage({
        store,
        directory: process.cwd(),
        trackers: configuration.trackers,
        port: options.port,
      })
      try {
        await announce(page, path, options)
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        await page.close()
      }
    })
}

async function announce(page: ServedPage, path: string, { json, open }: UiOptions): Promise<void> {
  const link = page.link(path)
  if (json === true) printJson({ link, port: page.port })
  else print(link)
  if (json === true) return
  if (open && !(await isOpened(link)))
    printError('lineaprint: no browser could be started; open the link yourself')
  if (!isTerminal() || !stdin.isTTY) return
  printError('Ctrl-C ends it; Enter prints another link, for another browser')
  const lines = createInterface({ input: stdin })
  lines.on('line', () => print(page.link(path)))
  // Without this, a process that reads its terminal would not end.
  stdin.unref()
}

/** Open a link in the browser of this user; false if no program for that is there. */
async function isOpened(link: string): Promise<boolean> {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['open']
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler']
        : ['xdg-open']
  return program !== undefined && startDetached(program, [...args, link])
}
